"""`util.xml`: XML text as plain JSON.

Owns: the mapping of elements to maps, lists and scalars. Entities that a document declares are refused: a few lines of
them unfold into gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from syncline.core import json
from syncline.vtl import MethodFailed, text_of

JSON = Any
NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d{1,17})?")
DEPTH_MAX = 100


class _Element:
    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.children: dict[str, JSON] = {}
        self.text: list[str] = []

    def value(self) -> JSON:
        text = "".join(self.text).strip()
        if not self.children:
            return _scalar(text)
        return {**self.children, "content": _scalar(text)} if text else self.children

    def add(self, name: str, value: JSON) -> None:
        if name not in self.children:
            self.children[name] = value
        elif type(self.children[name]) is list:
            self.children[name].append(value)
        else:
            self.children[name] = [self.children[name], value]


def _scalar(text: str) -> JSON:
    if NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def to_map(text: JSON) -> dict[str, JSON]:
    """The document as a map of its root element: attributes and children by name, repeated ones as lists, numbers as
    numbers."""
    root = _Element("")
    open_elements = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > DEPTH_MAX:
            raise MethodFailed(f"XML may nest at most {DEPTH_MAX} levels deep")
        open_elements.append(_Element(name))
        for key, value in attributes.items():
            open_elements[-1].add(key, _scalar(value))

    def end(name: str) -> None:
        done = open_elements.pop()
        open_elements[-1].add(name, done.value())

    def refuse(*_: Any) -> None:
        raise MethodFailed("XML with entities of its own is not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = lambda part: open_elements[-1].text.append(part)
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text_of(text), True)
    except (expat.ExpatError, UnicodeEncodeError) as mistake:
        raise MethodFailed(f"Unable to parse XML: {mistake}") from None
    return root.children


def to_json_string(text: JSON, encode: JSON = None) -> str:
    """The map as JSON text; with `encode`, that text as a JSON string."""
    found = json.encode(to_map(text)).decode()
    return json.encode(found).decode() if encode is True else found


FUNCTIONS: dict[str, Callable[..., JSON]] = {"xml.toMap": to_map, "xml.toJsonString": to_json_string}
