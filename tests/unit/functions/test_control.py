"""The control plane through unmodified boto3 and the whole wire."""

import io
import stat
import zipfile

import pytest
from botocore.exceptions import ClientError

from support.aws import called, client
from support.functions import ROLE, House, zipped
from syncline.core import json

CODE = zipped(app__py="def handler(event, context): return event")


@pytest.fixture
def boto(house: House):
    return client({"lambda": house.service}, "lambda")


def request(**more: object) -> dict:
    given = {"FunctionName": "f", "Runtime": "python3.11", "Role": ROLE, "Handler": "app.handler"}
    return given | {"Code": {"ZipFile": CODE}} | more


async def refused(method, **parameters) -> tuple[int, str, str]:
    """Status, code and message of the refusal."""
    with pytest.raises(ClientError) as refusal:
        await called(method, **parameters)
    answer = refusal.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


@pytest.mark.rule("FN-15")
async def test_a_function_is_pending_in_the_answer_and_active_for_the_waiter(boto, house, reopen) -> None:
    created = await called(boto.create_function, **request(Timeout=60, MemorySize=256, Tags={"Project": "x"}))
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (created["State"], created["StateReasonCode"], created["Version"]) == ("Pending", "Creating", "$LATEST")
    assert "LastUpdateStatus" not in created
    await called(boto.get_waiter("function_active").wait, FunctionName="f")
    await called(boto.get_waiter("function_active_v2").wait, FunctionName=created["FunctionArn"])
    await called(boto.get_waiter("function_updated").wait, FunctionName="f")
    again = client({"lambda": (await reopen()).service}, "lambda")
    found = await called(again.get_function, FunctionName="f")
    assert found["Tags"] == {"Project": "x"}
    assert found["Configuration"]["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
    assert found["Configuration"]["CodeSha256"] == created["CodeSha256"]
    assert "Environment" not in found["Configuration"]
    answer = await called(again.invoke, FunctionName="f", Payload=b'{"a": 1}', LogType="Tail")
    assert json.decode(answer["Payload"].read()) == {"a": 1}
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "LogResult" in answer


@pytest.mark.rule("FN-15")
async def test_refusals_have_lambdas_codes_and_words(boto) -> None:
    await called(boto.create_function, **request())
    assert await refused(boto.create_function, **request()) == (
        409,
        "ResourceConflictException",
        "Function already exist: f",
    )
    missing = "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody"
    for method in (boto.get_function, boto.delete_function, boto.invoke):
        assert await refused(method, FunctionName="nobody") == (404, "ResourceNotFoundException", missing)
    assert await refused(boto.get_function, FunctionName="f", Qualifier="3") == (
        404,
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:3",
    )
    assert (await refused(boto.get_function, FunctionName="f:1", Qualifier="2"))[1] == "InvalidParameterValueException"
    elsewhere = "arn:aws:lambda:eu-west-1:000000000000:function:f"
    assert (await refused(boto.get_function, FunctionName=elsewhere))[2] == (
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
    )
    status, code, message = await refused(boto.invoke, FunctionName="f", Payload=b"{no")
    assert (status, code) == (400, "InvalidRequestContentException")
    assert message.startswith("Could not parse request body into json: Could not parse payload into json: ")


def link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.rule("FN-16")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Code": {"ZipFile": b"not a zip"}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": zipped()}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": CODE[:-30]}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": zipped(**{"../out__py": "x"})}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": zipped(**{"/etc/out__py": "x"})}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": link()}}, "UnsupportedOperation"),
        ({"Code": {}}, "InvalidParameterValueException"),
        ({"Code": {"S3Bucket": "bucket", "S3Key": "key"}}, "UnsupportedOperation"),
        ({"Code": {"ImageUri": "image"}, "PackageType": "Image"}, "UnsupportedOperation"),
        ({"Runtime": "ruby3.3"}, "UnsupportedOperation"),
        ({"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"]}, "InvalidParameterValueException"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "UnsupportedOperation"),
        ({"Runtime": "python3.7"}, "InvalidParameterValueException"),
        ({"Runtime": "PYTHON3.12"}, "InvalidParameterValueException"),
        ({"Layers": ["arn:aws:lambda:eu-west-1:000000000000:layer:l:1"]}, "InvalidParameterValueException"),
        ({"Tags": {str(number): "x" for number in range(51)}}, "InvalidParameterValueException"),
        ({"Timeout": 901}, "InvalidParameterValueException"),
        ({"FunctionName": "f" * 65}, "InvalidParameterValueException"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException"),
        ({"Environment": {"Variables": {"BIG": "x" * 5000}}}, "InvalidParameterValueException"),
    ],
)
async def test_a_function_that_cannot_be_is_refused_and_leaves_nothing(boto, tmp_path, change: dict, code: str) -> None:
    status, found, _ = await refused(boto.create_function, **request(**change))
    assert (status, found) == (400, code)
    assert (await called(boto.list_functions))["Functions"] == []
    assert [path for path in tmp_path.rglob("*") if path.name.startswith("out")] == []


