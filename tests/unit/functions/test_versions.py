"""Versions, aliases and what hangs on qualifiers, through unmodified boto3 and real processes."""

import pytest
from botocore.exceptions import ClientError

from support.aws import called, client
from support.functions import ROLE, House, zipped
from syncline.core import Request, json
from syncline.functions.links import CodeGone, LinkInvalid

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
WHO = """
import os
def handler(event, context):
    return [TEXT, context.function_version, context.invoked_function_arn.rpartition("function:")[2], os.getpid()]
"""


def code(text: str) -> bytes:
    return zipped(app__py=WHO.replace("TEXT", repr(text)))


@pytest.fixture
async def boto(house: House):
    await house.create("f", WHO.replace("TEXT", "'one'"))
    return client({"lambda": house.service}, "lambda")


async def ask(boto, name: str = "f", **more: object) -> list:
    answer = await called(boto.invoke, FunctionName=name, **more)
    assert "FunctionError" not in answer, answer["Payload"].read()
    found = json.decode(answer["Payload"].read())
    assert answer["ExecutedVersion"] == found[1]
    return found[:3]


async def refused(method, **parameters) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as refusal:
        await called(method, **parameters)
    answer = refusal.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


@pytest.mark.rule("FN-33")
async def test_a_version_stays_as_it_was_published_also_after_a_restart(boto, house, reopen) -> None:
    first = await called(boto.publish_version, FunctionName="f", Description="the first")
    assert (first["Version"], first["FunctionArn"], first["Description"]) == ("1", f"{ARN}:1", "the first")
    assert (await called(boto.publish_version, FunctionName="f"))["Version"] == "1"
    await called(boto.update_function_code, FunctionName="f", ZipFile=code("two"))
    updated = await called(boto.update_function_code, FunctionName="f", ZipFile=code("three"), Publish=True)
    assert (updated["Version"], updated["FunctionArn"]) == ("2", f"{ARN}:2")
    again = client({"lambda": (await reopen()).service}, "lambda")
    assert await ask(again, "f:1") == ["one", "1", "f:1"]
    assert await ask(again, "f", Qualifier="2") == ["three", "2", "f:2"]
    assert await ask(again, ARN) == ["three", "$LATEST", "f"]
    assert await ask(again, f"{ARN}:$LATEST") == ["three", "$LATEST", "f:$LATEST"]
    listed = (await called(again.list_versions_by_function, FunctionName="f"))["Versions"]
    assert [(one["Version"], one["FunctionArn"]) for one in listed] == [
        ("$LATEST", f"{ARN}:$LATEST"),
        ("1", f"{ARN}:1"),
        ("2", f"{ARN}:2"),
    ]
    await called(again.get_waiter("published_version_active").wait, FunctionName="f", Qualifier="2")
    assert len((await called(again.list_functions, FunctionVersion="ALL"))["Functions"]) == 3
    assert len((await called(again.list_functions))["Functions"]) == 1


@pytest.mark.rule("FN-33")
async def test_numbers_are_never_used_again_and_unknown_ones_are_not_found(boto) -> None:
    assert (await called(boto.publish_version, FunctionName="f"))["Version"] == "1"
    assert (await called(boto.delete_function, FunctionName="f", Qualifier="1"))["ResponseMetadata"][
        "HTTPStatusCode"
    ] == 204
    assert (await called(boto.publish_version, FunctionName="f"))["Version"] == "2"
    missing = (404, "ResourceNotFoundException", f"Function not found: {ARN}:1")
    assert await refused(boto.invoke, FunctionName="f", Qualifier="1") == missing
    assert await refused(boto.get_function, FunctionName="f:1") == missing
    wrong = await refused(boto.publish_version, FunctionName="f", CodeSha256="x")
    assert wrong[1] == "InvalidParameterValueException"
    assert wrong[2].startswith("CodeSHA256 (x) is different from current CodeSHA256 in $LATEST (")
    stale = await refused(boto.publish_version, FunctionName="f", RevisionId="stale")
    assert stale[:2] == (412, "PreconditionFailedException")
    assert (await refused(boto.update_function_code, FunctionName="f:2", ZipFile=code("x")))[2].startswith(
        "This operation is permitted on Lambda functions only."
    )


@pytest.mark.rule("FN-33")
async def test_a_function_may_be_published_when_it_is_created(house: House) -> None:
    created = await house.create("g", WHO.replace("TEXT", "'g'"), Publish=True)
    assert (created["Version"], created["FunctionName"]) == ("1", "g")
    versions = await house.service.list_versions_by_function({"FunctionName": "g"})
    assert [one["Version"] for one in versions["Versions"]] == ["$LATEST", "1"]


