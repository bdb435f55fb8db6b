"""The Java methods that templates call on lists, maps, numbers and truth values; `texts` has those of text.

Owns: one table per type, keyed by name and number of arguments, as Java's overloads are. What is not in a table is
null, as in Velocity: a call of a method that does not exist prints itself.
"""

from __future__ import annotations

from syncline.vtl.errors import MethodFailed, OtherSignature
from syncline.vtl.texts import STRING_METHODS, Method, a_string, same
from syncline.vtl.values import Entry, Value, is_number, plain, text_of
from syncline.vtl.weights import EVALUATION, light, noted

REFLECTION = frozenset({"class", "getClass", "forName", "getDeclaredMethods", "getMethod", "wait", "notify"})


def key_text(key: Value) -> str:
    """A map's key: JSON objects have text keys, so ours do too."""
    return key if type(key) is str else text_of(key)


def call(target: Value, name: str, *arguments: Value) -> Value:
    """`target.name(arguments)`."""
    if target is None:
        return None
    kind = type(target)
    table = TABLES.get(kind)
    if table is None:
        caller = getattr(kind, "vtl_call", None)
        if EVALUATION.nested:
            for each in arguments:
                light(each)
        return None if caller is None else caller(target, name, arguments)
    method = table.get((name, len(arguments)))
    if method is not None:
        try:
            return method(target, *arguments)
        except OtherSignature:
            return None
    if name in REFLECTION:
        raise MethodFailed(f"{name} is reflection, which templates may not use")
    return None


def prop(target: Value, name: str) -> Value:
    """`target.name`, where `target` is not a plain map."""
    if target is None:
        return None
    reader = getattr(type(target), "vtl_property", None)
    if reader is not None:
        return reader(target, name)
    if type(target) is dict:
        return target.get(name)
    if type(target) is Entry:
        return {"key": target.key, "value": target.value}.get(name)
    if name in REFLECTION:
        raise MethodFailed(f"{name} is reflection, which templates may not use")
    if name == "empty" and type(target) in (str, list):
        return not target
    return None


def item(target: Value, index: Value) -> Value:
    """`target[index]`: a list counts from its end when negative; a map is looked up."""
    if type(target) is list:
        if type(index) is not int:
            return None
        return _element(target, index + len(target) if index < 0 else index)
    if type(target) is dict:
        return target.get(key_text(index))
    return None


def set_property(target: Value, name: str, value: Value) -> None:
    """`#set($target.name = value)`: maps only."""
    if type(target) is dict:
        target[name] = _storable(target, value)


def set_item(target: Value, index: Value, value: Value) -> None:
    """`#set($target[index] = value)`."""
    if type(target) is dict:
        target[key_text(index)] = _storable(target, value)
    elif type(target) is list and type(index) is int:
        at = index + len(target) if index < 0 else index
        _element(target, at)
        target[at] = _storable(target, value)


def _storable(target: Value, value: Value) -> Value:
    """`value` as `target` may hold it: plain, and not a way back to `target`, which JSON could not write."""
    kept = plain(value)
    noted(kept)
    if type(kept) not in (dict, list) or not kept:
        return kept
    seen: set[int] = set()
    waiting = [kept]
    while waiting:
        each = waiting.pop()
        if each is target:
            raise MethodFailed("a map or list may not contain itself")
        if id(each) not in seen:
            seen.add(id(each))
            inside = each.values() if type(each) is dict else each
            waiting += [inner for inner in inside if type(inner) is dict or type(inner) is list]
    return kept


def elements(source: Value) -> list[Value]:
    """What `#foreach` goes over; nothing for text, numbers and null."""
    if type(source) is list:
        return list(source)
    return list(source.values()) if type(source) is dict else []


RANGE_MAX = 100_000
"""The longest range: a loop runs 1,000 iterations at most anyway."""


def integers(first: Value, last: Value) -> Value:
    """`[first..last]`, downwards when reversed; null unless both are integers."""
    if type(first) is not int or type(last) is not int:
        return None
    if abs(last - first) >= RANGE_MAX:
        raise MethodFailed(f"a range may have at most {RANGE_MAX} elements")
    return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))


