"""What live subscriptions need of mutations, and which of it a mutation's selection leaves out.

For: `subscribe`, which names what its subscriptions need, and `serve`, which asks at each publication.
Owns: the needs of an API's live subscriptions. Never: looks at a value; compares a field of a mutation's plan again
before there is a new need.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakValueDictionary

from syncline.graphql.selection import FieldPlan, Shape, innermost

Path = tuple[str, ...]
"""Names of fields; those of an abstract type with their own type's, as in `Dog.barks`."""


class Need:
    """Of subscriptions alike: what they select, and what they are filtered by."""

    __slots__ = ("__weakref__", "filtered", "mutations", "selected", "subscription")

    def __init__(
        self, subscription: str, mutations: frozenset[str], selected: frozenset[Path], filtered: frozenset[Path]
    ) -> None:
        self.subscription, self.mutations = subscription, mutations
        self.selected, self.filtered = selected, filtered


class Needs:
    """Of all live subscriptions of an API. `generation` grows with each new need."""

    def __init__(self) -> None:
        self.generation = 0
        self._needs: WeakValueDictionary[Any, Need] = WeakValueDictionary()

    def need(self, *alike: Any) -> Need:
        """The need of these subscriptions; it lasts as long as somebody holds it. Takes what Need takes."""
        found = self._needs.get(alike)
        if found is None:
            found = self._needs[alike] = Need(*alike)
            self.generation += 1
        return found

    def look(self, field: FieldPlan) -> dict[str, list[str]]:
        """Note in a mutation's field what it leaves out. Returns what of that is new, by subscription."""
        selected = frozenset(selected_paths(field))
        named = {tuple(name.rpartition(".")[2] for name in path) for path in selected}
        before, field.looked, field.lacking = field.lacking, self.generation, set()
        for need in self._needs.values():
            if field.name in need.mutations:
                missing = (need.selected - selected) | (need.filtered - named)
                field.lacking.update((need.subscription, ".".join(path)) for path in missing)
        fresh: dict[str, list[str]] = {}
        for subscription, path in sorted(field.lacking - before):
            fresh.setdefault(subscription, []).append(path)
        return fresh


def selected_paths(field: FieldPlan) -> Iterator[Path]:
    """Everything that is selected below a field; of two aliases of one field the first, which is published."""
    return _paths(field.shape, ())


def _paths(shape: Shape, at: Path) -> Iterator[Path]:
    shape = innermost(shape)
    for kind, fields in shape.selections.items():
        for field in {each.name: each for each in reversed(fields) if each.name != "__typename"}.values():
            path = (*at, f"{kind}.{field.name}" if shape.kind == "abstract" else field.name)
            yield path
            yield from _paths(field.shape, path)
