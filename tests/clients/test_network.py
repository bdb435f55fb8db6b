"""A real network that fails: packets between two kernels vanish, are delayed, or reset the connection.

For each client: it misses nothing and gets nothing twice. SYNCLINE_NETWORK_CUTS=200 makes a long run of it. A failure
names its seed.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.amplify import SUBSCRIPTIONS, Amplify, Follower, PythonClient
from support.events import EventApi
from support.notes import Notes, deploy
from support.server import Server, eventually
from support.wire import NoNetwork, Wire, missing

CUTS = int(os.environ.get("SYNCLINE_NETWORK_CUTS", "6"))
SECONDS_PER_CUT = 20
TELL = "mutation T($id: ID!, $text: String!) { tell(id: $id, text: $text) { id text } }"
AGAIN_SECONDS = 60

# The package ws inflates in a thread, and gives the messages of a socket that amplify has left beside its next one's.
PLAIN = {"SYNCLINE_HUB_DEFLATE": "false"}
# Clients take a connection for lost after 1.5 s, the server does after a minute; or the other way round.
CLIENTS_FIRST = {
    "SYNCLINE_HUB_KEEP_ALIVE_SECONDS": "0.5",
    "SYNCLINE_HUB_CONNECTION_TIMEOUT_MS": "1500",
    "SYNCLINE_HUB_SILENT_SECONDS_MAX": "60",
}
SERVER_FIRST = {
    "SYNCLINE_HUB_KEEP_ALIVE_SECONDS": "0.5",
    "SYNCLINE_HUB_CONNECTION_TIMEOUT_MS": "60000",
    "SYNCLINE_HUB_SILENT_SECONDS_MAX": "3",
}

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"no second network can be made: {missing()}"),
    pytest.mark.timeout(120 + SECONDS_PER_CUT * CUTS),
]


class World:
    """A server, a wire, and at its other end one client of each kind, while somebody publishes numbers."""

    def __init__(self, wire: Wire, server: Server, seed: int) -> None:
        self.wire, self.server, self.seed = wire, server, seed
        self.chance = random.Random(seed)
        self.notes, self.events = deploy(server, "Network"), EventApi(server)
        self.clients: dict[str, Follower] = {}
        self.told = 0
        self.telling = threading.Lock()
        self._over = threading.Event()
        self._publisher = threading.Thread(target=self._publish)
        self._failure: Exception | None = None

    def connect(self, *kinds: str) -> World:
        """Start clients of these kinds, then publishing."""
        for kind in kinds:
            self.clients[kind] = self._client(*kind.split())
        for client in self.clients.values():
            eventually(lambda client=client: client.acknowledged == SUBSCRIPTIONS, seconds=AGAIN_SECONDS)
        self._publisher.start()
        return self

    def _client(self, library: str, service: str, scheme: str) -> Follower:
        api: Notes | EventApi = self.notes if service == "graphql" else self.events
        secure = api.url.replace("http:", "https:")
        if library == "python":
            return PythonClient(api, secure if scheme == "wss" else api.url, inside=self.wire.inside)
        sockets = {"ws": "plain", "wss": "ws", "native": "native"}[scheme]
        return Amplify(api, secure, "stock", sockets, inside=self.wire.inside)

    def tell(self) -> None:
        """Have every subscription hear the next number."""
        self.told += 1
        # On a busy machine its templates may run for too long: then nothing was published.
        while "errors" in self.notes.ask(TELL, id="cuts", text=str(self.told)):
            pass
        for n in range(SUBSCRIPTIONS):
            assert self.events.post(f"/default/cuts/{n}", self.told)[0] == 200

    def _publish(self) -> None:
        pace = random.Random(self.seed + 1)
        try:
            while not self._over.wait(pace.uniform(0.002, 0.03)):
                with self.telling:
                    self.tell()
        except (AssertionError, OSError) as failure:  # `check` raises it
            self._failure = failure

    def all_hear(self) -> None:
        """Return once every client has heard something that was published after this was called."""
        told = self.told

        def away() -> dict[str, Any]:
            clients = self.clients.items()
            return {kind: each.said for kind, each in clients if not each.heard_after(told)}

        try:
            eventually(lambda: not away(), seconds=AGAIN_SECONDS)
        except AssertionError:
            raise AssertionError(f"seed {self.seed}: these do not come back: {away()}") from None

    def run(self, losses: list[Callable[[World], None]], cycles: int = CUTS) -> None:
        """Lose the network in one of these ways again and again; then everybody has heard every number once."""
        for _ in range(cycles):
            self.all_hear()
            time.sleep(self.chance.uniform(0, 0.15))
            self.chance.choice(losses)(self)
        self.all_hear()
        self.check()

    def check(self) -> None:
        """End publishing: every number was heard once, in order."""
        self._over.set()
        self._publisher.join()
        if self._failure is not None:
            raise self._failure
        eventually(lambda: all(each.has_heard(self.told) for each in self.clients.values()), seconds=AGAIN_SECONDS)
        for kind, client in self.clients.items():
            for heard in client.heard.values():
                odd = [pair for pair in pairwise(heard) if pair[1] != pair[0] + 1]
                assert (odd[:5], heard[-1], client.other) == ([], self.told, []), f"{kind}, seed {self.seed}"

    def gauge(self, name: str) -> float:
        """The sum of an instrument over its labels."""
        lines = self.server.get("/metrics").decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + " ", name + "{")))

    def end(self) -> None:
        """End the publisher and the clients."""
        self._over.set()
        if self._publisher.is_alive():
            self._publisher.join()
        for client in self.clients.values():
            client.end()


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A world whose server has the settings that the test names."""
    seed = random.randrange(2**32)
    with ExitStack() as stack:
        try:
            wire = stack.enter_context(Wire(seed))
        except NoNetwork as reason:
            pytest.skip(str(reason))
        settings = {"SYNCLINE_HOST": wire.here, **PLAIN, **getattr(request, "param", {})}
        server = Server(tmp_path / "data", "serve", settings=settings).start()
        stack.callback(server.kill)
        made = World(wire, server, seed)
        stack.callback(made.end)
        yield made


