"""`util.list`, `util.map`, `util.str`, `util.math`, `util.http`."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from typing import Any

from syncline.vtl import MethodFailed, text_of

JSON = Any
SORT_MAX = 1_000
"""AppSync's bound on `list.sortList`."""
WITHHELD = frozenset(
    {"transfer-encoding", "connection", "host", "expect", "keep-alive", "upgrade"}
    | {"proxy-authenticate", "proxy-authorization", "te", "content-length"}
)


def _list(value: JSON) -> list[JSON]:
    if type(value) is not list:
        raise MethodFailed(f"{text_of(value)} is not a list")
    return value


def _map(value: JSON) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise MethodFailed(f"{text_of(value)} is not a map")
    return value


def _number(value: JSON) -> float:
    if type(value) not in (int, float):
        raise MethodFailed(f"{text_of(value)} is not a number")
    return float(value)


def _has(elements: list[JSON], wanted: JSON) -> bool:
    return any(type(each) is type(wanted) and each == wanted for each in elements)


def copy_and_retain_all(elements: JSON, keep: JSON) -> list[JSON]:
    """A new list with the elements that are in `keep`."""
    return [each for each in _list(elements) if _has(_list(keep), each)]


def copy_and_remove_all(elements: JSON, drop: JSON) -> list[JSON]:
    """A new list without the elements that are in `drop`."""
    return [each for each in _list(elements) if not _has(_list(drop), each)]


def sort_list(elements: JSON, descending: JSON, key: JSON) -> list[JSON]:
    """Scalars, or maps by `key`; elements of different classes stay as they are."""
    if len(_list(elements)) > SORT_MAX:
        raise MethodFailed(f"a list to sort may have at most {SORT_MAX:,} elements")
    keys: list[Any] = [each.get(key) if type(each) is dict else each for each in elements]
    if len({type(each) for each in keys}) != 1 or type(keys[0]) not in (int, float, str, bool):
        return list(elements)
    order = sorted(range(len(keys)), key=lambda at: keys[at], reverse=descending is True)
    return [elements[at] for at in order]


def copy_and_retain_all_keys(values: JSON, keys: JSON) -> dict[str, JSON]:
    """A new map with these keys only."""
    return {key: value for key, value in _map(values).items() if _has(_list(keys), key)}


def copy_and_remove_all_keys(values: JSON, keys: JSON) -> dict[str, JSON]:
    """A new map without these keys."""
    return {key: value for key, value in _map(values).items() if not _has(_list(keys), key)}


def to_upper(text: JSON) -> str:
    """In capitals."""
    return text_of(text).upper()


def to_lower(text: JSON) -> str:
    """In small letters."""
    return text_of(text).lower()


def to_replace(text: JSON, part: JSON, new: JSON) -> str:
    """With every occurrence of `part` replaced."""
    return text_of(text).replace(text_of(part), text_of(new))


def normalize(text: JSON, form: JSON) -> str:
    """In Unicode's normal form `nfc`, `nfd`, `nfkc` or `nfkd`."""
    name = text_of(form).upper()
    if name == "NFC":
        return unicodedata.normalize("NFC", text_of(text))
    if name == "NFD":
        return unicodedata.normalize("NFD", text_of(text))
    if name == "NFKC":
        return unicodedata.normalize("NFKC", text_of(text))
    if name == "NFKD":
        return unicodedata.normalize("NFKD", text_of(text))
    raise MethodFailed(f"{name} is no normalization form: nfc, nfd, nfkc or nfkd is")


def round_number(number: JSON) -> int:
    """The nearest integer, halves up."""
    return math.floor(_number(number) + 0.5)


def smaller(one: JSON, other: JSON) -> float:
    """The smaller of two numbers."""
    return min(_number(one), _number(other))


def larger(one: JSON, other: JSON) -> float:
    """The larger of two numbers."""
    return max(_number(one), _number(other))


def copy_headers(headers: JSON) -> dict[str, JSON]:
    """A copy without the headers that belong to one connection."""
    return {name: value for name, value in _map(headers).items() if name.lower() not in WITHHELD}


FUNCTIONS: dict[str, Callable[..., JSON]] = {
    "list.copyAndRetainAll": copy_and_retain_all,
    "list.copyAndRemoveAll": copy_and_remove_all,
    "list.sortList": sort_list,
    "map.copyAndRetainAllKeys": copy_and_retain_all_keys,
    "map.copyAndRemoveAllKeys": copy_and_remove_all_keys,
    "str.toUpper": to_upper,
    "str.toLower": to_lower,
    "str.toReplace": to_replace,
    "str.normalize": normalize,
    "math.roundNum": round_number,
    "math.minVal": smaller,
    "math.maxVal": larger,
    "http.copyHeaders": copy_headers,
}
