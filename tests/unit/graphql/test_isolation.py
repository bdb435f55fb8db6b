"""What one field's template does stays with it."""

from __future__ import annotations

from typing import Any

import pytest

SDL = """
input In { tags: [String], n: Int }
type Item { id: ID! touched: AWSJSON seen: AWSJSON }
type Query {
  change(in: In, tags: [String] = ["d"]): AWSJSON
  look(in: In, tags: [String] = ["d"]): AWSJSON
  item: Item
  env: AWSJSON
  bomb: AWSJSON
}
"""
ALL = '$util.toJson({"args": $ctx.args, "variables": $ctx.info.variables})'
CHANGE = (
    '{"version": "2018-05-29", "payload": $util.toJson($ctx.args)}',
    '$util.qr($ctx.args.get("in").tags.add("x"))$util.qr($ctx.args.tags.add("y"))'
    '$util.qr($ctx.info.variables.put("v", 1))'
    '$util.qr($ctx.result.tags.add("z"))' + ALL,
)
QUERY = "query($i: In) { change(in: $i) look(in: $i) again: look }"


@pytest.mark.rule("RES-23")
async def test_changed_arguments_are_seen_by_no_sibling(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "change", *CHANGE)
    await world.local("Query", "look", "", ALL)
    for _ in range(2):
        data = (await world.ask(QUERY, i={"tags": ["a"]}))["data"]
        assert data == {
            "change": '{"args":{"in":{"tags":["a","x"]},"tags":["d","y"]},"variables":{"i":{"tags":["a"]},"v":1}}',
            "look": '{"args":{"in":{"tags":["a"]},"tags":["d"]},"variables":{"i":{"tags":["a"]}}}',
            "again": '{"args":{"tags":["d"]},"variables":{"i":{"tags":["a"]}}}',
        }


@pytest.mark.rule("RES-23")
async def test_a_changed_source_and_environment_are_as_they_were_for_the_next(world: Any) -> None:
    await world.create(SDL)
    await world.call("PutGraphqlApiEnvironmentVariables", environmentVariables={"STAGE": "a"})
    await world.local("Query", "item", '{"version": "2018-05-29", "payload": {"id": "1"}}')
    await world.local("Item", "touched", response='$util.qr($ctx.source.put("id", "2"))$util.toJson($ctx.source)')
    await world.local("Item", "seen", response="$util.toJson($ctx.source)")
    await world.local("Query", "env", response='$util.qr($ctx.env.put("STAGE", "b"))$util.toJson($ctx.env)')
    answer = await world.ask("{ item { touched seen id } env }")
    assert answer["data"] == {
        "item": {"touched": '{"id":"2"}', "seen": '{"id":"1"}', "id": "1"},
        "env": '{"STAGE":"b"}',
    }
    assert (await world.call("GetGraphqlApiEnvironmentVariables"))["environmentVariables"] == {"STAGE": "a"}


GROW = "#foreach($i in [1..60])%s#end"
ENDS = [
    "$util.toJson($l)",
    "$l",
    "#return($l)",
    '{"version": "2018-05-29", "payload": $util.toJson($l)}',
    "$util.dynamodb.toDynamoDBJson($l)",
    "#set($m = [[],[]])#foreach($i in [1..60])#set($m = [$m, $m])#end#if($l == $m)1#end",
    "$util.qr($ctx.stash.put('l', $l))1",
    "$util.toJson($util.list.copyAndRemoveAll([$l], [$l]))",
    '#set($text = "$l")1',
    '$util.error("a", "b", $l)',
    '$util.appendError("a", "b", {"d": $l})1',
    '$util.validate(false, "a", "b", $l)',
    "$util.log.info($l)1",
    "$l.toString()",
    '#if($l == "x")1#end',
]


@pytest.mark.rule("RES-24")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    "grow", ["#set($l = [$l, $l])", '#set($n = {"a": $l})$util.qr($n.put("b", $l))#set($l = $n)'], ids=["list", "map"]
)
async def test_shared_lists_that_unfold_without_end_are_refused(world: Any, grow: str, end: str) -> None:
    await world.create(SDL)
    await world.local("Query", "bomb", "#set($l = [1])" + GROW % grow + end, "$util.toJson($ctx.stash)")
    answer = await world.ask("{ bomb }")
    assert answer["errors"][0]["errorType"] == "MappingTemplate"
    assert "A value may have at most 5,242,880 characters" in answer["errors"][0]["message"]