# --- ways to lose it


def pause(world: World) -> None:
    """Packets vanish for a while; then TCP sends them again."""
    world.wire.cut(abruptly=True)
    time.sleep(world.chance.choice([0.05, 0.3, 1.0, 2.0]))
    world.wire.mend()


def reset(world: World) -> None:
    """A router has forgotten the connections, and says so; maybe after it was away."""
    world.wire.cut()
    if world.chance.random() < 0.5:
        time.sleep(world.chance.uniform(0, 0.3))
    world.wire.reset()
    world.wire.mend()


def move(world: World) -> None:
    """From Wi-Fi to mobile."""
    world.wire.cut()
    world.wire.move()
    world.wire.mend()


def noise(world: World) -> None:
    """Packets are lost, delayed, and overtake each other."""
    world.wire.loss, world.wire.jitter = world.chance.uniform(0.05, 0.2), world.chance.choice([0, 0.005, 0.03])
    time.sleep(1.5)
    world.wire.loss = world.wire.jitter = 0


def half_open(world: World) -> None:
    """The clients have given up, and come back over new connections. The server believes in the old ones.

    What these still have to deliver would arrive after that: all of it comes over the new ones.
    """
    # aws-amplify closes its new socket when it hears that the old one is closed, and comes back again.
    eventually(world.wire.settled, seconds=AGAIN_SECONDS)
    world.all_hear()
    world.wire.cut()
    time.sleep(world.chance.uniform(1.7, 2.4))
    world.wire.mend(anew=True)
    world.all_hear()
    world.wire.mend()


def abandoned(world: World) -> None:
    """The server has given up, and its kernel has too, or not yet. The clients believe in their connections."""
    world.wire.cut()
    time.sleep(world.chance.choice([3, 9]))
    world.wire.mend()


EVERYBODY = [
    f"{library} {service} {scheme}"
    for library in ("amplify", "python")
    for service in ("graphql", "events")
    for scheme in ("ws", "wss")
]


@pytest.mark.rule("GQL-30")
@pytest.mark.rule("EVT-41")
@pytest.mark.rule("EDG-21")
@pytest.mark.rule("CLT-1")
def test_nothing_is_missed_or_twice_on_a_network_that_fails_and_comes_back(world: World) -> None:
    world.connect(*EVERYBODY).run([pause, reset, move, noise])


@pytest.mark.rule("GQL-30")
@pytest.mark.rule("EVT-41")
@pytest.mark.rule("EDG-33")
@pytest.mark.rule("CLT-1")
@pytest.mark.parametrize("world", [CLIENTS_FIRST], indirect=True)
def test_clients_that_gave_up_go_on_over_new_connections_alone(world: World) -> None:
    world.connect(*EVERYBODY).run([half_open], (CUTS + 1) // 2)
    assert world.gauge("syncline_graphql_unresumed_total") == world.gauge("syncline_events_unresumed_total") == 0


@pytest.mark.rule("EDG-28")
@pytest.mark.rule("EDG-33")
@pytest.mark.parametrize("world", [SERVER_FIRST], indirect=True)
def test_the_server_lets_go_of_who_is_away_and_they_go_on_when_they_are_back(world: World) -> None:
    world.connect("amplify graphql wss", "amplify events ws", "amplify graphql native").all_hear()
    world.wire.cut()
    eventually(lambda: world.gauge("syncline_edge_websockets") == 0, seconds=AGAIN_SECONDS)
    assert world.gauge("syncline_hub_subscriptions") == 0
    assert [event["event"] for event in world.server.events()].count("silent peer") >= len(world.clients)
    world.wire.mend()
    world.run([abandoned], CUTS // 6)


@pytest.mark.rule("GQL-70")
@pytest.mark.rule("CLT-1")
def test_what_a_durable_api_publishes_while_a_client_is_away_survives_a_kill(world: World) -> None:
    clients = [f"python {service} {scheme}" for service in ("graphql", "events") for scheme in ("ws", "wss")]
    make_durable(world)
    world.connect(*clients)
    for _ in range((CUTS + 2) // 3):
        world.all_hear()
        world.wire.cut()
        with world.telling:
            world.server.kill()
            world.server.start()
        time.sleep(world.chance.uniform(0, 0.3))
        world.wire.mend()
    world.all_hear()
    world.check()


def make_durable(world: World) -> None:
    """Have both APIs keep what they publish."""
    appsync = world.server.root("appsync")
    arn = appsync.get_graphql_api(apiId=world.notes.api_id)["graphqlApi"]["arn"]
    appsync.tag_resource(resourceArn=arn, tags={"syncline:durable": "true"})
    space: Any = appsync.get_channel_namespace(apiId=world.events.id, name="default")["channelNamespace"]
    appsync.tag_resource(resourceArn=space["channelNamespaceArn"], tags={"syncline:history": "true"})