@pytest.mark.rule("FN-16")
async def test_a_zip_bomb_is_refused_before_it_is_unpacked(boto, monkeypatch) -> None:
    monkeypatch.setattr("syncline.functions.code.UNPACKED_BYTES_MAX", 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.py", b"#" * 100_000)
    message = (await refused(boto.create_function, **request(Code={"ZipFile": buffer.getvalue()})))[2]
    assert message == "Unzipped size must be smaller than 1000 bytes"
    monkeypatch.setattr("syncline.functions.code.ZIP_BYTES_MAX", 100)
    assert (await refused(boto.create_function, **request()))[0] == 413


@pytest.mark.rule("FN-17")
async def test_an_update_changes_what_it_names_and_nothing_else(boto, house) -> None:
    await called(boto.create_function, **request(Description="d", Environment={"Variables": {"AA": "1"}}))
    updated = await called(boto.update_function_configuration, FunctionName="f", Timeout=9)
    assert updated["LastUpdateStatus"] == "InProgress"
    found = await called(boto.get_function_configuration, FunctionName="f")
    assert (found["Timeout"], found["Description"], found["Environment"]) == (9, "d", {"Variables": {"AA": "1"}})
    stale = await refused(boto.update_function_configuration, FunctionName="f", RevisionId=updated["RevisionId"])
    assert stale[:2] == (412, "PreconditionFailedException")
    await called(
        boto.update_function_configuration,
        FunctionName="f",
        RevisionId=found["RevisionId"],
        Environment={"Variables": {}},
    )
    found = await called(boto.get_function, FunctionName="f", Qualifier="$LATEST")
    assert found["Configuration"]["Environment"] == {"Variables": {}}
    assert found["Configuration"]["FunctionArn"].endswith(":function:f:$LATEST")
    new = zipped(app__py="def handler(event, context): return 2")
    tried = await called(boto.update_function_code, FunctionName="f", ZipFile=new, DryRun=True)
    assert (await called(boto.get_function, FunctionName="f"))["Configuration"]["CodeSha256"] != tried["CodeSha256"]
    changed = await called(boto.update_function_code, FunctionName="f", ZipFile=new)
    assert changed["CodeSha256"] == tried["CodeSha256"]
    assert (await house.engine.invoke("f", b"{}")).payload == b"2"


@pytest.mark.rule("FN-18")
async def test_a_deleted_function_takes_its_code_along_unless_another_runs_it(boto, tmp_path) -> None:
    await called(boto.create_function, **request())
    await called(boto.create_function, **request(FunctionName="g"))
    folder = tmp_path / "blobs"
    await called(boto.delete_function, FunctionName="f")
    assert len(list(folder.iterdir())) == 2
    deleted = await called(boto.delete_function, FunctionName="g")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert list(folder.iterdir()) == []


async def test_functions_are_listed_by_pages(boto) -> None:
    for name in ("a", "b", "c"):
        await called(boto.create_function, **request(FunctionName=name))
    first = await called(boto.list_functions, MaxItems=2)
    second = await called(boto.list_functions, MaxItems=2, Marker=first["NextMarker"])
    names = [function["FunctionName"] for page in (first, second) for function in page["Functions"]]
    assert names == ["a", "b", "c"]
    assert "NextMarker" not in second
    versions = (await called(boto.list_versions_by_function, FunctionName="a"))["Versions"]
    assert [version["FunctionArn"].rsplit(":", 1)[1] for version in versions] == ["$LATEST"]
    assert (await called(boto.get_function_code_signing_config, FunctionName="a"))["FunctionName"] == "a"


@pytest.mark.rule("FN-19")
async def test_a_policy_is_added_read_and_removed(boto) -> None:
    await called(boto.create_function, **request())
    permission = {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction"}
    given = {"Principal": "events.amazonaws.com", "SourceArn": "arn:aws:events:us-east-1:000000000000:rule/r"}
    added = await called(boto.add_permission, **permission, **given)
    statement = json.decode(added["Statement"])
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": given["SourceArn"]}}
    policy = json.decode((await called(boto.get_policy, FunctionName="f"))["Policy"])
    assert policy == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    assert (await refused(boto.add_permission, **permission, **given))[:2] == (409, "ResourceConflictException")
    bad = permission | {"StatementId": "t", "Principal": "somebody"}
    assert (await refused(boto.add_permission, **bad))[1] == "InvalidParameterValueException"
    await called(boto.remove_permission, FunctionName="f", StatementId="s")
    assert (await refused(boto.get_policy, FunctionName="f"))[0] == 404


@pytest.mark.rule("FN-19")
async def test_every_policy_has_a_revision_of_its_own(boto) -> None:
    await called(boto.create_function, **request(Publish=True))
    alias = await called(boto.create_alias, FunctionName="f", Name="live", FunctionVersion="1")
    permission = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    stale = permission | {"StatementId": "s", "Qualifier": "live", "RevisionId": "stale"}
    assert (await refused(boto.add_permission, **stale))[:2] == (412, "PreconditionFailedException")
    await called(boto.add_permission, **stale | {"RevisionId": alias["RevisionId"]})
    await called(boto.add_permission, **permission, StatementId="s")
    function = await called(boto.get_function_configuration, FunctionName="f")
    first = await called(boto.get_policy, FunctionName="f")
    assert len({one["RevisionId"] for one in (alias, function, first)}) == 3
    await called(boto.add_permission, **permission, StatementId="t", RevisionId=first["RevisionId"])
    await called(boto.remove_permission, FunctionName="f", StatementId="s")
    assert (await called(boto.get_policy, FunctionName="f"))["RevisionId"] != first["RevisionId"]
    again = await called(boto.get_function_configuration, FunctionName="f")
    assert again["RevisionId"] == function["RevisionId"], "the function itself has not changed"


@pytest.mark.rule("FN-15")
async def test_what_is_not_there_is_told_in_the_words_of_each_operation(boto) -> None:
    await called(boto.create_function, **request())
    arn = "arn:aws:lambda:us-east-1:000000000000:function:"
    permission = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    asked = [
        (boto.get_policy, {"FunctionName": "nobody"}, "The resource you requested does not exist."),
        (boto.get_policy, {"FunctionName": "f", "Qualifier": "7"}, "The resource you requested does not exist."),
        (boto.remove_permission, {"FunctionName": "nobody", "StatementId": "s"}, f"No policy found for: {arn}nobody"),
        (boto.add_permission, {"FunctionName": "f:live", **permission}, f"Cannot find alias arn: {arn}f:live"),
        (boto.add_permission, {"FunctionName": "f:7", **permission}, f"Function not found: {arn}f:7"),
        (boto.update_alias, {"FunctionName": "f", "Name": "live"}, f"Alias not found: {arn}f:live"),
        (
            boto.create_alias,
            {"FunctionName": "nobody", "Name": "live", "FunctionVersion": "1"},
            f"Function not found: {arn}nobody:1",
        ),
        (
            boto.put_function_concurrency,
            {"FunctionName": "nobody", "ReservedConcurrentExecutions": 1},
            f"Function not found: {arn}nobody:$LATEST",
        ),
        (
            boto.get_function_event_invoke_config,
            {"FunctionName": "nobody"},
            f"The function {arn}nobody:$LATEST doesn't have an EventInvokeConfig",
        ),
        (
            boto.put_function_event_invoke_config,
            {"FunctionName": "f:live", "MaximumRetryAttempts": 0},
            "The function doesn't exist.",
        ),
    ]
    for method, parameters, message in asked:
        assert await refused(method, **parameters) == (404, "ResourceNotFoundException", message)
    gone = await called(boto.delete_function, FunctionName="f", Qualifier="7")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204, "a version that is not there is deleted in silence"
    assert (await called(boto.get_function, FunctionName="f"))["Configuration"]["Version"] == "$LATEST"


@pytest.mark.rule("FN-33")
async def test_publishing_changes_the_revision_of_the_function(boto) -> None:
    await called(boto.create_function, **request())
    before = (await called(boto.get_function_configuration, FunctionName="f"))["RevisionId"]
    version = await called(boto.publish_version, FunctionName="f", RevisionId=before)
    after = (await called(boto.get_function_configuration, FunctionName="f"))["RevisionId"]
    assert len({before, version["RevisionId"], after}) == 3
    again = await called(boto.publish_version, FunctionName="f")
    assert again["RevisionId"] == version["RevisionId"]
    code = {"ZipFile": zipped(app__py="def handler(event, context): return 2"), "Publish": True}
    published = await called(boto.update_function_code, FunctionName="f", **code)
    assert (published["Version"], published["State"]) == ("2", "Pending")
    assert "LastUpdateStatus" not in published
    listed = (await called(boto.list_functions))["Functions"][0]
    assert "RuntimeVersionConfig" in (await called(boto.get_function, FunctionName="f"))["Configuration"]
    assert "RuntimeVersionConfig" not in listed


async def test_tags_and_concurrency(boto) -> None:
    arn = (await called(boto.create_function, **request(Tags={"a": "1"})))["FunctionArn"]
    await called(boto.tag_resource, Resource=arn, Tags={"b": "2"})
    await called(boto.untag_resource, Resource=arn, TagKeys=["a"])
    assert (await called(boto.list_tags, Resource=arn))["Tags"] == {"b": "2"}
    assert (await refused(boto.list_tags, Resource=arn + ":1"))[1] == "InvalidParameterValueException"
    nothing = await refused(boto.tag_resource, Resource=arn, Tags={})
    assert nothing[1:] == ("InvalidParameterValueException", "An error occurred and the request cannot be processed.")
    assert "ReservedConcurrentExecutions" not in await called(boto.get_function_concurrency, FunctionName="f")
    await called(boto.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=0)
    status, code, message = await refused(boto.invoke, FunctionName="f")
    assert (status, code, message) == (429, "TooManyRequestsException", "Rate Exceeded.")
    too_many = await refused(boto.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=950)
    assert "below its minimum value of [100]" in too_many[2]
    await called(boto.delete_function_concurrency, FunctionName="f")
    assert (await called(boto.invoke, FunctionName="f", InvocationType="DryRun"))["StatusCode"] == 204


@pytest.mark.rule("FN-18")
async def test_code_that_was_left_behind_is_deleted_at_the_next_start(boto, reopen, tmp_path) -> None:
    await called(boto.create_function, **request())
    left = tmp_path / "blobs" / ("0" * 64)
    left.mkdir()
    left.with_suffix(".zip").touch()
    await reopen()
    assert len(list((tmp_path / "blobs").iterdir())) == 2
    assert not left.exists()
