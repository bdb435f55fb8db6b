"""What subscribers get of a published value: filtered by arguments, projected, encoded once.

For: `subscribe`. Never: knows a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncline.core import json
from syncline.graphql.codegen import ANOMALIES
from syncline.graphql.execute import Run, Surroundings, at_once
from syncline.graphql.needs import Need, selected_paths
from syncline.graphql.plan import Plan
from syncline.graphql.selection import FieldPlan
from syncline.hub import Hint, Topic

Value = Any


class Interest:
    """What equal subscriptions are for and get: their group. `index`: by what they are found."""

    __slots__ = ("__weakref__", "index", "matches", "need", "project", "topics")

    def __init__(
        self,
        topics: tuple[Topic, ...],
        matches: Callable[[Value], bool] | None,
        index: tuple[Hint, ...] | None,
        projection: Projection,
        need: Need,
    ) -> None:
        self.topics, self.matches, self.index, self.need = topics, matches, index, need
        self.project = projection.payload


class Projection:
    """What subscribers of equal documents get of a published value, whatever their arguments are."""

    def __init__(self, plan: Plan, field: FieldPlan, surroundings: Surroundings) -> None:
        self._plan, self._field, self._surroundings = plan, field, surroundings
        self._head = b'{"data":{' + json.encode(field.key) + b":"
        self.selected = frozenset(selected_paths(field))

    def payload(self, value: Value) -> bytes:
        """The `payload` of a data frame: the value as the subscription selects it, encoded once."""
        fast = self._field.shape.fast
        if fast is not None:
            try:
                return self._head + json.encode(fast(value)) + b"}}"
            except ANOMALIES:
                pass
        return self._careful(value)

    def _careful(self, value: Value) -> bytes:
        run = Run(self._plan, self._surroundings)
        data = at_once(run.projected(self._field, value))
        answer = {"data": data, "errors": run.errors} if run.errors else {"data": data}
        return json.encode(answer)


def matching(arguments: Mapping[str, Any]) -> Callable[[Value], bool] | None:
    """AppSync's basic filter: each argument given equals the body's field of that name; null: null or not there."""
    if not arguments:
        return None
    wanted = [(name, value, _serial(value)) for name, value in arguments.items()]

    def matches(value: Value) -> bool:
        if not isinstance(value, dict):
            return False  # a list has no fields: AWS does this
        for name, expected, serial in wanted:
            actual = value.get(name)
            if expected is None:
                if actual is not None:
                    return False
            elif not _equals(actual, expected, serial):
                return False
        return True

    return matches


def _equals(actual: Any, expected: Any, serial: str) -> bool:
    if actual is None or isinstance(actual, (list, dict)):
        return False
    return bool(actual == expected) or _serial(actual) == serial


def _serial(value: Any) -> str:
    return value if isinstance(value, str) else json.encode(value).decode()
