"""Publications and subscriptions: who gets what of a mutation, and which starts are refused."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from syncline.core import SynclineError, call

SDL = """
interface Pet { name: String! }
type Dog implements Pet { name: String! barks: Boolean }
type Note { id: ID! text: String! room: String n: Int data: AWSJSON tags: [String] secret: String @aws_iam }
type Query { note: Note }
input In { id: ID! text: String room: String n: Int tags: [String] }
type Mutation {
  many(flag: Boolean): [Note]
  count: Int
  put(id: ID!, text: String, room: String, n: Int, data: AWSJSON, tags: [String]): Note
  drop(id: ID!): Note
  pet: Pet
}
type Subscription {
  onPut(room: String, id: ID, n: Int, tags: [String], other: String, text: String): Note
    @aws_subscribe(mutations: ["put"])
  onAny: Note @aws_subscribe(mutations: ["put", "drop"])
  onPet: Pet @aws_subscribe(mutations: ["pet"])
  guarded(room: String): Note @aws_subscribe(mutations: ["put"])
  onMany(room: String, flag: Boolean): [Note] @aws_subscribe(mutations: ["many"])
  onCount(flag: Boolean): Int @aws_subscribe(mutations: ["count"])
  loose: Note
}
"""


@pytest.fixture
async def api(world: Any) -> Any:
    await world.create(SDL)
    await world.local("Mutation", "put")
    return world


async def published(api: Any, query: str, outbox: Any, subscription: str, **variables: Any) -> list[Any]:
    endpoint = await api.connect()
    await endpoint.subscribe(api.start(subscription, outbox, **variables))
    await api.ask(query)
    await api.hub.drained()
    return outbox.payloads


PUT = 'mutation {put(id: 1, text: "t", room: "r", n: 5) {id text room n}}'


@pytest.mark.rule("GQL-15")
async def test_a_subscriber_gets_what_the_mutation_selected(api: Any, outbox: Any) -> None:
    found = await published(api, PUT, outbox, "subscription {onPut {__typename id text}}")
    assert found == [{"data": {"onPut": {"__typename": "Note", "id": "1", "text": "t"}}}]


@pytest.mark.rule("GQL-15")
async def test_aliases_are_the_mutations_own(api: Any, outbox: Any) -> None:
    mutation = 'mutation {a: put(id: 1, text: "t") {b: id c: text}}'
    found = await published(api, mutation, outbox, "subscription {x: onPut {y: id text}}")
    assert found == [{"data": {"x": {"y": "1", "text": "t"}}}]


@pytest.mark.rule("GQL-15")
async def test_awsjson_is_not_encoded_twice(api: Any, outbox: Any) -> None:
    mutation = r'mutation {put(id: 1, data: "{\"a\": 1}") {data}}'
    found = await published(api, mutation, outbox, "subscription {onPut {data}}")
    assert found == [{"data": {"onPut": {"data": '{"a":1}'}}}]


@pytest.mark.rule("GQL-15")
async def test_abstract_values_keep_their_type(api: Any, outbox: Any) -> None:
    dog = '{"version": "2018-05-29", "payload": {"__typename": "Dog", "name": "d", "barks": true}}'
    await api.local("Mutation", "pet", dog)
    endpoint = await api.connect()
    await endpoint.subscribe(api.start("subscription {onPet {name ... on Dog {barks}}}", outbox))
    assert await api.ask("mutation {pet {name ... on Dog {barks}}}") == {"data": {"pet": {"name": "d", "barks": True}}}
    await api.hub.drained()
    assert outbox.payloads == [{"data": {"onPet": {"name": "d", "barks": True}}}]


@pytest.mark.rule("GQL-16")
async def test_a_field_that_the_mutation_left_out(api: Any, outbox: Any) -> None:
    found = await published(api, 'mutation {put(id: 1, text: "t") {id}}', outbox, "subscription {onPut {id room}}")
    assert found == [{"data": {"onPut": {"id": "1", "room": None}}}]
    counters = {each.name: each for each in api.meter.instruments()}
    assert counters["syncline_graphql_selection_gaps_total"].value == 1


@pytest.mark.rule("GQL-16")
async def test_a_compulsory_field_that_the_mutation_left_out(api: Any, outbox: Any) -> None:
    found = await published(api, 'mutation {put(id: 1, text: "t") {id}}', outbox, "subscription {onPut {id text}}")
    assert found == [
        {
            "data": {"onPut": None},
            "errors": [
                {
                    "path": ["onPut", "text"],
                    "locations": None,
                    "message": "Cannot return null for non-nullable type: 'String' within parent 'Note' (/onPut/text)",
                }
            ],
        }
    ]


@pytest.mark.rule("GQL-17")
@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ('room: "r"', 1),
        ('room: "other"', 0),
        ("room: null", 0),
        ('id: "1", n: 5', 1),
        ("id: 1, n: 6", 0),
        ('tags: ["a"]', 0),
        ('other: "t"', 0),
        ("text: null", 1),
        ('text: "t"', 0),
    ],
)
async def test_arguments_filter(api: Any, outbox: Any, arguments: str, count: int) -> None:
    put = PUT.replace("id text", "id") if "text" in arguments else PUT  # not selected: it is not there
    found = await published(api, put, outbox, f"subscription {{onPut({arguments}) {{id}}}}")
    assert len(found) == count


@pytest.mark.rule("GQL-17")
async def test_null_matches_null_and_absent_and_an_absent_variable_is_no_filter(api: Any, outbox: Any) -> None:
    mutation = 'mutation {put(id: 1, text: "t") {id}}'
    assert len(await published(api, mutation, outbox, "subscription {onPut(room: null) {id}}")) == 1
    text = "subscription($r: String) {onPut(room: $r) {id}}"
    endpoint = await api.connect()
    await endpoint.subscribe(api.start(text, outbox, id="2"))
    await endpoint.subscribe(api.start(text, outbox, id="3", r=None))
    await api.ask(PUT)
    await api.hub.drained()
    assert [message["id"] for message in outbox.messages] == ["1", "2"]


@pytest.mark.rule("GQL-17")
@pytest.mark.parametrize("arguments", ["", "(room: null)", "(flag: true)", '(room: "r")'])
async def test_lists_and_scalars_are_for_who_gives_no_argument(api: Any, outbox: Any, arguments: str) -> None:
    await api.local("Mutation", "many", '{"version": "2018-05-29", "payload": [{"id": 1, "room": "r"}]}')
    await api.local("Mutation", "count", '{"version": "2018-05-29", "payload": 7}')
    failures: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    found = await published(api, "mutation {many {id}}", outbox, f"subscription {{onMany{arguments} {{id}}}}")
    assert found == ([] if arguments else [{"data": {"onMany": [{"id": "1"}]}}])
    if "room" not in arguments:
        found = await published(api, "mutation {count}", outbox, f"subscription {{onCount{arguments}}}")
        assert found[len(found) - 1 :] == ([] if arguments else [{"data": {"onCount": 7}}])
    assert failures == []


@pytest.mark.rule("GQL-20")
async def test_a_resolver_sees_the_start_and_what_it_returns_is_no_message(api: Any, outbox: Any) -> None:
    asked = '{"version": "2018-05-29", "payload": {"id": "0", "room": $util.toJson($ctx.request.headers["x-mine"])}}'
    check = '#if($ctx.result.room != "here" || $ctx.args.room != "r" || $ctx.identity)$util.error("no", "No")#end'
    await api.local("Subscription", "guarded", asked, check + "$util.toJson($ctx.result)")
    endpoint = await api.connect()
    start = api.start('subscription {guarded(room: "r") {id}}', outbox)
    headers = {**start.authorization, "X-Mine": "here"}
    await endpoint.subscribe(msgspec.structs.replace(start, authorization=headers))
    await api.hub.drained()
    assert outbox.messages == []


@pytest.mark.rule("GQL-15")
async def test_no_resolver_runs_for_a_subscriber(api: Any, outbox: Any) -> None:
    await api.local("Note", "room", '{"version": "2018-05-29", "payload": "$util.autoId()"}')
    for id in "12":
        endpoint = await api.connect()
        await endpoint.subscribe(api.start("subscription {onPut {room}}", outbox, id=id))
    answer = await api.ask(PUT)
    await api.hub.drained()
    assert [each["data"]["onPut"] for each in outbox.payloads] == [{"room": answer["data"]["put"]["room"]}] * 2


@pytest.mark.rule("GQL-18")
async def test_null_publishes_nothing_and_a_partial_error_does(api: Any, outbox: Any) -> None:
    await api.local("Mutation", "drop", '{"version": "2018-05-29", "payload": null}')
    await api.local("Note", "room", '$util.error("no")')
    endpoint = await api.connect()
    await endpoint.subscribe(api.start("subscription {onAny {id}}", outbox))
    await api.ask("mutation {drop(id: 1) {id}}")
    assert len((await api.ask(PUT))["errors"]) == 1
    await api.hub.drained()
    assert outbox.payloads == [{"data": {"onAny": {"id": "1"}}}]


REFUSALS = [
    ("query {note {id}}", "UnsupportedOperation", "query not supported through the realtime channel"),
    ("mutation {drop(id: 1) {id}}", "UnsupportedOperation", "mutation not supported through the realtime channel"),
    ("subscription {onPut {id} onAny {id}}", "DuplicatedOperationError", "Duplicated operation with id 1"),
]


@pytest.mark.rule("GQL-19")
@pytest.mark.parametrize(("query", "code", "message"), REFUSALS)
async def test_refused_starts(api: Any, outbox: Any, query: str, code: str, message: str) -> None:
    endpoint = await api.connect()
    with pytest.raises(SynclineError) as refusal:
        await endpoint.subscribe(api.start(query, outbox))
    assert (refusal.value.code, refusal.value.message) == (code, message)


@pytest.mark.rule("GQL-19")
async def test_a_document_that_does_not_validate(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    with pytest.raises(SynclineError) as refusal:
        await endpoint.subscribe(api.start("subscription {onPut {zz}}", outbox))
    assert refusal.value.data["errors"] == [
        {"message": "Validation error of type FieldUndefined: Field 'zz' in type 'Note' is undefined @ 'onPut/zz'"}
    ]


@pytest.mark.rule("GQL-19")
async def test_each_start_is_authorized(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    with pytest.raises(SynclineError) as refusal:
        await endpoint.subscribe(api.start("subscription {onPut {id}}", outbox, key="da2-wrong"))
    assert refusal.value.code == "UnauthorizedException"


@pytest.mark.rule("GQL-20")
async def test_the_fields_own_resolver_runs_once_at_start_and_can_refuse(api: Any, outbox: Any) -> None:
    request = '#if($ctx.args.room == "vip")$util.unauthorized()#end{"version": "2018-05-29", "payload": null}'
    await api.local("Subscription", "guarded", request, "null")
    endpoint = await api.connect()
    with pytest.raises(SynclineError) as refusal:
        await endpoint.subscribe(api.start('subscription {guarded(room: "vip") {id}}', outbox))
    (entry,) = refusal.value.data["errors"]
    assert entry["errorType"] == "Unauthorized"
    assert entry["message"] == "Not Authorized to access guarded on type Subscription"
    await endpoint.subscribe(api.start('subscription {guarded(room: "r") {id}}', outbox))
    await api.ask(PUT)
    await api.hub.drained()
    assert outbox.payloads == [{"data": {"guarded": {"id": "1"}}}]


@pytest.mark.rule("GQL-21")
async def test_a_new_schema_keeps_what_still_fits_and_ends_the_rest(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    await endpoint.subscribe(api.start("subscription {onPut {id}}", outbox, id="keep"))
    await endpoint.subscribe(api.start("subscription {onPut {room}}", outbox, id="end"))
    assert (await api.schema(SDL.replace("room: String n: Int data", "n: Int data")))["status"] == "SUCCESS"
    assert [(message["id"], message["type"]) for message in outbox.messages] == [("end", "error"), ("end", "complete")]
    outbox.data = b""
    await api.ask('mutation {put(id: 1, text: "t") {id}}')
    await api.hub.drained()
    assert [(message["id"], message["payload"]) for message in outbox.messages] == [
        ("keep", {"data": {"onPut": {"id": "1"}}})
    ]


@pytest.mark.rule("GQL-21")
async def test_deleting_the_api_ends_its_subscriptions(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    await endpoint.subscribe(api.start("subscription {onPut {id}}", outbox))
    await api.call("DeleteGraphqlApi")
    assert [message["type"] for message in outbox.messages] == ["error", "complete"]
    endpoint.closed()


@pytest.mark.rule("GQL-21")
async def test_a_deleted_key_opens_nothing_new(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    await endpoint.subscribe(api.start("subscription {onPut {id}}", outbox))
    await api.call("DeleteApiKey", id=api.key)
    with pytest.raises(SynclineError):
        await endpoint.subscribe(api.start("subscription {onPut {id}}", outbox, id="2"))


@pytest.mark.rule("GQL-22")
async def test_stopped_and_closed_subscriptions_get_nothing(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    await endpoint.subscribe(api.start("subscription {onPut {id}}", outbox))
    endpoint.unsubscribe("1")
    await endpoint.subscribe(api.start("subscription {onPut {id}}", outbox))
    endpoint.closed()
    await api.ask(PUT)
    await api.hub.drained()
    assert outbox.data == b""


@pytest.mark.rule("GQL-22")
async def test_equal_subscriptions_share_a_group(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    text = "subscription($r: String) {onPut(room: $r) {id}}"
    groups = {
        (await endpoint.subscribe(api.start(text, outbox, id=id, r=room))).group for id, room in ("1a", "2a", "3b")
    }
    assert len(groups) == 2


@pytest.mark.rule("GQL-22")
async def test_subscriptions_that_differ_in_their_arguments_are_encoded_for_once(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    text = "subscription($r: String, $i: ID) {onPut(room: $r, id: $i) {id}}"
    given: list[dict[str, str]] = [{"r": "a"}, {"i": "1"}, {"r": "a", "i": "1"}, {}]
    found = [await endpoint.subscribe(api.start(text, outbox, id=str(n), **each)) for n, each in enumerate(given)]
    assert (len({each.group for each in found}), len({each.project for each in found})) == (4, 1)


@pytest.mark.rule("GQL-12")
async def test_what_a_subscriber_may_not_see_is_null_and_named(api: Any, outbox: Any) -> None:
    (found,) = await published(api, PUT, outbox, "subscription {onPut {id secret}}")
    assert found["data"] == {"onPut": {"id": "1", "secret": None}}
    (entry,) = found["errors"]
    assert (entry["path"], entry["errorType"]) == (["onPut", "secret"], "Unauthorized")
    assert entry["message"] == "Not Authorized to access secret on type Note"


@pytest.mark.rule("GQL-15")
async def test_a_publication_tells_of_its_mutations_commit(api: Any) -> None:
    call.enter(call.Call("request", "us-east-1", "000000000000"))
    call.committed(7)
    await api.ask(PUT)
    (publication,) = api.hub.recent(api.api_id, after=0)
    assert (publication.topic.name, publication.commit, publication.position) == ("put", 7, 1)
    assert publication.value == {"id": "1", "text": "t", "room": "r", "n": 5}
