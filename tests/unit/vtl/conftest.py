"""What the templates of these tests see: the context and utilities the conformance cases are written for."""

from collections.abc import Callable
from typing import Any

import pytest

from syncline import vtl
from syncline.core import json

INTRINSICS = {
    "util.qr": vtl.Intrinsic(lambda value: "", "silent", frozenset({1})),
    "util.toJson": vtl.Intrinsic(vtl.plain, "json", frozenset({1})),
    "util.typed": vtl.Intrinsic(lambda value: {"V": vtl.plain(value)}, "json", frozenset({1})),
}


class Util:
    """A bound object with the three functions the cases need."""

    def vtl_property(self, name: str) -> Any:
        return None

    def vtl_call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "toJson":
            return json.encode(vtl.plain(*arguments)).decode()
        if name == "typed":
            return json.encode({"V": vtl.plain(*arguments)}).decode()
        return "" if name == "qr" else None

    def vtl_plain(self) -> Any:
        return {}


def bindings() -> dict[str, Any]:
    """Fresh bindings: templates may change them."""
    args = {"id": "123", "n": 5, "f": 2.5, "nul": None, "list": ["a", "b", "c"], "size": "SZ"}
    return {"ctx": {"args": args}, "util": Util()}


@pytest.fixture
def render() -> Callable[[str], str]:
    return lambda text: vtl.compile(text, "velocity", INTRINSICS).render(bindings())


@pytest.fixture
def evaluate() -> Callable[[str], Any]:
    return lambda text: vtl.compile(text, "velocity", INTRINSICS).evaluate(bindings())
