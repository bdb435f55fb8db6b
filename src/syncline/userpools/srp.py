"""SRP-6a as Cognito's clients speak it (user-pools reference, 4): numbers only.

For: sign-in. Owns: the group, and how integers become bytes. Never: stores; knows a user beyond name and verifier.
Modular powers run in OpenSSL through `cryptography`'s Diffie-Hellman: a tenth of the time of Python's integers, and
constant in the exponent. Where that is gone, Python's own `pow` does the same.
"""

from __future__ import annotations

import hashlib
import hmac
import warnings
from base64 import b64encode

import msgspec

N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
INFO = b"Caldera Derived Key"
KEY_BYTES = 16
SECRET_BYTES = 32
"""Of the server's random exponent b."""


class Verifier(msgspec.Struct, frozen=True):
    """What is kept of a password. `salt` is a number."""

    salt: int
    value: int


def pad(number: int) -> bytes:
    """The least big-endian bytes, with a zero byte before a set top bit."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hashed(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


K = _hashed(pad(N), pad(G))


def verifier_of(pool_name: str, username: str, password: str, salt: int) -> Verifier:
    """The verifier of a password. `pool_name` is the pool id after its `_`."""
    inner = hashlib.sha256(f"{pool_name}{username}:{password}".encode()).digest()
    return Verifier(salt, power(G, _hashed(pad(salt), inner)))


def server_public(verifier: Verifier, secret: int) -> int:
    """B."""
    return (K * verifier.value + power(G, secret)) % N


def session_key(verifier: Verifier, client_public: int, secret: int, public: int) -> bytes | None:
    """The key both sides have when the password was right; None for a client's number that cannot be.

    `public` is B, as it was sent: made once, since it costs a third of a sign-in's powers.
    """
    scrambler = _hashed(pad(client_public), pad(public))
    if client_public % N == 0 or scrambler == 0:
        return None
    shared = power(client_public * power(verifier.value, scrambler) % N, secret)
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), KEY_BYTES, salt=pad(scrambler), info=INFO).derive(pad(shared))


def signature(key: bytes, pool_name: str, username: str, block: bytes, timestamp: str) -> str:
    """What the client proves its key with."""
    message = f"{pool_name}{username}".encode() + block + timestamp.encode()
    return b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


def power(base: int, exponent: int) -> int:
    """base ** exponent mod N."""
    base %= N
    if base < 2 or exponent < 1:
        return pow(base, exponent, N)
    # Imported with the first password: it costs an eighth of a start.
    from cryptography.hazmat.primitives.asymmetric import dh

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = dh.DHParameterNumbers(N, G)
            # The public half plays no part in the exchange; any element of the group will do.
            own = dh.DHPrivateNumbers(exponent, dh.DHPublicNumbers(4, group)).private_key()
            return int.from_bytes(own.exchange(dh.DHPublicNumbers(base, group).public_key()), "big")
    except (ValueError, AttributeError):
        return pow(base, exponent, N)
