"""Updates: what each clause does, and how wrong ones are refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.core import Invalid
from syncline.store import MemoryStore, Space
from syncline.tables.layout import decode_row, row_size
from syncline.tables.values import size_of_item

U = "ValidationException: 1 validation error detected: Invalid UpdateExpression: "
V = "ValidationException: "


def numbers(*values: int) -> dict[str, Any]:
    return {"L": [{"N": str(value)} for value in values]}


START = {"id": {"S": "a"}, "a": {"N": "1"}, "b": {"N": "2"}, "l": numbers(10, 20, 30), "ss": {"SS": ["x", "y"]}}


@pytest.mark.rule("TBL-30")
@pytest.mark.parametrize(
    ("expression", "values", "changed"),
    [
        ("SET a = b, b = a", {}, {"a": {"N": "2"}, "b": {"N": "1"}}),
        ("SET l[9] = :x, l[7] = :y", {"x": {"N": "9"}, "y": {"N": "7"}}, {"l": numbers(10, 20, 30, 7, 9)}),
        ("REMOVE l[0] SET l[2] = :x", {"x": {"N": "9"}}, {"l": numbers(20, 9)}),
        ("REMOVE l[0], l[2], l[9]", {}, {"l": numbers(20)}),
        ("SET a = if_not_exists(c, :z) + :o", {"z": {"N": "0"}, "o": {"N": "1"}}, {"a": {"N": "1"}}),
        ("SET a = if_not_exists(a, :z) - :o", {"z": {"N": "9"}, "o": {"N": "3"}}, {"a": {"N": "-2"}}),
        ("SET l = list_append(:h, l)", {"h": numbers(5)}, {"l": numbers(5, 10, 20, 30)}),
        ("SET l = list_append(l, if_not_exists(q, :h))", {"h": numbers(5)}, {"l": numbers(10, 20, 30, 5)}),
        ("SET m = :m", {"m": {"M": {"k": {"S": "v"}}}}, {"m": {"M": {"k": {"S": "v"}}}}),
        ("SET c = (a + b)", {}, {"c": {"N": "3"}}),
        ("ADD c :five", {"five": {"N": "5"}}, {"c": {"N": "5"}}),
        ("ADD a :x", {"x": {"N": "-1"}}, {"a": {"N": "0"}}),
        ("ADD ss :more", {"more": {"SS": ["a", "x"]}}, {"ss": {"SS": ["a", "x", "y"]}}),
        ("DELETE ss :some", {"some": {"SS": ["x", "q"]}}, {"ss": {"SS": ["y"]}}),
        ("DELETE ss :all", {"all": {"SS": ["x", "y"]}}, {"ss": None}),
        ("DELETE none :all", {"all": {"SS": ["x", "y"]}}, {}),
        ("REMOVE a, zzz", {}, {"a": None}),
        ("set c = l[1] remove b add a :x", {"x": {"N": "1"}}, {"c": {"N": "20"}, "b": None, "a": {"N": "2"}}),
    ],
)
async def test_an_update_changes(things: Any, expression: str, values: dict[str, Any], changed: dict[str, Any]) -> None:
    await things.put(START)
    await things.update("a", expression.replace("none", "nix"), **values)
    expected = {name: value for name, value in (START | changed).items() if value is not None}
    assert await things.get("a") == expected


@pytest.mark.rule("TBL-30")
async def test_nested_paths(things: Any) -> None:
    await things.put({"id": {"S": "a"}, "m": {"M": {"l": {"L": [{"M": {"x": {"N": "1"}}}, {"N": "2"}]}}}})
    await things.update(
        "a",
        "SET m.l[0].y = m.l[0].x + :o, m.#dot = m.l REMOVE m.l[1]",
        o={"N": "1"},
        ExpressionAttributeNames={"#dot": "a.b"},
    )
    before = {"L": [{"M": {"x": {"N": "1"}}}, {"N": "2"}]}
    after = {"L": [{"M": {"x": {"N": "1"}, "y": {"N": "2"}}}]}
    assert await things.get("a") == {"id": {"S": "a"}, "m": {"M": {"l": after, "a.b": before}}}


INVALID_PATH = V + "The document path provided in the update expression is invalid for update"
WRONG_TYPE = V + "An operand in the update expression has an incorrect data type"
MISSING = V + "The provided expression refers to an attribute that does not exist in the item"


@pytest.mark.rule("TBL-23")
@pytest.mark.rule("TBL-31")
@pytest.mark.parametrize(
    ("expression", "values", "sentence"),
    [
        ("SET m.x = :v", {"v": {"S": "x"}}, INVALID_PATH),
        ("SET a.x = :v", {"v": {"S": "x"}}, INVALID_PATH),
        ("SET l.x = :v", {"v": {"S": "x"}}, INVALID_PATH),
        ("REMOVE m.x", {}, INVALID_PATH),
        ("SET a = z", {}, MISSING),
        ("SET a = z + :v", {"v": {"N": "1"}}, MISSING),
        ("SET a = l + :v", {"v": {"N": "1"}}, WRONG_TYPE),
        ("SET a = list_append(a, :v)", {"v": {"L": []}}, WRONG_TYPE),
        ("ADD ss :v", {"v": {"N": "1"}}, WRONG_TYPE),
        ("DELETE ss :v", {"v": {"NS": ["1"]}}, WRONG_TYPE),
        (
            "SET a = b + :v",
            {"v": {"S": "x"}},
            U + "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "ADD a :v",
            {"v": {"S": "x"}},
            U + "Incorrect operand type for operator or function; operator: ADD, operand type: STRING",
        ),
        (
            "DELETE a :v",
            {"v": {"N": "1"}},
            U + "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER",
        ),
        ("INVALID SYNTAX", {}, U + 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"'),
        (
            "SET a = :v SET b = :v",
            {"v": {"S": "x"}},
            U + 'The "SET" section can only be used once in an update expression;',
        ),
        ("SET a = b + c + l", {}, U + 'Syntax error; token: "+", near: "c + l"'),
        ("SET a = if_not_exists(b + c, l)", {}, U + 'Syntax error; token: "+", near: "b + c"'),
        ("SET a = size(b)", {}, U + "The function is not allowed in an update expression; function: size"),
        ("SET a = f(b)", {}, U + "Invalid function name; function: f"),
        (
            "SET a = :v REMOVE a",
            {"v": {"S": "x"}},
            U + "Two document paths overlap with each other; must remove or rewrite one of these paths; "
            "path one: [a], path two: [a]",
        ),
        (
            "SET m.a = :v, m = :v",
            {"v": {"S": "x"}},
            U + "Two document paths overlap with each other; must remove or rewrite one of these paths; "
            "path one: [m, a], path two: [m]",
        ),
        (
            "SET m.a = :v, m[0] = :v",
            {"v": {"S": "x"}},
            U + "Two document paths conflict with each other; must remove or rewrite one of these paths; "
            "path one: [m, a], path two: [m, [0]]",
        ),
        (
            "SET id = :v",
            {"v": {"S": "x"}},
            V + "One or more parameter values were invalid: Cannot update attribute id. "
            "This attribute is part of the key",
        ),
        (
            "SET id.x = :v",
            {"v": {"S": "x"}},
            "ValidationException: One or more parameter values were invalid: Cannot update attribute id. "
            "This attribute is part of the key",
        ),
        (
            "SET x = id.x",
            {},
            V + "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: id",
        ),
    ],
)
async def test_a_wrong_update_is_refused(
    things: Any, refusal: Any, expression: str, values: dict[str, Any], sentence: str
) -> None:
    await things.put(START)
    assert await refusal(things.update("a", expression, **values)) == sentence
    assert await things.get("a") == START


@pytest.mark.rule("TBL-32")
async def test_an_update_makes_an_item_unless_it_only_removes(things: Any) -> None:
    assert await things.update("a", "REMOVE x", ReturnValues="ALL_NEW") == {}
    await things.update("a", "DELETE x :s", s={"SS": ["y"]})
    assert await things.get("a") is None
    assert await things.records() == []
    await things.update("a")
    assert await things.get("a") == {"id": {"S": "a"}}
    await things.update("b", "ADD n :one", one={"N": "1"})
    assert await things.get("b") == {"id": {"S": "b"}, "n": {"N": "1"}}


@pytest.mark.rule("TBL-41")
@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("NONE", None),
        ("ALL_OLD", START),
        ("UPDATED_OLD", {"a": {"N": "1"}, "l": {"L": [{"N": "20"}]}, "b": {"N": "2"}}),
        ("ALL_NEW", {"id": {"S": "a"}, "a": {"N": "5"}, "l": numbers(10, 30), "ss": START["ss"], "c": {"N": "5"}}),
        ("UPDATED_NEW", {"a": {"N": "5"}, "c": {"N": "5"}, "l": {"L": [{"N": "30"}]}}),
    ],
)
async def test_return_values_of_an_update(things: Any, wanted: str, shown: Any) -> None:
    await things.put(START)
    answer = await things.update("a", "SET a = :v, c = :v REMOVE l[1], b", v={"N": "5"}, ReturnValues=wanted)
    assert answer.get("Attributes") == shown


@pytest.mark.rule("TBL-41")
async def test_a_list_slot_past_the_end_is_not_among_the_updated(things: Any) -> None:
    await things.put(START)
    assert await things.update("a", "SET l[100] = :v", v={"N": "5"}, ReturnValues="UPDATED_NEW") == {}


steps = st.one_of(
    st.tuples(st.just("SET"), st.sampled_from("pqr"), st.integers(-5, 5)),
    st.tuples(st.just("COPY"), st.sampled_from("pqr"), st.sampled_from("pqr")),
    st.tuples(st.just("REMOVE"), st.sampled_from("pqr"), st.none()),
    st.tuples(st.just("ADD"), st.sampled_from("pqr"), st.integers(-5, 5)),
)


@pytest.mark.rule("TBL-30")
@pytest.mark.rule("TBL-32")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(steps, min_size=1, max_size=3, unique_by=lambda step: step[1]), max_size=8))
def test_updates_do_what_a_dict_would(new_room: Any, updates: list[list[Any]]) -> None:
    """Each update is read against a plain dict; None is no item."""

    def model(state: dict[str, int] | None, update: list[Any]) -> dict[str, int] | None:
        old = state or {}
        if any(kind == "COPY" and value not in old for kind, _, value in update):
            return state
        if state is None and all(kind == "REMOVE" for kind, _, _ in update):
            return None
        new = dict(old)
        for kind, name, value in update:
            if kind == "REMOVE":
                new.pop(name, None)
            else:
                new[name] = old[value] if kind == "COPY" else value + (old.get(name, 0) if kind == "ADD" else 0)
        return new

    def text(update: list[Any]) -> tuple[str, dict[str, Any]]:
        clauses: dict[str, list[str]] = {}
        values = {}
        for kind, name, value in update:
            if kind in ("SET", "ADD"):
                values[f":{name}"] = {"N": str(value)}
            wording = {
                "SET": f"{name} = :{name}",
                "COPY": f"{name} = {value}",
                "REMOVE": name,
                "ADD": f"{name} :{name}",
            }
            clauses.setdefault("SET" if kind == "COPY" else kind, []).append(wording[kind])
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items()), values

    async def run() -> None:
        room = await new_room(MemoryStore())
        await room.create(view="KEYS_ONLY")
        state: dict[str, int] | None = None
        changes = 0
        for update in updates:
            expression, values = text(update)
            more = {"ExpressionAttributeValues": values} if values else {}
            before, state = state, model(state, update)
            changes += before != state
            try:
                await room.update("a", expression, **more)
            except Invalid as refusal:  # the model leaves the state alone then
                assert "does not exist in the item" in str(refusal)  # noqa: PT017
            found = await room.get("a")
            shown = None if found is None else {n: int(v["N"]) for n, v in found.items() if n != "id"}
            assert shown == state
        assert len(await room.records()) == changes

    asyncio.run(run())


NESTED = {"p": {"M": {"a": {"N": "-12.5"}, "é": {"L": [{"S": "x"}, {"SS": ["é", "y"]}]}}}, "q": {"L": [{"S": "é"}]}}
places = st.sampled_from(["p.a", "p.b", "p.#e[0]", "p.#e[7]", "q[0]", "q[1]", "r", "#e", "q"])
contents = st.sampled_from([{"S": ""}, {"S": "é"}, {"N": "100"}, {"BOOL": True}, {"M": {"z": {"NULL": True}}}, None])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(places, contents, min_size=1, max_size=3), min_size=1, max_size=4))
def test_an_updated_item_s_row_tells_its_size_and_the_old_image_is_whole(new_room: Any, updates: list[Any]) -> None:
    """Only what an update names is measured anew, and the item before it shares the rest with the one after it."""

    async def run() -> None:
        room = await new_room(MemoryStore())
        await room.create()
        await room.put({"id": {"S": "a"}, **NESTED})
        for update in updates:
            before = await room.get("a")
            sets = [f"{place} = :v{n}" for n, (place, value) in enumerate(update.items()) if value is not None]
            values = {f":v{n}": value for n, value in enumerate(update.values()) if value is not None}
            removes = [place for place, value in update.items() if value is None]
            text = (f"SET {', '.join(sets)} " if sets else "") + (f"REMOVE {', '.join(removes)}" if removes else "")
            more: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
            if "#e" in text:
                more["ExpressionAttributeNames"] = {"#e": "é"}
            try:
                answer = await room.update("a", text, ReturnValues="ALL_OLD", **more)
            except Invalid:  # paths that clash, or that lead nowhere
                assert await room.get("a") == before
                continue
            assert answer["Attributes"] == before
            (row,) = [value for (space, _), value in room.store.disk.values.items() if space == Space.ITEM]
            assert row_size(row) == size_of_item(decode_row(row))

    asyncio.run(run())


@pytest.mark.rule("TBL-32")
async def test_removing_below_what_is_not_there_is_refused_only_where_there_is_an_item(
    things: Any, refusal: Any
) -> None:
    await things.update("new", "SET v = :v REMOVE x.y, l[3]", v={"N": "1"})
    assert await things.get("new") == {"id": {"S": "new"}, "v": {"N": "1"}}
    again = things.update("new", "SET v = :v REMOVE x.y", v={"N": "2"})
    assert (await refusal(again)).endswith("document path provided in the update expression is invalid for update")
