"""JSON documents built without text: when a template is JSON with references where values stand.

For: `Template.evaluate`. What it builds is what decoding the rendered text would give, or it is not built: at
compile time a template that is not surely such a document has no builder; at run time a value that could not stand
in the document as it is raises Unclean and the text decides.
Never: changes what a template means; every doubt goes the way of the text.
"""

from __future__ import annotations

import math
import re
from typing import Any

from syncline.core import json
from syncline.vtl.emitter import Emitter
from syncline.vtl.methods import PURE
from syncline.vtl.nodes import (
    Call,
    Expression,
    Foreach,
    If,
    Interpolated,
    Item,
    ListLiteral,
    Literal,
    MapLiteral,
    Node,
    Null,
    Property,
    Range,
    Reference,
    Set,
    Text,
)
from syncline.vtl.values import plain

HOLE_FIRST, HOLE_LAST = 0xE000, 0xF8FF
"""References stand in the skeleton as characters of Unicode's private area, which templates with such text lack."""
HOLE = re.compile(f"[{chr(HOLE_FIRST)}-{chr(HOLE_LAST)}]")
STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*)"')
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])")
BLANKS = re.compile(r"[ \t\r\n]*")
WORDS = {"true": "True", "false": "False", "null": "None"}
DEPTH_MAX = 40


class _NotADocument(Exception):
    """The template has no builder."""


def build_document(nodes: tuple[Node, ...], emitter: Emitter) -> str | None:
    """Add a function `(b)` that returns the document's value; its name, or None when there is none to build.

    The function returns `(True, value)`, or `(False, parts)` with the rendered text when a value was unclean.
    """
    first = next((at for at, node in enumerate(nodes) if not _silent(node, emitter)), None)
    if first is None or any(not isinstance(node, Text | Reference) for node in nodes[first:]):
        return None
    statements, document = nodes[:first], nodes[first:]
    name = emitter.fresh("d")
    inputs = emitter.begin()
    before = len(emitter.functions)
    try:
        value = _Skeleton(document, emitter).read()
    except _NotADocument:
        del emitter.functions[before:]
        emitter.finish(f"def {name}(b):", [], inputs)
        emitter.functions.pop()
        return None
    lines = [line for node in statements for line in emitter.node(node, 1)]
    prologue = [" o = []; w = o.append"] if lines else []
    text = [line for node in document for line in emitter.node(node, 2)]
    body = [*prologue, *lines, " try:", f"  return True, ({value})", " except Unclean:", "  o = []; w = o.append"]
    emitter.finish(f"def {name}(b):", [*body, *text, "  return False, o"], inputs)
    return name


def passed_on(nodes: tuple[Node, ...], emitter: Emitter) -> tuple[str, ...]:
    """The path of properties that the document is, whole: `$util.toJson($ctx.result)`. Empty for any other template."""
    written = [node for node in nodes if not (isinstance(node, Text) and not node.text.strip(" \t\r\n"))]
    if len(written) != 1 or not isinstance(written[0], Reference) or written[0].backslashes:
        return ()
    found = emitter.intrinsic(written[0])
    if found is None or found[0].kind != "json" or found[0].function is not plain or found[2]:
        return ()
    (value,) = found[1].arguments
    if not isinstance(value, Reference) or not all(isinstance(step, Property) for step in value.steps):
        return ()
    return (value.name, *(step.name for step in value.steps if isinstance(step, Property)))


def _silent(node: Node, emitter: Emitter) -> bool:
    """Whether a leading node surely writes nothing but blanks."""
    if isinstance(node, Text):
        return not node.text.strip(" \t\r\n")
    if isinstance(node, Set):
        return True
    if isinstance(node, Reference):
        found = emitter.intrinsic(node)
        return found is not None and found[0].kind == "silent" and not found[2] and not node.backslashes
    if isinstance(node, If):
        bodies = [body for _, body in node.branches] + [node.otherwise]
        return all(_silent(inner, emitter) for body in bodies for inner in body)
    return isinstance(node, Foreach) and all(_silent(inner, emitter) for inner in node.body)


def _pure(node: Expression, emitter: Emitter) -> bool:
    """Whether evaluating `node` changes nothing, so that it may be done again for the text."""
    if isinstance(node, Literal | Null):
        return True
    if isinstance(node, Reference):
        found = emitter.intrinsic(node)
        steps = node.steps if found is None else (*found[2], *_arguments_as_steps(found[1]))
        return all(_pure_step(step, emitter) for step in steps)
    if isinstance(node, Interpolated):
        return all(
            isinstance(each, Text) or (isinstance(each, Reference) and _pure(each, emitter)) for each in node.body
        )
    if isinstance(node, ListLiteral):
        return all(_pure(each, emitter) for each in node.elements)
    if isinstance(node, MapLiteral):
        return all(_pure(key, emitter) and _pure(value, emitter) for key, value in node.entries)
    return isinstance(node, Range)


