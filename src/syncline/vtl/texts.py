"""The Java methods of text.

Owns: the bounds on how text grows by them. Never: knows how a method is found (`methods` does).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from syncline.vtl.errors import MethodFailed, OtherSignature
from syncline.vtl.regexes import Found, pattern
from syncline.vtl.values import TEXT_MAX, Value, bounded, text_of
from syncline.vtl.weights import light

Method = Callable[..., Any]
META = frozenset("\\^$.|?*+()[]{}")
"""Characters that are not themselves in a regular expression."""


def same(left: Value, right: Value) -> bool:
    """Java's equals: values of different classes differ."""
    return type(left) is type(right) and bool(light(left) == light(right))


_GROUP = re.compile(r"\\(.)|\$(\d)|\$\{(\w+)\}|\\$", re.DOTALL)


def _replace(target: str, old: Value, new: Value) -> str:
    """Literal, every occurrence. Growth is bounded before it happens: replacing by itself squares a text."""
    growth = target.count(a_string(old)) * (len(a_string(new)) - len(old))
    if len(target) + growth > TEXT_MAX:
        raise MethodFailed(f"a text may have at most {TEXT_MAX:,} characters")
    return target.replace(old, new)


def _replace_regex(target: str, regex: Value, new: Value, count: int | None) -> str:
    """`$1` and `\\$` of a Java replacement; growth is bounded as it happens."""
    java, size, at = a_string(new), len(target), 0
    parts: list[str] = []
    for found in islice(pattern(a_string(regex)).places(target), count):
        expanded = _GROUP.sub(partial(_group, found), java)
        size += len(expanded)
        if size > TEXT_MAX:
            raise MethodFailed(f"a text may have at most {TEXT_MAX:,} characters")
        parts += [target[at : found.start], expanded]
        at = found.end
    return "".join([*parts, target[at:]])


def _group(found: Found, token: re.Match[str]) -> str:
    if token[1] is not None:
        return token[1]
    group: int | str = int(token[2]) if token[2] is not None else token[3] or ""
    try:
        return (found.names[group] if isinstance(group, str) else found.groups[group]) or ""
    except LookupError:
        raise MethodFailed(f"No group {group}") from None


def a_string(value: Value) -> str:
    """`value`, which must be text for the method to be the one that was called."""
    if type(value) is not str:
        raise OtherSignature
    return value


def split(target: str, regex: Value, limit: Value = 0) -> list[Value]:
    """Java's split: trailing empty parts are dropped unless `limit` is negative."""
    most = limit if type(limit) is int else 0
    parts: list[str] = []
    if most == 0 and len(a_string(regex)) == 1 and regex not in META:
        parts = target.split(regex)
    else:
        at = 0
        for each in pattern(a_string(regex)).places(target):
            if each.end == 0 or (0 < most <= len(parts) + 1) or (each.start == each.end == len(target)):
                continue
            parts.append(target[at : each.start])
            at = each.end
        parts.append(target[at:])
    while most == 0 and len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts if parts != [""] or not target else []


def _substring(target: str, first: Value, last: Value = None) -> str:
    end = len(target) if last is None else last
    if type(first) is not int or type(end) is not int:
        raise OtherSignature
    if not 0 <= first <= end <= len(target):
        raise MethodFailed(f"String index out of range: begin {text_of(first)}, end {text_of(end)}, {len(target)}")
    return target[first:end]


def _char_at(target: str, index: Value) -> str:
    if type(index) is not int:
        raise OtherSignature
    if not 0 <= index < len(target):
        raise MethodFailed(f"String index out of range: {text_of(index)}")
    return target[index]


STRING_METHODS: dict[tuple[str, int], Method] = {
    ("length", 0): len,
    ("isEmpty", 0): lambda target: not target,
    ("isBlank", 0): lambda target: not target.strip(),
    ("equals", 1): same,
    ("equalsIgnoreCase", 1): lambda target, other: type(other) is str and target.lower() == other.lower(),
    ("compareTo", 1): lambda target, other: (target > a_string(other)) - (target < a_string(other)),
    ("contains", 1): lambda target, part: a_string(part) in target,
    ("startsWith", 1): lambda target, part: target.startswith(a_string(part)),
    ("endsWith", 1): lambda target, part: target.endswith(a_string(part)),
    ("indexOf", 1): lambda target, part: target.find(a_string(part)),
    ("indexOf", 2): lambda target, part, at: target.find(a_string(part), at),
    ("lastIndexOf", 1): lambda target, part: target.rfind(a_string(part)),
    ("substring", 1): _substring,
    ("substring", 2): _substring,
    ("toUpperCase", 0): str.upper,
    ("toLowerCase", 0): str.lower,
    ("trim", 0): str.strip,
    ("strip", 0): str.strip,
    ("replace", 2): _replace,
    ("replaceAll", 2): lambda target, regex, new: _replace_regex(target, regex, new, None),
    ("replaceFirst", 2): lambda target, regex, new: _replace_regex(target, regex, new, 1),
    ("split", 1): split,
    ("split", 2): split,
    ("matches", 1): lambda target, regex: pattern(a_string(regex)).fullmatch(target),
    ("concat", 1): lambda target, other: bounded(target + a_string(other)),
    ("charAt", 1): _char_at,
    ("toString", 0): lambda target: target,
    ("valueOf", 1): lambda target, value: text_of(value),
    ("repeat", 1): lambda target, count: _repeat(target, count),
    ("toCharArray", 0): list,
    ("hashCode", 0): lambda target: _hash_code(target),
}


def _repeat(target: str, count: Value) -> str:
    if type(count) is not int or count < 0 or len(target) * count > TEXT_MAX:
        raise MethodFailed(f"count is negative or too large: {text_of(count)}")
    return target * count


def _hash_code(target: str) -> int:
    code = 0
    for unit in memoryview(target.encode("utf-16-le")).cast("H"):
        code = (31 * code + unit) & 0xFFFFFFFF
    return code - (1 << 32) if code >> 31 else code
