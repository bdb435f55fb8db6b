"""A real network of one cable: a second network namespace, and between it and us nothing but packets.

For: tests/clients/test_network.py. Owns: the namespace, two TUN devices, and the thread that carries packets from one
to the other, or loses, delays and forges them. Never: acknowledges anything: both ends are the kernel's own TCP.

There is nothing to clean up after a crash. The devices are gone with their descriptors, the namespace with its last
process, and that ends when this one does.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from select import select

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES_MAX = 65536
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
ACKNOWLEDGED_SECONDS = 5.0
"""How long `cut` waits for acknowledgements at most."""
SETTLED_SECONDS = 1.0

Key = tuple[bytes, int, bytes, int]
"""One direction of a TCP connection: an end's address and port, then the other's."""


class NoNetwork(Exception):
    """Why none can be made here."""


class Wire:
    """Packets between `here` (this namespace) and `there` (another one). In a thread, until the context is left.

    `open_to` says which ends packets still reach. `loss`, `delay` and `jitter` (seconds) are for every packet.
    """

    def __init__(self, seed: int = 0) -> None:
        reason = missing()
        if reason:
            raise NoNetwork(reason)
        self.chance = random.Random(seed)
        self.loss = self.delay = self.jitter = 0.0
        self.lost = self.carried = 0
        self.open_to = {"here", "there"}
        self._old: set[Key] = set()
        self._barred = False
        self._opened = 0.0
        net = random.SystemRandom().randrange(2**17 // 4) * 4
        # 198.18.0.0/15 is for measuring networks (RFC 2544): nobody routes it.
        addresses = [f"198.{18 + net // 65536}.{net // 256 % 256}.{net % 256 + n}" for n in range(4)]
        self.here, self.there, *self._others = addresses
        self._name = f"sl{os.getpid() % 100000}{os.urandom(2).hex()}"
        self._awaited: dict[Key, int] = {}
        """The sequence number that each end awaits of the other."""
        self._acknowledged: dict[Key, int] = {}
        """What it has said of that."""
        self._finished: set[Key] = set()
        self._due: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._lock = threading.Lock()

    # --- its life

    def __enter__(self) -> Wire:
        self._space = namespace()
        try:
            self._fds = {"here": device(self._name + "a"), "there": device(self._name + "b")}
            ip("addr", "add", self.here, "peer", self.there, "dev", self._name + "a")
            ip("link", "set", self._name + "a", "up")
            ip("link", "set", self._name + "b", "netns", str(self._space.pid))
            self._address(self.there)
        except BaseException:
            self._space.kill()
            raise
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._waker)
        self._thread.join()
        for fd in (*self._fds.values(), self._wake):
            os.close(fd)
        self._space.kill()
        self._space.communicate()

    def inside(self, *command: str) -> list[str]:
        """The command that runs `command` at the other end."""
        return ["nsenter", f"--net=/proc/{self._space.pid}/ns/net", *command]

    def _address(self, address: str) -> None:
        there = self._name + "b"
        ip("addr", "add", address, "peer", self.here, "dev", there, inside=self)
        ip("link", "set", there, "up", inside=self)
        self.there = address
        self._route()

    def _route(self) -> None:
        # Nobody can tell what arrived within the 40 ms for which Linux may put off an acknowledgement: not here.
        route = [self.here, "dev", self._name + "b", "src", self.there, "quickack", "1"]
        ip("route", "replace", *route, inside=self)

    # --- what happens to it

    def cut(self, *, abruptly: bool = False) -> None:
        """Nothing passes any more. Unless `abruptly`, what has arrived there is acknowledged first."""
        self.open_to = set() if abruptly else {"here"}
        deadline = time.monotonic() + ACKNOWLEDGED_SECONDS
        while not (abruptly or self._quiet()) and time.monotonic() < deadline:
            time.sleep(0.002)
        self.open_to = set()

    def _quiet(self) -> bool:
        """Has the other end acknowledged all that was carried to it?"""
        with self._lock:
            there = {key: sequence for key, sequence in self._awaited.items() if key[0] == socket.inet_aton(self.there)}
            return all(self._acknowledged.get(key) == sequence for key, sequence in there.items())

    def mend(self, *, anew: bool = False) -> None:
        """Everything passes again; `anew`: nothing of connections that there were before, until it is called again."""
        with self._lock:
            self._barred = anew
            if anew:
                self._old = {*self._awaited}
        self.open_to = {"here", "there"}

    def settled(self) -> bool:
        """Are the connections over that were barred, and did none begin for a while?"""
        with self._lock:
            return not self._old & self._awaited.keys() and self._opened < time.monotonic() - SETTLED_SECONDS

    def reset(self, *ends: str) -> None:
        """Reset every connection at these ends; at both, as a router that has forgotten them, when none is named."""
        with self._lock:
            awaited = dict(self._awaited)
            self._awaited.clear()
            self._acknowledged.clear()
        for (end, port, other, its), sequence in awaited.items():
            where = "here" if socket.inet_ntoa(end) == self.here else "there"
            if not ends or where in ends:
                self._send(where, segment(other, its, end, port, sequence))

    def move(self) -> None:
        """The other end loses its connections and its address, and gets another: from Wi-Fi to mobile.

        Phones reset what was bound to the address that is gone; nobody tells us.
        """
        before, after = self.there, self._others.pop(0)
        self._others.append(before)
        ip("route", "replace", after, "dev", self._name + "a")
        self._address(after)
        self.reset("there")
        ip("addr", "del", before, "peer", self.here, "dev", self._name + "b", inside=self)
        self._route()  # it went with the address

    # --- the thread

    def _carry(self) -> None:
        ends = {self._fds["here"]: "there", self._fds["there"]: "here"}
        while True:
            wait = max(self._due[0][0] - time.monotonic(), 0) if self._due else None
            ready, _, _ = select([*ends, self._wake], [], [], wait)
            if self._wake in ready:
                return
            for fd in ready:
                self._take(os.read(fd, PACKET_BYTES_MAX), ends[fd])
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, fd, packet = heapq.heappop(self._due)
                with contextlib.suppress(OSError):
                    os.write(fd, packet)

    def _take(self, packet: bytes, to: str) -> None:
        if packet[0] >> 4 != 4:
            return
        if to not in self.open_to or self.chance.random() < self.loss:
            self.lost += 1
            return
        if not self._note(packet):
            self.lost += 1
            return
        self.carried += 1
        wait = self.delay + self.chance.random() * self.jitter
        if wait:
            self._count += 1
            heapq.heappush(self._due, (time.monotonic() + wait, self._count, self._fds[to], packet))
        else:
            self._send(to, packet)

    def _send(self, to: str, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._fds[to], packet)

    def _note(self, packet: bytes) -> bool:
        """Keep what each end awaits next of the other. Returns whether the packet may pass."""
        head = (packet[0] & 15) * 4
        if packet[9] != socket.IPPROTO_TCP or len(packet) < head + 20:
            return True
        source, target, sequence, acknowledges, offset, flags = struct.unpack_from("!HHIIBB", packet, head)
        key, other = (packet[12:16], source, packet[16:20], target), (packet[16:20], target, packet[12:16], source)
        length = len(packet) - head - (offset >> 4) * 4 + bool(flags & FIN)
        with self._lock:
            if self._barred and (key in self._old or other in self._old):
                return False
            if flags & FIN:
                self._finished.add(key)
            if flags & RST or {key, other} <= self._finished:
                self._forget(key, other)
                return True
            if flags & SYN:
                self._opened = time.monotonic()
                self._awaited[other] = (sequence + 1) % 2**32
            elif key in self._awaited and flags & ACK:
                self._acknowledged[key] = acknowledges
                if (acknowledges - self._awaited[key]) % 2**32 < 2**31:
                    self._awaited[key] = acknowledges
            if self._awaited.get(other) == sequence:
                self._awaited[other] = (sequence + length) % 2**32
        return True

    def _forget(self, *keys: Key) -> None:
        for key in keys:
            self._awaited.pop(key, None)
            self._acknowledged.pop(key, None)
            self._finished.discard(key)


def missing() -> str:
    """Why there can be no second namespace; nothing when there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "only root makes network devices"
    lacking = [each for each in ("ip", "unshare", "nsenter") if shutil.which(each) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    return "" if os.path.exists("/dev/net/tun") else "the kernel has no /dev/net/tun"


def namespace() -> subprocess.Popen[str]:
    """A process in a network namespace of its own, which ends when this one does."""
    # A second address stays when the first is removed.
    settle = "ip link set lo up && echo 1 > /proc/sys/net/ipv4/conf/all/promote_secondaries"
    space = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", f"{settle} && echo ready && exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert space.stdout is not None
    if space.stdout.readline() != "ready\n":
        raise NoNetwork(f"no namespace can be made: {space.communicate()[1]}")
    return space


def device(name: str) -> int:
    """A new TUN device's descriptor. Raises NoNetwork."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError as failure:
        os.close(fd)
        raise NoNetwork(f"no TUN device can be made: {failure}") from failure
    return fd


def ip(*words: str, inside: Wire | None = None) -> None:
    """Run iproute2's `ip`."""
    command = ["ip", *words]
    subprocess.run(inside.inside(*command) if inside else command, check=True, capture_output=True)


def segment(source: bytes, port: int, target: bytes, to: int, sequence: int) -> bytes:
    """A TCP packet that resets a connection (RFC 9293, 3.5.3)."""
    tcp = struct.pack("!HHIIBBHHH", port, to, sequence, 0, 5 << 4, RST, 0, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip4 = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    return ip4[:10] + struct.pack("!H", checksum(ip4)) + ip4[12:] + tcp


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