def _element(target: list[Value], index: Value) -> Value:
    if type(index) is not int:
        raise OtherSignature
    if not 0 <= index < len(target):
        raise MethodFailed(f"Index {text_of(index)} out of bounds for length {len(target)}")
    return target[index]


ELEMENTS_MAX = 100_000
"""The longest list `addAll` makes: doubling a list in a loop must not eat the server's memory."""


def _list_add(target: list[Value], value: Value) -> bool:
    target.append(_storable(target, value))
    return True


def _list_insert(target: list[Value], index: Value, value: Value) -> None:
    if type(index) is not int:
        raise OtherSignature
    if not 0 <= index <= len(target):
        raise MethodFailed(f"Index {text_of(index)} out of bounds for length {len(target)}")
    target.insert(index, _storable(target, value))


def _list_set(target: list[Value], index: Value, value: Value) -> Value:
    old = _element(target, index)
    target[index] = _storable(target, value)
    return old


def _list_remove(target: list[Value], what: Value) -> Value:
    if type(what) is int:
        old = _element(target, what)
        del target[what]
        return old
    found = _index_of(target, what)
    if found >= 0:
        del target[found]
    return found >= 0


def _index_of(target: list[Value], what: Value) -> int:
    return next((at for at, each in enumerate(target) if same(each, what)), -1)


def _last_index_of(target: list[Value], what: Value) -> int:
    return next((at for at in range(len(target) - 1, -1, -1) if same(target[at], what)), -1)


def _add_all(target: list[Value], more: Value) -> bool:
    added = elements(more)
    if len(target) + len(added) > ELEMENTS_MAX:
        raise MethodFailed(f"a list may have at most {ELEMENTS_MAX:,} elements")
    target.extend(_storable(target, each) for each in added)
    return bool(added)


def _remove_all(target: list[Value], drop: Value) -> bool:
    before = len(target)
    target[:] = [each for each in target if _index_of(elements(drop), each) < 0]
    return len(target) != before


def _retain_all(target: list[Value], keep: Value) -> bool:
    before = len(target)
    target[:] = [each for each in target if _index_of(elements(keep), each) >= 0]
    return len(target) != before


def _sub_list(target: list[Value], first: Value, last: Value) -> list[Value]:
    if type(first) is not int or type(last) is not int:
        raise OtherSignature
    if not 0 <= first <= last <= len(target):
        raise MethodFailed(f"fromIndex: {text_of(first)}, toIndex: {text_of(last)}, size: {len(target)}")
    return target[first:last]


def _map_put(target: dict[str, Value], key: Value, value: Value) -> Value:
    name = key_text(key)
    old = target.get(name)
    target[name] = _storable(target, value)
    return old


def _put_all(target: dict[str, Value], more: Value) -> None:
    if type(more) is dict:
        target.update({key: _storable(target, value) for key, value in more.items()})


def _put_if_absent(target: dict[str, Value], key: Value, value: Value) -> Value:
    old = target.get(key_text(key))
    if old is None:
        target[key_text(key)] = _storable(target, value)
    return old


LIST_METHODS: dict[tuple[str, int], Method] = {
    ("size", 0): len,
    ("isEmpty", 0): lambda target: not target,
    ("get", 1): _element,
    ("set", 2): _list_set,
    ("add", 1): _list_add,
    ("add", 2): _list_insert,
    ("addAll", 1): _add_all,
    ("remove", 1): _list_remove,
    ("removeAll", 1): _remove_all,
    ("retainAll", 1): _retain_all,
    ("contains", 1): lambda target, what: _index_of(target, what) >= 0,
    ("containsAll", 1): lambda target, wanted: _all_in(target, wanted),
    ("indexOf", 1): _index_of,
    ("lastIndexOf", 1): _last_index_of,
    ("subList", 2): _sub_list,
    ("clear", 0): lambda target: target.clear(),
    ("iterator", 0): list,
    ("toArray", 0): list,
    ("toString", 0): text_of,
    ("equals", 1): same,
    ("hashCode", 0): len,
}