def _arguments_as_steps(call: Call) -> tuple[Item, ...]:
    return tuple(Item(argument, call.place) for argument in call.arguments)


def _pure_step(step: Any, emitter: Emitter) -> bool:
    if isinstance(step, Item):
        return _pure(step.index, emitter)
    if isinstance(step, Call):
        return step.name in PURE and all(_pure(each, emitter) for each in step.arguments)
    return True


class _Skeleton:
    """Reads the document's text with holes as JSON, writing the Python expression that builds it."""

    def __init__(self, nodes: tuple[Node, ...], emitter: Emitter) -> None:
        self.holes: list[Reference] = []
        self.emitter = emitter
        parts: list[str] = []
        for node in nodes:
            if isinstance(node, Text) and not HOLE.search(node.text):
                parts.append(node.text)
            elif isinstance(node, Reference) and not node.backslashes and _pure(node, emitter):
                parts.append(chr(HOLE_FIRST + len(self.holes)))
                self.holes.append(node)
            else:
                raise _NotADocument
        if len(self.holes) > HOLE_LAST - HOLE_FIRST:
            raise _NotADocument
        self.text = "".join(parts)
        self.at = 0

    def read(self) -> str:
        written = self._value(0)
        self._blanks()
        if self.at != len(self.text):
            raise _NotADocument
        return written

    def _blanks(self) -> None:
        found = BLANKS.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _accept(self, character: str) -> bool:
        self._blanks()
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        return True

    def _value(self, depth: int) -> str:
        if depth > DEPTH_MAX:
            raise _NotADocument
        if self._accept("{"):
            return self._object(depth)
        if self._accept("["):
            return self._list(depth)
        if self.text.startswith('"', self.at):
            return self._string()
        if HOLE.match(self.text, self.at):
            self.at += 1
            return self._hole(self.holes[ord(self.text[self.at - 1]) - HOLE_FIRST])
        return self._plain()

    def _plain(self) -> str:
        for word, written in WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return written
        found = NUMBER.match(self.text, self.at)
        if found is None or HOLE.match(self.text, found.end()):
            raise _NotADocument
        self.at = found.end()
        number = int(found[0]) if found[0].lstrip("-").isdigit() else float(found[0])
        if not math.isfinite(number):
            raise _NotADocument
        return repr(number)

    def _hole(self, node: Reference) -> str:
        if self.text[self.at : self.at + 1] not in ("", ",", "}", "]", " ", "\t", "\r", "\n"):
            raise _NotADocument
        found = self.emitter.intrinsic(node)
        if found is not None and found[0].kind == "json" and not found[2]:
            return self.emitter.intrinsic_call(found[0], found[1])
        return f"scalar({self.emitter.reference(node)})"

    def _string(self) -> str:
        inside = self._inside()
        pieces = [repr(self._decoded(piece)) for piece in HOLE.split(inside)]
        holes = [self.holes[ord(found) - HOLE_FIRST] for found in HOLE.findall(inside)]
        if not holes:
            return pieces[0]
        written = [pieces[0]]
        for hole, piece in zip(holes, pieces[1:], strict=True):
            source = "" if hole.quiet else hole.source
            written += [f"clean({self.emitter.reference(hole)}, {source!r})", piece]
        return "(" + " + ".join(each for each in written if each != "''") + ")"

    def _inside(self) -> str:
        found = STRING.match(self.text, self.at)
        if found is None:
            raise _NotADocument
        self.at = found.end()
        return found[1]

    @staticmethod
    def _decoded(piece: str) -> str:
        # A piece must be whole by itself: an escape that a reference would complete is left to the text.
        if STRING.fullmatch(f'"{piece}"') is None:
            raise _NotADocument
        try:
            return str(json.decode(f'"{piece}"'))
        except json.NotJson:
            raise _NotADocument from None

    def _object(self, depth: int) -> str:
        entries: list[str] = []
        keys: set[str] = set()
        if self._accept("}"):
            return "{}"
        while True:
            self._blanks()
            inside = self._inside()
            if HOLE.search(inside):
                raise _NotADocument
            key = self._decoded(inside)
            if key in keys or not self._accept(":"):
                raise _NotADocument
            keys.add(key)
            self._blanks()
            entries.append(f"{key!r}: {self._value(depth + 1)}")
            if not self._accept(","):
                break
        if not self._accept("}"):
            raise _NotADocument
        return "{" + ", ".join(entries) + "}"

    def _list(self, depth: int) -> str:
        if self._accept("]"):
            return "[]"
        elements: list[str] = []
        while True:
            self._blanks()
            elements.append(self._value(depth + 1))
            if not self._accept(","):
                break
        if not self._accept("]"):
            raise _NotADocument
        return "[" + ", ".join(elements) + "]"
