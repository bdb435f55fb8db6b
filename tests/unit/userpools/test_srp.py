"""SRP: the vector that the real client and an independent server agree on, and the algebra."""

from __future__ import annotations

import hashlib
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.userpools import srp

A_SECRET = int("0123456789abcdef" * 16, 16)
B_SECRET = int("fedcba9876543210" * 16, 16)
SALT = int("8f1e2d3c4b5a69788796a5b4c3d2e1f0", 16)
BLOCK = b64decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==")
STAMP = "Sat Nov 21 05:02:03 UTC 2026"


def hex_hash(number: int) -> str:
    return hashlib.sha256(f"{number:x}".encode()).hexdigest()


@pytest.mark.rule("UPL-1")
def test_the_published_clients_vector() -> None:
    verifier = srp.verifier_of("Test12345", "alice", "Passw0rd!", SALT)
    assert hex_hash(verifier.value) == "e3c0d3ff4f63679991727677193a1b335f3da2696efb3481f01c8b5768452554"
    public = srp.power(srp.G, A_SECRET)
    assert hex_hash(public) == "a38fb1d51d94bab67b85bfa082a654a1fee9b9a6ce0dc7223591727069d90d80"
    server = srp.server_public(verifier, B_SECRET)
    assert hex_hash(server) == "19351ee91a995d885dfd8ce7a0c7084d427c68885ac4efc583cc0048ee586086"
    key = srp.session_key(verifier, public, B_SECRET, server)
    assert key is not None
    assert key.hex() == "7e271c263b2c5ca90f4e34125bc94d1d"
    assert srp.signature(key, "Test12345", "alice", BLOCK, STAMP) == "F0PsaXRv1OsCdq1iL/HxL2K4t0ubhNms8wZNzo9rA2I="


@pytest.mark.rule("UPL-1")
def test_k_is_the_documented_constant() -> None:
    assert f"{srp.K:x}" == "538282c4354742d7cbbde2359fcf67f9f5b3a6b08791e5011b43b8a5b66d9ee6"


@pytest.mark.rule("UPL-1")
@pytest.mark.parametrize("multiple", [0, 1, 2])
def test_a_client_number_that_is_zero_in_the_group_has_no_key(multiple: int) -> None:
    verifier = srp.verifier_of("Test12345", "alice", "Passw0rd!", SALT)
    assert srp.session_key(verifier, multiple * srp.N, B_SECRET, 5) is None


@settings(max_examples=10, deadline=None)
@given(st.integers(0, srp.N * 2), st.integers(0, 2**300))
def test_openssls_powers_are_pythons(base: int, exponent: int) -> None:
    assert srp.power(base, exponent) == pow(base, exponent, srp.N)
