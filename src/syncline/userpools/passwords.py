"""Passwords: a pool's policy, a temporary one that fits it, and the verifier that is kept instead."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from syncline.core import Ids, Vault
from syncline.userpools import srp
from syncline.userpools.errors import PasswordWeak
from syncline.userpools.model import Pool, User
from syncline.userpools.srp import Verifier

SYMBOLS = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= "
KINDS = {
    "RequireUppercase": ("ABCDEFGHJKLMNPQRSTUVWXYZ", "must have uppercase characters"),
    "RequireLowercase": ("abcdefghijkmnopqrstuvwxyz", "must have lowercase characters"),
    "RequireNumbers": ("23456789", "must have numeric characters"),
    "RequireSymbols": ("!@#%*-_+", "must have symbol characters"),
}
POLICY: dict[str, Any] = {
    "MinimumLength": 8,
    **dict.fromkeys(("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols"), True),
    "TemporaryPasswordValidityDays": 7,
}
"""A pool's policy when it names none."""
SEALED = "password verifier"


def policy_of(pool: Pool) -> dict[str, Any]:
    """The pool's password policy."""
    found: dict[str, Any] = pool.config["Policies"]["PasswordPolicy"]
    return found


def check(pool: Pool, password: str) -> None:
    """Raise PasswordWeak unless the password conforms."""
    policy = policy_of(pool)
    tests: dict[str, Callable[[str], bool]] = {
        "RequireUppercase": str.isupper,
        "RequireLowercase": str.islower,
        "RequireNumbers": str.isdigit,
        "RequireSymbols": lambda each: each in SYMBOLS,
    }
    if len(password) < policy.get("MinimumLength", 8):
        raise PasswordWeak(reason="Password not long enough")
    for member, holds in tests.items():
        if policy.get(member) and not any(holds(each) for each in password):
            raise PasswordWeak(reason=f"Password {KINDS[member][1]}")


def temporary(pool: Pool, ids: Ids) -> str:
    """A random password that conforms."""
    length = max(12, policy_of(pool).get("MinimumLength", 8))
    every = "".join(alphabet for alphabet, _ in KINDS.values())
    alphabets = [*[alphabet for alphabet, _ in KINDS.values()], *[every] * (length - len(KINDS))]
    entropy = ids.bytes(length)
    drawn = [alphabet[byte % len(alphabet)] for alphabet, byte in zip(alphabets, entropy, strict=True)]
    turn = entropy[0] % length
    return "".join(drawn[turn:] + drawn[:turn])


def kept(pool: Pool, name: str, password: str, *, ids: Ids, vault: Vault) -> dict[str, Any]:
    """The members of a user that keep a password: salt and sealed verifier."""
    salt = int.from_bytes(ids.bytes(16), "big")
    verifier = srp.verifier_of(pool.short_name, name, password, salt)
    return {"salt": f"{salt:x}", "verifier": vault.seal(SEALED, verifier.value.to_bytes(384, "big"))}


def verifier_of(user: User, vault: Vault) -> Verifier:
    """A user's verifier, opened."""
    return Verifier(int(user.salt, 16), int.from_bytes(vault.open(SEALED, user.verifier), "big"))


def matches(pool: Pool, user: User, password: str, vault: Vault) -> bool:
    """Whether this is the user's password."""
    if not user.verifier:
        return False
    wanted = verifier_of(user, vault)
    given = srp.verifier_of(pool.short_name, user.name, password, wanted.salt)
    return hmac.compare_digest(given.value.to_bytes(384, "big"), wanted.value.to_bytes(384, "big"))
