"""Random passwords as Secrets Manager draws them: which characters, how many, and one of each kind."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

from syncline.account.errors import SecretParameterInvalid, SecretRequestInvalid
from syncline.core import Ids

LENGTH_DEFAULT = 32


def draw(request: dict[str, Any], ids: Ids) -> str:
    """A password after the options of GetRandomPassword."""
    length = request.get("PasswordLength", LENGTH_DEFAULT)
    kinds = _kinds(request)
    # AWS does this: one character of each kind unless the caller says no (ACC-13).
    required = kinds if request.get("RequireEachIncludedType", True) else []
    if length < len(required):
        raise SecretParameterInvalid(f"Password length is too short based on the required types: {length}")
    alphabet = "".join(kinds)
    numbers = _numbers(ids)
    drawn = [kind[_below(len(kind), numbers)] for kind in required]
    drawn += [alphabet[_below(len(alphabet), numbers)] for _ in range(length - len(drawn))]
    _shuffle(drawn, numbers)
    return "".join(drawn)


def _kinds(request: dict[str, Any]) -> list[str]:
    """The characters that may appear, by kind. Raises when none are left."""
    choices = [
        (string.ascii_lowercase, not request.get("ExcludeLowercase")),
        (string.ascii_uppercase, not request.get("ExcludeUppercase")),
        (string.digits, not request.get("ExcludeNumbers")),
        (string.punctuation, not request.get("ExcludePunctuation")),
        (" ", bool(request.get("IncludeSpace"))),
    ]
    excluded = set(request.get("ExcludeCharacters", ""))
    kinds = ["".join(c for c in characters if c not in excluded) for characters, wanted in choices if wanted]
    left = [kind for kind in kinds if kind]
    if not left:
        raise SecretRequestInvalid("The password cannot be generated: every character type is excluded.")
    return left


def _numbers(ids: Ids) -> Iterator[int]:
    """Unpredictable bytes, one after the other."""
    while True:
        yield from ids.bytes(256)


def _below(limit: int, numbers: Iterator[int]) -> int:
    """A number below `limit` (at most 65536), each as likely: what would favour the low ones is drawn again."""
    fair = 65536 - 65536 % limit
    while True:
        number = next(numbers) << 8 | next(numbers)
        if number < fair:
            return number % limit


def _shuffle(characters: list[str], numbers: Iterator[int]) -> None:
    for last in range(len(characters) - 1, 0, -1):
        other = _below(last + 1, numbers)
        characters[last], characters[other] = characters[other], characters[last]
