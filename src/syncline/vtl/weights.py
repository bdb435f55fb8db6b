"""What an evaluation may take: how much a value is, written out, and until when it may run.

For: whatever walks a whole value (writing it as text, comparing it, handing it out), and loops. Lists and maps that
stand in others more than once can unfold into more than fits. Owns: the bound, and the note on the evaluation under
way: whether it stored one container in another at all (only then there is something to weigh), and its end. An
evaluation does not wait for anything, so one note is enough.
"""

from __future__ import annotations

from typing import Any

from syncline.core import UNLIMITED, Allowance
from syncline.vtl.errors import LimitExceeded

Value = Any

WEIGHT_MAX = 5 * 1024 * 1024
"""About the length of the value's JSON text: AppSync's evaluated templates may have 5 MB."""
DEPTH_MAX = 200
TEXT_WORTH_NOTING = 4_096
"""A shorter text, stored as often as a template can, stays within the bound."""


class Evaluation:
    """The evaluation under way. `nested`: it stored a container, or a long text, in a container."""

    __slots__ = ("allowance", "nested")

    def __init__(self) -> None:
        self.begin(UNLIMITED)

    def begin(self, allowance: Allowance) -> None:
        """A new one, which ends when its allowance is used up."""
        self.nested = False
        self.allowance = allowance


EVALUATION = Evaluation()


def tick() -> None:
    """Raise LimitExceeded when the evaluation's time is up."""
    if EVALUATION.allowance.over():
        raise LimitExceeded("The templates of this request have run for too long.")


def noted(value: Value) -> Value:
    """`value`, about to be stored in a container."""
    kind = type(value)
    if kind is dict or kind is list or (kind is str and len(value) > TEXT_WORTH_NOTING):
        EVALUATION.nested = True
    return value


def light(value: Value) -> Value:
    """`value`, unless it is too much written out, or it is late. Raises LimitExceeded."""
    tick()
    if EVALUATION.nested and isinstance(value, dict | list):
        _weigh(value, {}, 0)
    return value


def _weigh(value: Value, seen: dict[int, int], depth: int) -> int:
    if type(value) is str:
        return len(value) + 3
    named = isinstance(value, dict)
    if not named and type(value) is not list:
        return 5
    known = seen.get(id(value))
    if known is not None:
        return known
    if depth > DEPTH_MAX:
        raise LimitExceeded(f"A value may nest at most {DEPTH_MAX} levels deep.")
    weight = 2 + (sum(map(len, value)) + 4 * len(value) if named else len(value))
    for each in value.values() if named else value:
        weight += _weigh(each, seen, depth + 1)
        if weight > WEIGHT_MAX:
            raise LimitExceeded(f"A value may have at most {WEIGHT_MAX:,} characters, written as JSON.")
    seen[id(value)] = weight
    return weight
