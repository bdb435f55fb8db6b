"""Transactions: all or nothing, reasons in order, once per token, one stream record per changed item."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import aws
from syncline.core import SynclineError, call
from syncline.store import MemoryStore, Space
from syncline.tables.tokens import TOKENS

ABSENT = {"ConditionExpression": "attribute_not_exists(id)"}
START = "Transaction cancelled, please refer cancellation reasons for specific reasons "


def put(name: str, **more: Any) -> dict[str, Any]:
    attributes = {key: more.pop(key) for key in list(more) if key.islower()}
    return {"Put": {"TableName": "things", "Item": {"id": {"S": name}, **attributes}, **more}}


def delete(name: str, **more: Any) -> dict[str, Any]:
    return {"Delete": {"TableName": "things", "Key": {"id": {"S": name}}, **more}}


def check(name: str, condition: str, **more: Any) -> dict[str, Any]:
    named = {"TableName": "things", "Key": {"id": {"S": name}}}
    return {"ConditionCheck": {**named, "ConditionExpression": condition, **more}}


def add(name: str, amount: int, **more: Any) -> dict[str, Any]:
    values = {":n": {"N": str(amount)}, **more.pop("values", {})}
    named = {"TableName": "things", "Key": {"id": {"S": name}}}
    return {"Update": {**named, "UpdateExpression": "ADD n :n", "ExpressionAttributeValues": values, **more}}


async def transact(room: Any, *actions: Any, **more: Any) -> Any:
    return await room.engine.transact_write_items({"TransactItems": list(actions), **more})


async def reasons(room: Any, *actions: Any) -> Any:
    """The reasons with which a transaction is cancelled."""
    with pytest.raises(SynclineError) as caught:
        await transact(room, *actions)
    assert caught.value.code == "TransactionCanceledException"
    shown = caught.value.data["CancellationReasons"]
    assert caught.value.message == f"{START}[{', '.join(reason['Code'] for reason in shown)}]"
    return shown


@pytest.mark.rule("TBL-50")
async def test_all_four_actions_are_one_commit(things: Any) -> None:
    await things.put({"id": {"S": "old"}})
    await things.put({"id": {"S": "seen"}, "v": {"N": "1"}})
    call.enter(call.Call(request_id="r", region="us-east-1", account="0"))
    actions = [put("new"), delete("old"), add("count", 5), check("seen", "attribute_exists(v)")]
    assert await transact(things, *actions) == {}
    position = call.current().position
    await things.put({"id": {"S": "after"}})
    assert call.current().position == position + 1, "one commit, with a position of its own"
    assert await things.get("new") == {"id": {"S": "new"}}
    assert await things.get("old") is None
    assert await things.get("count") == {"id": {"S": "count"}, "n": {"N": "5"}}
    events = [(record["eventName"], record["dynamodb"]["Keys"]["id"]["S"]) for record in await things.records()]
    assert events[2:5] == [("INSERT", "new"), ("REMOVE", "old"), ("INSERT", "count")]


@pytest.mark.rule("TBL-50")
@pytest.mark.rule("TBL-51")
async def test_a_failed_condition_cancels_everything_and_every_action_has_its_reason(things: Any) -> None:
    old = {"id": {"S": "a"}, "v": {"B": b"\x00"}}
    await things.put(old)
    shows = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    shown = await reasons(
        things,
        put("new"),
        put("a", **ABSENT, **shows),
        delete("b", ConditionExpression="attribute_exists(id)"),
        add("c", 1),
    )
    assert shown == [{"Code": "None"}, {**failed, "Item": old}, failed, {"Code": "None"}]
    assert await things.get("new") is None
    assert await things.get("a") == old
    assert await things.get("c") is None
    assert len(await things.records()) == 1


@pytest.mark.rule("TBL-51")
@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"Put": {"TableName": "things", "Item": {"id": {"N": "1"}}}},
         "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N"),
        ({"Delete": {"TableName": "things", "Key": {"other": {"S": "a"}}}},
         "The provided key element does not match the schema"),
        (add("text", 1), "An operand in the update expression has an incorrect data type"),
        ({"Update": {"TableName": "things", "Key": {"id": {"S": "z"}}, "UpdateExpression": "SET a = b"}},
         "The provided expression refers to an attribute that does not exist in the item"),
    ],
)  # fmt: skip
async def test_what_does_not_fit_the_item_is_a_validation_error_among_the_reasons(
    things: Any, action: Any, message: str
) -> None:
    await things.put({"id": {"S": "text"}, "n": {"S": "no number"}})
    assert await reasons(things, put("new"), action, put("later")) == [
        {"Code": "None"},
        {"Code": "ValidationError", "Message": message},
        {"Code": "None"},
    ]
    assert await things.get("new") is None


@pytest.mark.rule("TBL-52")
@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        ([put("a"), delete("a")], "Transaction request cannot include multiple operations on one item"),
        ([check("a", "attribute_exists(id)"), put("a")],
         "Transaction request cannot include multiple operations on one item"),
        ([{}], "TransactItems can only contain one of Check, Put, Update or Delete"),
        ([put("a") | delete("b")], "TransactItems can only contain one of Check, Put, Update or Delete"),
        ([], "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: "
             "Member must have length greater than or equal to 1"),
        ([put("a"), check("b", "nonsense(")], 'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "("'),
        ([put("a"), put("")], "One or more parameter values are not valid. The AttributeValue for a key attribute "
                              "cannot contain an empty string value. Key: id"),
        ([put("a", v={"S": "x" * 410_000})], "Item size has exceeded the maximum allowed size"),
    ],
)  # fmt: skip
async def test_what_cannot_be_right_is_refused_before_anything_is_read(
    things: Any, refusal: Any, actions: Any, sentence: str
) -> None:
    assert await refusal(transact(things, *actions)) == f"ValidationException: {sentence}"


@pytest.mark.rule("TBL-52")
async def test_a_hundred_actions_of_four_megabytes_and_no_more(things: Any, refusal: Any) -> None:
    await transact(things, *(put(f"n{n}") for n in range(100)))
    many = await refusal(transact(things, *(put(f"n{n}") for n in range(101))))
    assert many.endswith("Member must have length less than or equal to 100")
    large = [put(f"n{n}", v={"S": "x" * 399_000}) for n in range(11)]
    assert "size cannot exceed" in await refusal(transact(things, *large))
    await transact(things, *large[:10])
    await transact(things, *(delete(f"n{n}") for n in range(11)))
    assert await refusal(transact(things, {"Put": {"TableName": "nowhere", "Item": {"id": {"S": "a"}}}})) == (
        "ResourceNotFoundException: Requested resource not found"
    )


@pytest.mark.rule("TBL-53")
async def test_a_token_makes_a_repetition_harmless_for_ten_minutes_and_across_restarts(
    things: Any, refusal: Any, new_room: Any
) -> None:
    again = {"ClientRequestToken": "t-1", "ReturnConsumedCapacity": "TOTAL"}
    first = await transact(things, add("a", 5), **again)
    assert first["ConsumedCapacity"] == [{"TableName": "things", "CapacityUnits": 2, "WriteCapacityUnits": 2}]
    repeated = await transact(things, add("a", 5), **again)
    assert repeated["ConsumedCapacity"] == [{"TableName": "things", "CapacityUnits": 2, "ReadCapacityUnits": 2}]
    other = await refusal(transact(things, add("a", 6), ClientRequestToken="t-1"))
    assert other.startswith("IdempotentParameterMismatchException")
    restarted = await new_room(MemoryStore(things.store.disk))
    await transact(restarted, add("a", 5), ClientRequestToken="t-1")
    assert (await restarted.get("a"))["n"] == {"N": "5"}
    assert len(await restarted.records()) == 1
    restarted.clock.move(601)
    await restarted.engine.housekeeping.round()
    assert await restarted.store.read(TOKENS.list) == []
    assert await restarted.store.read(lambda view: view.scan(Space.DUE, b"", b"\xff", limit=9)) == []
    await transact(restarted, add("a", 6), ClientRequestToken="t-1")
    assert (await restarted.get("a"))["n"] == {"N": "11"}


@pytest.mark.rule("TBL-53")
async def test_a_cancelled_transaction_does_not_use_up_its_token(things: Any) -> None:
    with pytest.raises(SynclineError):
        await transact(things, delete("a", ConditionExpression="attribute_exists(id)"), ClientRequestToken="t")
    await transact(things, put("a"), ClientRequestToken="t")
    assert await things.get("a") is not None


@pytest.mark.rule("TBL-46")
async def test_a_transaction_costs_twice(room: Any) -> None:
    index = {
        "IndexName": "by_state",
        "KeySchema": [{"AttributeName": "st", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    await room.create(attributes="st:S", GlobalSecondaryIndexes=[index])
    actions = [put("a", st={"S": "x" * 1500}), check("b", "attribute_not_exists(id)"), delete("c")]
    shown = (await transact(room, *actions, ReturnConsumedCapacity="INDEXES"))["ConsumedCapacity"]
    arm = lambda units: {"CapacityUnits": units, "WriteCapacityUnits": units}  # noqa: E731
    assert shown == [
        {"TableName": "things", **arm(12), "Table": arm(8), "GlobalSecondaryIndexes": {"by_state": arm(4)}}
    ]
    gets = [{"Get": {"TableName": "things", "Key": {"id": {"S": name}}}} for name in ("a", "none")]
    answer = await room.engine.transact_get_items({"TransactItems": gets, "ReturnConsumedCapacity": "TOTAL"})
    assert answer["ConsumedCapacity"] == [{"TableName": "things", "CapacityUnits": 4, "ReadCapacityUnits": 4}]


@pytest.mark.rule("TBL-54")
async def test_transact_get_shows_items_in_order_and_reasons_for_a_wrong_key(things: Any, refusal: Any) -> None:
    await things.put({"id": {"S": "a"}, "v": {"N": "1"}, "w": {"N": "2"}})
    get = lambda key, **more: {"Get": {"TableName": "things", "Key": key, **more}}  # noqa: E731
    asked = [get({"id": {"S": "none"}}), get({"id": {"S": "a"}}, ProjectionExpression="v")]
    answer = await things.engine.transact_get_items({"TransactItems": asked})
    assert answer == {"Responses": [{}, {"Item": {"v": {"N": "1"}}}]}
    wrong = await refusal(things.engine.transact_get_items({"TransactItems": [asked[0], get({})]}))
    assert wrong == f"TransactionCanceledException: {START}[None, ValidationError]"
    twice = await refusal(things.engine.transact_get_items({"TransactItems": [asked[0], asked[0]]}))
    assert twice == "ValidationException: Transaction request cannot include multiple operations on one item"


@pytest.mark.rule("TBL-51")
async def test_boto3_reads_the_reasons(room: Any) -> None:
    await room.create()
    client = aws.client({"dynamodb": room.api}, "dynamodb")
    await room.put({"id": {"S": "a"}, "b": {"B": b"\xff"}})
    action = put("a", **ABSENT, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        await aws.called(client.transact_write_items, TransactItems=[put("b"), action])
    found = caught.value.response
    assert found["Error"]["Message"] == START + "[None, ConditionalCheckFailed]"
    assert found["CancellationReasons"][1]["Item"] == {"id": {"S": "a"}, "b": {"B": b"\xff"}}
    await aws.called(client.transact_write_items, TransactItems=[put("c")])
    gets = [{"Get": {"TableName": "things", "Key": {"id": {"S": "c"}}}}]
    assert (await aws.called(client.transact_get_items, TransactItems=gets))["Responses"] == [
        {"Item": {"id": {"S": "c"}}}
    ]


@pytest.mark.rule("TBL-55")
async def test_item_collection_metrics_are_for_tables_with_local_indexes(room: Any, things: Any) -> None:
    local = {
        "IndexName": "by_age",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "age", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    await room.create("local", "id:S k:N", attributes="age:N", LocalSecondaryIndexes=[local])
    item = {"id": {"S": "a"}, "k": {"N": "1"}, "age": {"N": "3"}}
    asked = {"ReturnItemCollectionMetrics": "SIZE"}
    metrics = {"ItemCollectionKey": {"id": {"S": "a"}}, "SizeEstimateRangeGB": [0.0, 1.0]}
    assert await room.put(item, "local", **asked) == {"ItemCollectionMetrics": metrics}
    assert await things.put({"id": {"S": "a"}}, **asked) == {}
    batch = {"RequestItems": {"local": [{"PutRequest": {"Item": {**item, "k": {"N": n}}}} for n in "12"]}}
    assert (await room.engine.batch_write_item(batch | asked))["ItemCollectionMetrics"] == {"local": [metrics]}
    answer = await transact(room, {"Put": {"TableName": "local", "Item": item}}, put("b"), **asked)
    assert answer == {"ItemCollectionMetrics": {"local": [metrics]}}


@pytest.mark.rule("TBL-50")
@settings(max_examples=60, deadline=None)
@given(
    transfers=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(1, 60)).filter(lambda t: t[0] != t[1]),
        max_size=20,
    )
)
async def test_transfers_never_make_or_lose_money(new_room: Any, transfers: Any) -> None:
    room = await new_room(MemoryStore())
    await room.create(view="KEYS_ONLY")
    balances = dict.fromkeys("abcd", 100)
    await transact(room, *(add(name, 100) for name in balances))
    for giver, taker, amount in transfers:
        enough = {"ConditionExpression": "n >= :a", "values": {":a": {"N": str(amount)}}}
        actions = (add(giver, -amount, **enough), add(taker, amount))
        if balances[giver] < amount:
            assert (await reasons(room, *actions))[0]["Code"] == "ConditionalCheckFailed"
            continue
        await transact(room, *actions)
        balances[giver] -= amount
        balances[taker] += amount
    assert {name: int((await room.get(name))["n"]["N"]) for name in balances} == balances
