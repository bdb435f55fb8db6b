"""Types one at a time: the schema follows, or the change is refused whole."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import SynclineError, json

SDL = 'type Query { note: Note }\n\n"A note."\ntype Note { id: ID! @aws_api_key }'


@pytest.mark.rule("GQL-24")
async def test_types_are_read_in_both_formats(world: Any) -> None:
    await world.create(SDL)
    note = (await world.call("GetType", typeName="Note", format="SDL"))["type"]
    assert note == {
        "name": "Note",
        "description": "A note.",
        "arn": f"arn:aws:appsync:us-east-1:000000000000:apis/{world.api_id}/types/Note",
        "format": "SDL",
        "definition": '"A note."\ntype Note {\n  id: ID! @aws_api_key\n}',
    }
    as_json = (await world.call("GetType", typeName="Note", format="JSON"))["type"]
    assert json.decode(as_json["definition"])["fields"][0]["name"] == "id"
    assert [each["name"] for each in (await world.call("ListTypes", format="SDL"))["types"]] == ["Note", "Query"]


@pytest.mark.rule("GQL-24")
async def test_types_are_written_one_at_a_time(world: Any) -> None:
    await world.create(SDL)
    await world.call("CreateType", definition="type Tag { name: String }", format="SDL")
    await world.call("UpdateType", typeName="Query", definition="type Query { tag: Tag }", format="SDL")
    await world.call("DeleteType", typeName="Note")
    assert await world.ask("{tag {name}}") == {"data": {"tag": None}}
    assert [each["name"] for each in (await world.call("ListTypes", format="SDL"))["types"]] == ["Query", "Tag"]


@pytest.mark.rule("GQL-24")
@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("CreateType", {"definition": "type Note { a: Int }", "format": "SDL"}),
        ("CreateType", {"definition": "type Tag { a: Nowhere }", "format": "SDL"}),
        ("CreateType", {"definition": "type Tag {", "format": "SDL"}),
        ("UpdateType", {"typeName": "Zz", "definition": "type Zz { a: Int }", "format": "SDL"}),
        ("DeleteType", {"typeName": "Note"}),
        ("DeleteType", {"typeName": "Zz"}),
    ],
)
async def test_a_change_that_does_not_fit_is_refused_whole(
    world: Any, operation: str, request_: dict[str, str]
) -> None:
    await world.create(SDL)
    with pytest.raises(SynclineError) as refusal:
        await world.call(operation, **request_)
    assert refusal.value.code in ("BadRequestException", "NotFoundException")
    assert await world.ask("{note {id}}") == {"data": {"note": None}}


WRITTEN_AS_JSON = """
"Colours."
enum Color { RED BLUE @deprecated(reason: "Say \\"RED\\".") }
input Filter { "How many." first: Int = 10 tags: [String!]! = ["a"] color: Color = RED }
interface Named { name: String }
type Tag implements Named @aws_api_key {
  "Its name."
  name: String
  more(first: Int = 3, filter: Filter): [[Tag!]]!
  old: Int @deprecated
}
type Other { id: ID! }
union Found = Tag | Other
type Query { tag: Tag found(filter: Filter): Found }
"""


@pytest.mark.rule("GQL-24")
@pytest.mark.parametrize("name", ["Color", "Filter", "Named", "Tag", "Found"])
async def test_a_type_is_written_as_it_is_read_in_json(world: Any, name: str) -> None:
    await world.create(WRITTEN_AS_JSON)
    read = (await world.call("GetType", typeName=name, format="JSON"))["type"]
    written = await world.call("UpdateType", typeName=name, definition=read["definition"], format="JSON")
    assert written["type"]["format"] == "JSON"
    assert json.decode(written["type"]["definition"]) == json.decode(read["definition"])


@pytest.mark.rule("GQL-24")
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "OBJECT", "name": "A"}', '{"kind": "X", "name": "A"}'])
async def test_json_that_is_no_type_is_refused(world: Any, text: str) -> None:
    await world.create(SDL)
    with pytest.raises(SynclineError) as refusal:
        await world.call("CreateType", definition=text, format="JSON")
    assert refusal.value.code == "BadRequestException"


@pytest.mark.rule("GQL-24")
async def test_a_new_type_from_json(world: Any) -> None:
    await world.create(SDL)
    fields = [{"name": "name", "args": [], "type": {"kind": "SCALAR", "name": "String"}, "isDeprecated": False}]
    definition = json.encode({"kind": "OBJECT", "name": "Tag", "fields": fields, "interfaces": []}).decode()
    await world.call("CreateType", definition=definition, format="JSON")
    await world.call("UpdateType", typeName="Query", definition="type Query { tag: Tag }", format="SDL")
    assert await world.ask("{tag {name}}") == {"data": {"tag": None}}