def _all_in(target: list[Value], wanted: Value) -> bool:
    return all(_index_of(target, each) >= 0 for each in elements(wanted))


MAP_METHODS: dict[tuple[str, int], Method] = {
    ("get", 1): lambda target, key: target.get(key_text(key)),
    ("put", 2): _map_put,
    ("putAll", 1): _put_all,
    ("putIfAbsent", 2): _put_if_absent,
    ("remove", 1): lambda target, key: target.pop(key_text(key), None),
    ("containsKey", 1): lambda target, key: key_text(key) in target,
    ("containsValue", 1): lambda target, value: any(same(each, value) for each in target.values()),
    ("keySet", 0): list,
    ("entrySet", 0): lambda target: [Entry(key, value) for key, value in target.items()],
    ("values", 0): lambda target: list(target.values()),
    ("size", 0): len,
    ("isEmpty", 0): lambda target: not target,
    ("getOrDefault", 2): lambda target, key, other: target.get(key_text(key), other),
    ("clear", 0): lambda target: target.clear(),
    ("toString", 0): text_of,
    ("equals", 1): same,
}

ENTRY_METHODS: dict[tuple[str, int], Method] = {
    ("getKey", 0): lambda target: target.key,
    ("getValue", 0): lambda target: target.value,
    ("toString", 0): text_of,
}


def _parse_int(_target: Value, text: Value) -> int:
    try:
        return int(a_string(text).replace("_", "x"))
    except ValueError:
        raise MethodFailed(f'For input string: "{text}"') from None


def _parse_float(_target: Value, text: Value) -> float:
    try:
        return float(a_string(text).replace("_", "x"))
    except ValueError:
        raise MethodFailed(f'For input string: "{text}"') from None


def _value_of(target: Value, value: Value) -> Value:
    if is_number(value):
        return type(target)(value)
    return _parse_int(target, value) if type(target) is int else _parse_float(target, value)


NUMBER_METHODS: dict[tuple[str, int], Method] = {
    ("intValue", 0): int,
    ("longValue", 0): int,
    ("doubleValue", 0): float,
    ("floatValue", 0): float,
    ("toString", 0): text_of,
    ("toString", 1): lambda target, value: text_of(value),
    ("equals", 1): same,
    ("compareTo", 1): lambda target, other: (target > other) - (target < other) if is_number(other) else None,
    ("parseInt", 1): _parse_int,
    ("parseLong", 1): _parse_int,
    ("parseDouble", 1): _parse_float,
    ("parseFloat", 1): _parse_float,
    ("valueOf", 1): _value_of,
    ("max", 2): lambda target, one, other: max(one, other) if is_number(one) and is_number(other) else None,
    ("min", 2): lambda target, one, other: min(one, other) if is_number(one) and is_number(other) else None,
    ("hashCode", 0): int,
}

BOOLEAN_METHODS: dict[tuple[str, int], Method] = {
    ("toString", 0): text_of,
    ("equals", 1): same,
    ("booleanValue", 0): bool,
    ("parseBoolean", 1): lambda target, text: type(text) is str and text.lower() == "true",
    ("valueOf", 1): lambda target, text: text is True or (type(text) is str and text.lower() == "true"),
}

TABLES: dict[type, dict[tuple[str, int], Method]] = {
    str: STRING_METHODS,
    list: LIST_METHODS,
    dict: MAP_METHODS,
    Entry: ENTRY_METHODS,
    int: NUMBER_METHODS,
    float: NUMBER_METHODS,
    bool: BOOLEAN_METHODS,
}
PURE = frozenset(
    {"get", "size", "isEmpty", "length", "contains", "containsKey", "containsValue", "toString", "equals", "indexOf"}
    | {"toUpperCase", "toLowerCase", "trim", "substring", "replace", "startsWith", "endsWith", "concat", "keySet"}
    | {"values", "getOrDefault", "intValue", "longValue", "doubleValue", "getKey", "getValue", "matches"}
)
"""Methods that change nothing: a document that calls only these may be written twice."""
