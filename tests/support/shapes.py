"""Random values of a botocore shape, as botocore's clients take them and as the house has them."""

from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape
from hypothesis import strategies as st

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
LABEL = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda text: text.strip("./ ") != ""
)
HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
DEPTH_MAX = 3
INSTANTS = st.integers(0, 4_000_000_000)

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "character": TEXT,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.integers(-1000, 1000).map(lambda n: n / 8),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "blob": st.binary(max_size=12),
    "timestamp": INSTANTS,
}


def values(shape: Shape, depth: int = 0, location: str = "") -> st.SearchStrategy[Any]:
    """The house's values of `shape`: blobs are bytes, timestamps whole epoch seconds.

    Nothing below the top is empty: the query protocol cannot say so.
    """
    if shape.type_name == "structure":
        return structures(shape, depth)
    if shape.type_name in ("list", "map") and depth > DEPTH_MAX:
        return st.nothing()
    if shape.type_name in ("list", "map"):
        element = values(shape.member if shape.type_name == "list" else shape.value, depth + 1, location)
        if element.is_empty:
            return st.nothing()
        keys = HEADER.map(lambda text: "k" + text.lower()) if location else TEXT
        return (
            st.lists(element, min_size=1, max_size=2)
            if shape.type_name == "list"
            else st.dictionaries(keys, element, min_size=1, max_size=2)
        )
    if shape.type_name == "string" and location:
        return LABEL if location == "uri" else HEADER
    return SCALARS[shape.type_name]


def structures(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    if depth > DEPTH_MAX:
        return st.nothing()
    if getattr(shape, "is_document_type", False):
        return st.dictionaries(TEXT, TEXT, min_size=1, max_size=2)
    wanted, optional = {}, {}
    payload = shape.serialization.get("payload")
    for name, member in shape.members.items():
        location = member.serialization.get("location", "")
        if location == "statusCode" or member.serialization.get("eventstream") or member.serialization.get("jsonvalue"):
            continue
        strategy = values(member, depth + 1, location)
        if location == "uri":
            wanted[name] = strategy
        elif name == payload and member.type_name in ("blob", "string"):
            wanted[name] = strategy.filter(bool)
        elif not strategy.is_empty:
            optional[name] = strategy
    if depth and not wanted and not optional:
        return st.nothing()
    if getattr(shape, "is_tagged_union", False):
        return st.one_of([st.fixed_dictionaries({name: one}) for name, one in optional.items()])
    few = st.fixed_dictionaries({}, optional=optional)
    chosen = st.fixed_dictionaries(wanted).flatmap(lambda must: few.map(lambda may: {**may, **must}))
    return chosen.filter(bool) if depth else chosen


def for_client(shape: Shape, value: Any) -> Any:
    """The house's `value` as botocore's clients take and give it."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        return {name: for_client(shape.members[name], inner) for name, inner in value.items()}
    if shape.type_name == "list":
        return [for_client(shape.member, inner) for inner in value]
    if shape.type_name == "map":
        return {key: for_client(shape.value, inner) for key, inner in value.items()}
    return datetime.fromtimestamp(value, UTC) if shape.type_name == "timestamp" else value
