"""JavaScript parsed: a tree of nodes over the code as it was written.

For: the reader and its rules. Never: decides what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

from syncline.js.model import CodeError, Position

ERRORS_MAX = 20
"""After so many the parser is only guessing."""

DEPTH_MAX = 400
"""A node's parent is found from the root, so what the rules cost grows with the depth."""


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_javascript.language()))


def parse(code: str) -> Node:
    """The root of the code's tree. Offsets and columns count characters."""
    # The parser counts bytes; with one byte for each character both are the same.
    plain = code if code.isascii() else "".join(map(_ascii, code))
    return _parser().parse(plain.encode()).root_node


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    return " " if character.isspace() else "x"


def nodes(root: Node) -> Iterator[Node]:
    """Every node, parents before children, in the order of the text."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def text(node: Node) -> str:
    """The node's text."""
    return (node.text or b"").decode()


def words(listed: str) -> frozenset[str]:
    """A set of names, written in a row."""
    return frozenset(listed.split())


def position(node: Node) -> Position:
    """Where a node begins."""
    return Position(node.start_point[0] + 1, node.start_point[1] + 1)


def mistake(kind: str, node: Node, value: str) -> CodeError:
    """An error about a node."""
    line, column = position(node)
    return CodeError(kind, value, line, column, node.end_byte - node.start_byte)


def typed(node: Node, number: int, sentence: str) -> CodeError:
    """An error in the words of the TypeScript compiler, which AppSync checks code with."""
    line, column = position(node)
    return mistake("PARSE_ERROR", node, f"code.js({line},{column}): error TS{number}: {sentence}\n")


def too_deep(root: Node) -> bool:
    """Whether the code is nested deeper than anybody writes."""
    level = [root]
    for _ in range(DEPTH_MAX):
        level = [child for node in level for child in node.children]
        if not level:
            return False
    return True


def syntax_errors(root: Node) -> list[CodeError]:
    """What is not JavaScript."""
    found: list[CodeError] = []
    if too_deep(root):
        return [CodeError("PARSE_ERROR", "code.js(1,1): error: The code is nested too deeply.\n", 1, 1)]
    if not root.has_error:
        return found
    for node in nodes(root):
        if node.is_missing:
            found.append(
                typed(node, 1109, "Expression expected.")
                if node.type == "identifier"
                else typed(node, 1005, f"'{node.type}' expected.")
            )
        elif node.is_error:
            line, column = position(node)
            shown = text(node).split("\n")[0][:40]
            found.append(mistake("PARSE_ERROR", node, f"code.js({line},{column}): error: Unexpected '{shown}'.\n"))
        if len(found) == ERRORS_MAX:
            break
    return found
