"""Where in the user's code something happened, from the engine's stack.

Owns: which lines of a stack are the user's, where a call begins, and inline source maps.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tree_sitter import Node

from syncline.js.model import Module, Position
from syncline.js.syntax import nodes, position, text

PREFIX = "\n" * 9_999
"""Before every script: the engine cannot name files, so the user's lines are told from the library's by number."""

LINES_BEFORE = len(PREFIX) + 1
"""One more for the line that opens the script."""

FRAME = re.compile(r"at (\S+) \(<input>:(\d+):(\d+)\)|at <input>:(\d+):(\d+)")


class Call(NamedTuple):
    """A call in the user's code: the name that is called, from its first character to behind its last."""

    callee: str
    start: Position
    end: Position


def located(stack: str, module: Module | None, *, is_call: bool = False) -> Position | None:
    """The innermost place of the user's own code in a stack; None when there is none.

    `is_call`: the place is where the user called the library. The engine says where the last argument is; AppSync,
    where the call begins.
    """
    callee = ""
    for found in FRAME.finditer(stack):
        place = Position(int(found[2] or found[4]) - LINES_BEFORE, int(found[3] or found[5]))
        if place.line < 1:
            callee = found[1] or ""
            continue
        if module is None:
            return place
        if is_call:
            place = _call_start(place, callee, module)
        return module.source_map.original(place) if module.source_map else place
    return None


def _call_start(place: Position, callee: str, module: Module) -> Position:
    around = [each for each in module.calls if each.start <= place < each.end]
    named = [each.start for each in around if each.callee == callee]
    return max(named or [each.start for each in around], default=place)


def calls(root: Node) -> tuple[Call, ...]:
    """Every call in a tree."""
    found = []
    for node in nodes(root):
        if node.type == "call_expression":
            function = node.child_by_field_name("function")
            callee = text(function).rpartition(".")[2] if function is not None else ""
            found.append(Call(callee, position(node), Position(node.end_point[0] + 1, node.end_point[1] + 1)))
    return tuple(found)
