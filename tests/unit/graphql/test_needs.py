"""What a mutation's selection leaves out, though a live subscription needs it: told once, counted each time."""

from __future__ import annotations

import gc
import io
from collections.abc import Callable
from typing import Any

import pytest

from syncline.core import Meter, json
from unit.graphql.conftest import Outbox, World

SDL = """
interface Pet { name: String }
type Dog implements Pet { name: String barks: Boolean }
type Cat implements Pet { name: String }
type Author { id: ID name: String }
type Note { id: ID! text: String! room: String author: Author tags: [Author] }
type Query { a: String }
type Mutation { put(id: ID!, text: String, room: String): Note  pet: Pet }
type Subscription {
  onPut(id: ID, room: String): Note @aws_subscribe(mutations: ["put"])
  onFiltered: Note @aws_subscribe(mutations: ["put"])
  onPet: Pet @aws_subscribe(mutations: ["pet"])
}
"""
FILTER = '{"version": "2018-05-29", "payload": null}'
INSTALL = """
$extensions.setSubscriptionFilter({"filterGroup": [{"filters": [
  {"fieldName": "author.name", "operator": "eq", "value": "ada"},
  {"fieldName": "id", "operator": "ne", "value": "2"}]}]})
null
"""


class Told(World):
    """A world whose log can be read."""

    log: io.StringIO

    async def subscribe(self, text: str, id: str = "1", **variables: Any) -> Any:
        endpoint = await self.connect()
        await endpoint.subscribe(self.start(text, Outbox(), id=id, **variables))
        return endpoint

    async def put(self, selection: str) -> None:
        assert "errors" not in await self.ask(f'mutation {{put(id: "1", text: "t") {{{selection}}}}}')

    @property
    def gaps(self) -> list[tuple[str, list[str]]]:
        """What the log says, and says no more."""
        events = [json.decode(line) for line in self.log.getvalue().splitlines()]
        self.log.seek(0)
        self.log.truncate()
        return [(each["subscription"], each["missing"]) for each in events if each["event"] == "selection gap"]

    @property
    def count(self) -> float:
        counters: dict[str, Any] = {each.name: each for each in self.meter.instruments()}
        return float(counters["syncline_graphql_selection_gaps_total"].value)


@pytest.fixture
async def api(make_world: Callable[..., World]) -> World:
    log = io.StringIO()
    world = make_world(meter=Meter(out=log))
    world.__class__, world.log = Told, log  # type: ignore[attr-defined]
    await world.create(SDL)
    await world.local("Mutation", "put")
    await world.local("Mutation", "pet", '{"version": "2018-05-29", "payload": {"__typename": "Dog", "name": "d"}}')
    await world.local("Subscription", "onFiltered", FILTER, INSTALL)
    return world


@pytest.mark.rule("GQL-16")
@pytest.mark.parametrize(
    ("subscription", "selection", "missing"),
    [
        ("onPut {id}", "id", None),
        ("onPut {id text}", "id", ("onPut", ["text"])),
        ("onPut {id author {name} tags {id}}", "id author {id} tags {name}", ("onPut", ["author.name", "tags.id"])),
        ("onPut {x: id __typename}", "y: id", None),
        ("onPut {author {name}}", "a: author {id} b: author {name}", ("onPut", ["author.name"])),
        ('onPut(room: "r") {id}', "id", ("onPut", ["room"])),
        ('onPut(room: "r") {id}', "id room", None),
        ("onPut(room: null) {id}", "id", ("onPut", ["room"])),
        ("onFiltered {text}", "text", ("onFiltered", ["author.name", "id"])),
        ("onFiltered {text}", "id text author {name}", None),
    ],
)
async def test_what_a_selection_or_a_filter_needs_is_told_when_a_mutation_leaves_it_out(
    api: Told, subscription: str, selection: str, missing: tuple[str, list[str]] | None
) -> None:
    endpoint = await api.subscribe(f"subscription {{{subscription}}}")
    await api.put(selection)
    assert api.gaps == ([] if missing is None else [missing])
    assert api.count == (0 if missing is None else 1)
    await api.put(selection)
    assert api.gaps == []
    assert api.count == (0 if missing is None else 2)
    endpoint.closed()


@pytest.mark.rule("GQL-16")
async def test_abstract_values_are_compared_type_by_type(api: Told) -> None:
    await api.subscribe("subscription {onPet {name ... on Dog {barks}}}")
    await api.ask("mutation {pet {... on Dog {name barks}}}")
    assert api.gaps == [("onPet", ["Cat.name"])]
    await api.ask("mutation {pet {name ... on Dog {barks}}}")
    assert api.gaps == []


@pytest.mark.rule("GQL-16")
async def test_a_new_need_is_looked_at_and_one_that_is_gone_counts_no_more(api: Told) -> None:
    await api.put("id")
    first = await api.subscribe("subscription {onPut {id}}")
    await api.put("id")
    assert (api.gaps, api.count) == ([], 0)
    second = await api.subscribe("subscription {onPut {id room}}")
    await api.put("id")
    third = await api.subscribe('subscription {onPut(room: "r") {id text room}}')
    await api.put("id")
    assert (api.gaps, api.count) == ([("onPut", ["room"]), ("onPut", ["text"])], 2)
    for endpoint in (second, third):
        endpoint.closed()
    gc.collect()
    fourth = await api.subscribe("subscription {onPut {id author {id}}}")
    await api.put("id author {id}")
    assert (api.gaps, api.count) == ([], 2)
    for endpoint in (first, fourth):
        endpoint.closed()


@pytest.mark.rule("GQL-16")
async def test_subscriptions_that_need_the_same_are_one_need(api: Told) -> None:
    needs = api.engine.live(api.api_id).needs
    await api.subscribe('subscription {onPut(room: "0") {id}}')
    before = needs.generation
    for number in range(50):
        await api.subscribe(f'subscription {{onPut(room: "{number}") {{id}}}}', id=str(number))
    assert needs.generation == before
