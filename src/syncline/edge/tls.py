"""Certificates: a development authority made on first start, or the user's own.

For: `edge.listener`. Owns: the files under `<data>/tls`. Never: imports `cryptography` before it has to make a file,
for that import costs more than the whole rest of a start.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from syncline.core import Clock, Ids, Invalid, json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, GeneralName, KeyUsage, Name

LOCAL_NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1")
AUTHORITY_DAYS = 3650
SERVER_DAYS = 397  # Apple's platforms trust none that lives longer.
RENEW_DAYS = 30

WILDCARDS = frozenset({"", "0.0.0.0", "::"})


class CertificateUnusable(Invalid):
    """The TLS certificate {cert} and key {key} cannot be used: {reason}"""


class Written(msgspec.Struct, frozen=True):
    """What `server.json` remembers of the certificate beside it."""

    names: list[str]
    ends: float
    authority_ends: float


class OwnCertificate:
    """The user's own certificate and key."""

    ca_path: Path | None = None

    def __init__(self, cert: str, key: str) -> None:
        self._cert, self._key = cert, key

    def context(self) -> ssl.SSLContext:
        """A context that shows the certificate. Raises CertificateUnusable."""
        try:
            return server_context(self._cert, self._key)
        except (OSError, ssl.SSLError) as failure:
            raise CertificateUnusable(cert=self._cert, key=self._key, reason=str(failure)) from failure


class DevelopmentAuthority:
    """An authority of this machine's own, and a certificate of it for every local name."""

    def __init__(self, folder: Path, clock: Clock, ids: Ids, names: Iterable[str] = ()) -> None:
        self.ca_path: Path | None = folder / "ca.pem"
        self._folder = folder
        self._lock = threading.Lock()  # the listener looks after the files on a thread
        self._clock = clock
        self._ids = ids
        self._names = sorted({*LOCAL_NAMES, *names} - WILDCARDS)

    def context(self) -> ssl.SSLContext:
        """A context with a certificate that is still good for a while; makes or renews the files when needed."""
        self.ensure()
        return server_context(self._folder / "server.pem", self._folder / "server.key")

    def ensure(self) -> bool:
        """Make what is missing or near its end. Returns whether anything was made."""
        with self._lock:
            soon = self._clock.now() + RENEW_DAYS * 86400
            written = self._written()
            if written is not None and written.names == self._names and written.ends > soon:
                return False
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            authority = written is not None and written.authority_ends > soon and self._has("ca.pem", "ca.key")
            self._write(keep_authority=authority)
            return True

    def _written(self) -> Written | None:
        if not self._has("server.json", "server.pem", "server.key", "ca.pem"):
            return None
        try:
            return msgspec.json.decode((self._folder / "server.json").read_bytes(), type=Written)
        except msgspec.MsgspecError:
            return None

    def _has(self, *names: str) -> bool:
        return all((self._folder / name).is_file() for name in names)

    def _write(self, *, keep_authority: bool) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        now = datetime.fromtimestamp(self._clock.now(), UTC)
        if keep_authority:
            ca = x509.load_pem_x509_certificate((self._folder / "ca.pem").read_bytes())
            ca_key = load_key((self._folder / "ca.key").read_bytes())
        else:
            ca_key = ec.generate_private_key(ec.SECP256R1())
            ca = authority_certificate(ca_key, f"Syncline development CA {self._ids.short(6)}", now)
            write_file(self._folder / "ca.key", key_pem(ca_key), mode=0o600)
            write_file(self._folder / "ca.pem", pem(ca))
        key = ec.generate_private_key(ec.SECP256R1())
        cert = server_certificate(key, self._names, ca, ca_key, now)
        write_file(self._folder / "server.key", key_pem(key), mode=0o600)
        write_file(self._folder / "server.pem", pem(cert) + pem(ca))
        ends, authority_ends = (each.not_valid_after_utc.timestamp() for each in (cert, ca))
        write_file(self._folder / "server.json", json.encode(Written(self._names, ends, authority_ends)))


Certificates = OwnCertificate | DevelopmentAuthority


def server_context(cert: str | Path, key: str | Path) -> ssl.SSLContext:
    """A server's TLS context. Raises OSError or ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def authority_certificate(key: EllipticCurvePrivateKey, name: str, now: datetime) -> Certificate:
    """A certificate by which `key` vouches for others."""
    from cryptography import x509

    subject = named(name)
    usage = key_usage(key_cert_sign=True, crl_sign=True)
    return signed(
        begun(subject, subject, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True),
        key,
    )


def server_certificate(
    key: EllipticCurvePrivateKey, names: Iterable[str], ca: Certificate, ca_key: EllipticCurvePrivateKey, now: datetime
) -> Certificate:
    """A certificate for a server of these names."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    vouched = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return signed(
        begun(named("Syncline"), ca.subject, key, now, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(vouched, critical=False),
        ca_key,
    )


def begun(subject: Name, issuer: Name, key: EllipticCurvePrivateKey, now: datetime, days: int) -> CertificateBuilder:
    """What both kinds of certificate have."""
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def signed(builder: CertificateBuilder, key: EllipticCurvePrivateKey) -> Certificate:
    """The certificate, signed with the key."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return builder.sign(key, SHA256())


def named(name: str) -> Name:
    """A subject of this common name."""
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def key_usage(**allowed: bool) -> KeyUsage:
    """The key usage extension: what is named, and nothing else."""
    from cryptography import x509

    uses = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    rest = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{use: allowed.get(use, False) for use in (*uses, *rest)})


def general_name(name: str) -> GeneralName:
    """A host name or an IP address, as certificates hold it."""
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def pem(certificate: Certificate) -> bytes:
    """The certificate as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def key_pem(key: EllipticCurvePrivateKey) -> bytes:
    """The key as PEM, unencrypted."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(text: bytes) -> EllipticCurvePrivateKey:
    """The key that a PEM text holds."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(text, None)
    assert isinstance(key, EllipticCurvePrivateKey), "the authority's key is the one we made"
    return key


def write_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a whole file or none of it, readable as `mode` says from the first byte on."""
    draft = path.with_suffix(path.suffix + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