@pytest.mark.rule("FN-34")
async def test_an_alias_names_a_version_and_is_moved(boto, reopen) -> None:
    await called(boto.publish_version, FunctionName="f")
    await called(boto.update_function_code, FunctionName="f", ZipFile=code("two"), Publish=True)
    made = await called(boto.create_alias, FunctionName="f", Name="live", FunctionVersion="1")
    assert made["AliasArn"] == f"{ARN}:live"
    assert "RoutingConfig" not in made
    assert await ask(boto, "f:live") == ["one", "1", "f:live"]
    taken = await refused(boto.create_alias, FunctionName="f", Name="live", FunctionVersion="2")
    assert taken == (409, "ResourceConflictException", f"Alias already exists: {ARN}:live")
    held = await refused(boto.delete_function, FunctionName="f", Qualifier="1")
    assert held[0] == 409
    assert held[2].endswith("aliases reference it: [live]")
    moved = await called(
        boto.update_alias, FunctionName="f", Name="live", FunctionVersion="2", RevisionId=made["RevisionId"]
    )
    assert moved["RevisionId"] != made["RevisionId"]
    stale = await refused(boto.update_alias, FunctionName="f", Name="live", RevisionId=made["RevisionId"])
    assert stale[:2] == (412, "PreconditionFailedException")
    again = client({"lambda": (await reopen()).service}, "lambda")
    assert await ask(again, "f:live") == ["two", "2", "f:live"]
    shown = (await called(again.get_function, FunctionName="f", Qualifier="live"))["Configuration"]
    assert (shown["FunctionArn"], shown["Version"]) == (f"{ARN}:live", "2")
    aliases = await called(again.list_aliases, FunctionName="f", FunctionVersion="2")
    assert [alias["Name"] for alias in aliases["Aliases"]] == ["live"]
    await called(again.delete_alias, FunctionName="f", Name="live")
    await called(again.delete_alias, FunctionName="f", Name="live")
    gone = await refused(again.get_alias, FunctionName="f", Name="live")
    assert gone == (404, "ResourceNotFoundException", f"Cannot find alias arn: {ARN}:live")


@pytest.mark.rule("FN-34")
async def test_an_alias_with_weights_sends_a_share_to_another_version(boto, house: House, monkeypatch) -> None:
    await called(boto.publish_version, FunctionName="f")
    await called(boto.update_function_code, FunctionName="f", ZipFile=code("two"), Publish=True)
    routing = {"AdditionalVersionWeights": {"2": 0.25}}
    made = await called(boto.create_alias, FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=routing)
    assert made["RoutingConfig"] == routing
    chances = iter([0.2, 0.3, 0.0, 0.9])
    monkeypatch.setattr(house.engine.catalog._ids, "fraction", lambda: next(chances))
    assert [(await ask(boto, "f:live"))[0] for _ in range(4)] == ["two", "one", "two", "one"]
    both = {"AdditionalVersionWeights": {"1": 0.1, "2": 0.1}}
    for wrong, words in (
        ({"RoutingConfig": both}, "Number of items in AdditionalVersionWeights cannot be greater than 1"),
        ({"FunctionVersion": "2"}, "Invalid function version 2. Function version 2 is already included"),
        ({"FunctionVersion": "$LATEST"}, "$LATEST is not supported for an alias pointing to more than 1 version"),
        ({"FunctionVersion": "9"}, f"Function not found: {ARN}:9"),
    ):
        assert (await refused(boto.update_alias, FunctionName="f", Name="live", **wrong))[2].startswith(words)


@pytest.mark.rule("FN-19")
async def test_a_version_and_an_alias_have_policies_of_their_own(boto) -> None:
    await called(boto.publish_version, FunctionName="f")
    grant = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    answer = await called(boto.add_permission, **grant, StatementId="s", Qualifier="1")
    assert json.decode(answer["Statement"])["Resource"] == f"{ARN}:1"
    assert (await refused(boto.get_policy, FunctionName="f"))[0] == 404
    assert f"{ARN}:1" in (await called(boto.get_policy, FunctionName="f", Qualifier="1"))["Policy"]
    assert (await refused(boto.add_permission, **grant, StatementId="s", Qualifier="$LATEST"))[2] == (
        "We currently do not support adding policies for $LATEST."
    )
    await called(boto.remove_permission, FunctionName="f", StatementId="s", Qualifier="1")
    assert (await refused(boto.get_policy, FunctionName="f", Qualifier="1"))[0] == 404
    for _ in range(2):
        await called(boto.create_alias, FunctionName="f", Name="live", FunctionVersion="1")
        assert (await refused(boto.get_policy, FunctionName="f", Qualifier="live"))[0] == 404
        await called(boto.add_permission, **grant, StatementId="s", Qualifier="live")
        await called(boto.delete_alias, FunctionName="f", Name="live")


@pytest.mark.rule("FN-18")
@pytest.mark.rule("FN-35")
async def test_code_is_fetched_by_its_link_while_a_version_has_it(boto, house: House) -> None:
    await called(boto.publish_version, FunctionName="f")
    await called(boto.update_function_code, FunctionName="f", ZipFile=code("two"))
    old = (await called(boto.get_function, FunctionName="f", Qualifier="1"))["Code"]
    new = (await called(boto.get_function, FunctionName="f"))["Code"]
    assert old["RepositoryType"] == "S3"
    assert old["Location"].startswith("http://127.0.0.1:4000/functions/code/")

    async def fetch(location: str) -> bytes:
        path, _, query = location.removeprefix("http://127.0.0.1:4000").partition("?")
        return (await house.engine.links.respond(Request("GET", path, query, []))).body

    assert await fetch(new["Location"]) == code("two")
    assert b"one" in await fetch(old["Location"])
    for wrong in (
        new["Location"][:-1],
        new["Location"].replace("Expires=", "Expires=1"),
        new["Location"].split("?")[0],
    ):
        with pytest.raises(LinkInvalid):
            await fetch(wrong)
    await called(boto.delete_function, FunctionName="f")
    with pytest.raises(CodeGone):
        await fetch(old["Location"])
    await house.create("f", "x = 1", Role=ROLE)
    assert len((await called(boto.list_versions_by_function, FunctionName="f"))["Versions"]) == 1


async def test_the_account_says_what_is_left(boto) -> None:
    await called(boto.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=100)
    settings = await called(boto.get_account_settings)
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 900
    assert settings["AccountUsage"]["FunctionCount"] == 1
