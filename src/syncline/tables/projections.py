"""Projections: which parts of an item an answer shows. Nesting stays; list elements come back compacted, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from syncline.tables.conditions import CACHED_MAX
from syncline.tables.grammar import parse_projection
from syncline.tables.scope import Compiled, Scope, refuse_overlaps
from syncline.tables.syntax import Step
from syncline.tables.values import AttributeValue, Item

Projection = Callable[[Item], Item]
Tree = dict[Step, Any]
"""Steps to the trees below them; an empty tree takes everything."""


@lru_cache(CACHED_MAX)
def compile_projection(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> Compiled[Projection]:
    """The projection `text` as a function from items to items. Raises Invalid."""
    scope = Scope(kind, names)
    written = parse_projection(kind, text)
    for path in written:
        scope.refuse_reserved(path)
    paths = [scope.path(path) for path in written]
    refuse_overlaps(scope, paths)
    return scope.compiled(projection(paths))


@lru_cache(CACHED_MAX)
def projection_names(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """The attributes that a projection names, without what is below them."""
    scope = Scope(kind, names)
    return frozenset(str(scope.path(path)[0]) for path in parse_projection(kind, text))


def projection(paths: Sequence[Sequence[Step]]) -> Projection:
    """The function that keeps only what stands at `paths`, which do not overlap."""
    if all(len(path) == 1 for path in paths):
        names = [str(path[0]) for path in paths]
        return lambda item: {name: item[name] for name in names if name in item}
    tree: Tree = {}
    for path in paths:
        below = tree
        for step in path:
            below = below.setdefault(step, {})
    return lambda item: _project_map(item, tree)


def _project_map(parts: Item, tree: Tree) -> Item:
    kept: Item = {}
    for name, below in tree.items():
        value = parts.get(name)  # type: ignore[arg-type]
        if value is not None and (shown := _project(value, below)) is not None:
            kept[str(name)] = shown
    return kept


def _project(value: AttributeValue, tree: Tree) -> AttributeValue | None:
    if not tree:
        return value
    if type(next(iter(tree))) is int:
        parts = value.get("L", [])
        shown = [_project(parts[at], tree[at]) for at in sorted(tree) if at < len(parts)]  # type: ignore[operator]
        elements = [part for part in shown if part is not None]
        return {"L": elements} if elements else None
    kept = _project_map(value.get("M", {}), tree)
    return {"M": kept} if kept else None
