"""The syntax tree of expressions: what the grammar makes and the compilers read. Values without behaviour."""

from __future__ import annotations

import msgspec

Step = str | int
"""One step of a path: a name, a `#placeholder`, or the position in a list."""


class Path(msgspec.Struct, frozen=True):
    """A document path as written."""

    steps: tuple[Step, ...]


class Value(msgspec.Struct, frozen=True):
    """A `:value` placeholder."""

    name: str


class Call(msgspec.Struct, frozen=True):
    """A function and its arguments."""

    function: str
    arguments: tuple[Node, ...]


class Parenthesised(msgspec.Struct, frozen=True):
    """A node in one pair of parentheses."""

    inner: Node


class Compare(msgspec.Struct, frozen=True):
    """`left operator right` with one of = <> < <= > >=."""

    operator: str
    left: Node
    right: Node


class Between(msgspec.Struct, frozen=True):
    """`operand BETWEEN low AND high`."""

    operand: Node
    low: Node
    high: Node


class In(msgspec.Struct, frozen=True):
    """`operand IN (choice, …)`."""

    operand: Node
    choices: tuple[Node, ...]


class Both(msgspec.Struct, frozen=True):
    """`part AND part AND …`."""

    parts: tuple[Node, ...]


class Either(msgspec.Struct, frozen=True):
    """`part OR part OR …`."""

    parts: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True):
    """`NOT part`."""

    part: Node


class Sum(msgspec.Struct, frozen=True):
    """`left + right` or `left - right`, in SET only."""

    operator: str
    left: Node
    right: Node


Node = Path | Value | Call | Parenthesised | Compare | Between | In | Both | Either | Not | Sum
Condition = (Compare, Between, In, Both, Either, Not)


class Action(msgspec.Struct, frozen=True):
    """One clause of an update: SET, REMOVE, ADD or DELETE at a path, with a value except for REMOVE."""

    verb: str
    path: Path
    value: Node | None


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    if isinstance(node, Path | Value):
        return ()
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Parenthesised):
        return (node.inner,)
    if isinstance(node, Compare | Sum):
        return (node.left, node.right)
    if isinstance(node, Between):
        return (node.operand, node.low, node.high)
    if isinstance(node, In):
        return (node.operand, *node.choices)
    if isinstance(node, Both | Either):
        return node.parts
    return (node.part,)


def bare(node: Node) -> Node:
    """The node without the parentheses around it."""
    while isinstance(node, Parenthesised):
        node = node.inner
    return node
