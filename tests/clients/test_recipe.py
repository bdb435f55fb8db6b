"""The recipe, as its reader would paste it: every command of the document, in one bash, with the real AWS CLI.

The document is run once, on a server that verifies every signature; each test looks at one thing it printed or did.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.server import BIN, REGION, Server, eventually
from support.subscriber import Subscriber

RECIPE = Path(__file__).parent / "recipe"
BLOCKS = sorted(path.name for path in RECIPE.glob("*.sh"))
FUNCTION_BLOCK = "03-step-3-function.sh"
MUTATION_BLOCK = "12-validation-4-mutation.sh"
FIRST_CLEANUP_BLOCK = "14-cleanup-1-api.sh"
BLOCK_SECONDS_MAX = 60

# Each command that fails leaves a line in the file $FAILED, also within $(…).
NOTE_FAILURES = r"""
set -o errtrace
note_failure() { printf '%s\n' "${1//$'\n'/ }" >> "$FAILED"; }
trap 'note_failure "$BASH_COMMAND"' ERR
""".strip()


class Output:
    """What one block printed, and which of its commands failed."""

    def __init__(self, stdout: str, stderr: str, failed: list[str]) -> None:
        self.stdout, self.stderr, self.failed = stdout, stderr, failed

    @property
    def documents(self) -> list[Any]:
        """The JSON documents among what was printed, in order. Scalars and loose text are not documents."""
        found, at, decoder = [], 0, json.JSONDecoder()
        while match := re.compile(r"^[\[{]", re.MULTILINE).search(self.stdout, at):
            document, at = decoder.raw_decode(self.stdout, match.start())
            found.append(document)
        return found


class Shell:
    """One bash for the whole document: what a block exports, the next one has."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        home, shims = folder / "home", folder / "shims"
        for made in (home, shims, folder / "work", folder / "out"):
            made.mkdir()
        (home / "config").write_text(f"[default]\nregion = {REGION}\n")
        # Roles need no time to propagate here. Everything else is the machine's own.
        (shims / "sleep").write_text("#!/bin/sh\n")
        (shims / "sleep").chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._bash = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            cwd=folder / "work",
            env=kept
            | server.environment()
            | {
                "HOME": str(home),
                "AWS_CONFIG_FILE": str(home / "config"),
                "PATH": f"{shims}:{BIN}:{os.environ['PATH']}",
            },
            start_new_session=True,
        )
        self._say(NOTE_FAILURES)

    def run(self, block: Path) -> Output:
        """Run the commands of a file. A command that fails does not stop the next, as when pasted."""
        self._count += 1
        out, err, failed, done = (
            self._folder / "out" / f"{self._count:02}-{block.stem}.{kind}" for kind in ("out", "err", "bad", "done")
        )
        failed.touch()
        self._say(f"FAILED={failed}")
        self._say(f". {block} > {out} 2> {err}")
        self._say(f"touch {done}")
        eventually(lambda: done.exists() or self._bash.poll() is not None, seconds=BLOCK_SECONDS_MAX)
        assert self._bash.poll() is None, f"{block.name} ended the shell: {out.read_text()}{err.read_text()}"
        return Output(out.read_text(), err.read_text(), failed.read_text().splitlines())

    def value(self, name: str) -> str:
        """The value of a shell variable."""
        block = self._folder / f"value-{name}.sh"
        block.write_text(f'printf %s "${name}"\n')
        return self.run(block).stdout

    def close(self) -> None:
        """End the shell and whatever still runs in it."""
        if self._bash.poll() is None:
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()

    def _say(self, line: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(line.encode() + b"\n")
        self._bash.stdin.flush()


class Reading:
    """The document, read to its end: what each block printed, and what was seen beside it."""

    def __init__(self, shell: Shell, server: Server, folder: Path) -> None:
        self.outputs: dict[str, Output] = {}
        self.frames: list[dict[str, Any]] = []
        self.log_lines: list[str] = []
        self.left: list[str] = []
        for name in BLOCKS:
            if name == FIRST_CLEANUP_BLOCK:
                self.function = shell.value("LAMBDA_FUNCTION_NAME")
                self.suffix = shell.value("RANDOM_SUFFIX")
                self.log_lines = eventually(lambda: self._lines_of_the_function(server), seconds=20)
            if name == MUTATION_BLOCK:
                self._run_with_subscriber(shell, name)
            else:
                self.outputs[name] = shell.run(RECIPE / name)
            if name == FUNCTION_BLOCK:
                self.corrected = shell.run(RECIPE / "corrections" / name)
        self.left = sorted(path.name for path in (folder / "work").iterdir())

    def _run_with_subscriber(self, shell: Shell, name: str) -> None:
        with Subscriber(shell.value("APPSYNC_API_URL"), shell.value("APPSYNC_API_KEY")) as subscriber:
            assert subscriber.init()["type"] == "connection_ack"
            selection = "id title content timestamp version"
            assert subscriber.start(f"subscription {{ onDataItemCreated {{ {selection} }} }}")["type"] == "start_ack"
            self.outputs[name] = shell.run(RECIPE / name)
            self.frames.append(subscriber.receive())

    def _lines_of_the_function(self, server: Server) -> list[str]:
        """The function's log, once it holds the line about the item that the mutation made."""
        logs = server.root("logs")
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.function}")["events"]
        lines = [event["message"] for event in found]
        made = self.outputs[MUTATION_BLOCK].documents[0]["data"]["createDataItem"]["id"]
        return lines if any(f"Processing INSERT for item {made}" in line for line in lines) else []


@pytest.fixture(scope="module")
def reading(guarded: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    folder = tmp_path_factory.mktemp("recipe")
    shell = Shell(guarded, folder)
    try:
        yield Reading(shell, guarded, folder)
    finally:
        shell.close()


def test_every_block_of_the_document_is_here() -> None:
    assert len(BLOCKS) == 18


@pytest.mark.parametrize("block", [name for name in BLOCKS if name != FUNCTION_BLOCK])
def test_no_command_fails(reading: Reading, block: str) -> None:
    output = reading.outputs[block]
    assert output.failed == [], output.stderr
    assert "❌" not in output.stdout


def test_the_one_command_that_the_cli_itself_refuses(reading: Reading) -> None:
    """The document's `--environment` is not the CLI's syntax: nothing reaches a server, here or at AWS."""
    output = reading.outputs[FUNCTION_BLOCK]
    assert "Error parsing parameter '--environment': Expected: '='" in output.stderr
    assert [command.split()[:3] for command in output.failed] == [
        ["aws", "lambda", "create-function"],
        ["aws", "lambda", "wait"],
    ]
    assert "adding: lambda_function.py" in output.stdout
    assert reading.corrected.failed == [], reading.corrected.stderr


def test_preparation_makes_a_name_that_resources_can_have(reading: Reading) -> None:
    assert "Environment configured with unique resource names" in reading.outputs["00-preparation.sh"].stdout
    assert re.fullmatch(r"(?=.*[a-z])(?=.*[0-9])[a-z0-9]{6}", reading.suffix)


def test_the_table_is_created_with_its_stream(reading: Reading) -> None:
    output = reading.outputs["01-step-1-table.sh"]
    table = output.documents[0]["TableDescription"]
    assert table["TableName"] == f"RealTimeData-{reading.suffix}"
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert f"Stream ARN: {table['LatestStreamArn']}" in output.stdout


def test_the_function_role_is_created(reading: Reading) -> None:
    output = reading.outputs["02-step-2-lambda-role.sh"]
    role = output.documents[0]["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert f"Role ARN: {role['Arn']}" in output.stdout


def test_the_function_is_created(reading: Reading) -> None:
    function = reading.corrected.documents[0]
    assert (function["FunctionName"], function["Runtime"]) == (reading.function, "python3.11")
    assert (function["Timeout"], function["MemorySize"]) == (60, 256)
    assert function["Environment"]["Variables"] == {"TABLE_NAME": f"RealTimeData-{reading.suffix}"}


def test_the_mapping_is_created(reading: Reading) -> None:
    output = reading.outputs["04-step-4-event-source-mapping.sh"]
    mapping = output.documents[0]
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (10, 5)
    assert mapping["ParallelizationFactor"] == 1
    assert mapping["FunctionArn"].endswith(f":function:{reading.function}")
    assert f"Mapping UUID: {mapping['UUID']}" in output.stdout


def test_the_api_and_its_key_are_created(reading: Reading) -> None:
    output = reading.outputs["05-step-5-api.sh"]
    api, key = output.documents[0]["graphqlApi"], output.documents[1]["apiKey"]
    assert api["authenticationType"] == "API_KEY"
    assert re.fullmatch(r"[a-z0-9]{26}", api["apiId"])
    assert key["id"].startswith("da2-")
    assert key["description"] == "Development API key for real-time sync"
    assert key["expires"] % 3600 == 0
    assert f"API ID: {api['apiId']}" in output.stdout
    assert f"API URL: {api['uris']['GRAPHQL']}" in output.stdout


def test_the_schema_is_deployed(reading: Reading) -> None:
    output = reading.outputs["06-step-6-schema.sh"]
    assert output.documents[0]["status"] in ("PROCESSING", "SUCCESS")
    assert "✅ GraphQL schema deployed successfully" in output.stdout


def test_the_data_source_is_created(reading: Reading) -> None:
    source = reading.outputs["07-step-7-data-source.sh"].documents[1]["dataSource"]
    assert (source["name"], source["type"]) == ("DynamoDBDataSource", "AMAZON_DYNAMODB")
    assert source["serviceRoleArn"] == f"arn:aws:iam::000000000000:role/AppSyncDynamoDBRole-{reading.suffix}"
    assert source["dynamodbConfig"]["tableName"] == f"RealTimeData-{reading.suffix}"


def test_the_resolvers_are_created(reading: Reading) -> None:
    made = [document["resolver"] for document in reading.outputs["08-step-8-resolvers.sh"].documents]
    assert [(one["typeName"], one["fieldName"]) for one in made] == [
        ("Mutation", "createDataItem"),
        ("Query", "getDataItem"),
        ("Query", "listDataItems"),
    ]
    assert made[0]["requestMappingTemplate"].startswith('{\n    "version": "2017-02-28"')


def test_the_table_is_shown_active_with_its_stream(reading: Reading) -> None:
    shown = reading.outputs["09-validation-1-table.sh"].documents[0]
    assert (shown["TableStatus"], shown["StreamEnabled"]) == ("ACTIVE", True)
    assert shown["StreamViewType"] == "NEW_AND_OLD_IMAGES"


def test_the_function_processes_the_sample_event(reading: Reading) -> None:
    output = reading.outputs["10-validation-2-function.sh"]
    assert output.documents[0] == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    assert output.documents[1] == {"statusCode": 200, "processedRecords": 1}


def test_the_api_and_its_resolver_are_shown(reading: Reading) -> None:
    shown, fields = reading.outputs["11-validation-3-api.sh"].documents
    assert shown["Name"] == f"RealTimeSyncAPI-{reading.suffix}"
    # The document expects "AVAILABLE" at a member that GetGraphqlApi does not have: AWS's CLI prints null too.
    assert shown["Status"] is None
    assert fields == ["createDataItem"]


def test_the_mutation_makes_the_item(reading: Reading) -> None:
    item = reading.outputs[MUTATION_BLOCK].documents[0]["data"]["createDataItem"]
    assert (item["title"], item["version"]) == ("Real-time Test Item", 1)
    assert re.fullmatch(r"[0-9a-f-]{36}", item["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", item["timestamp"])


def test_the_mutation_reaches_a_subscriber(reading: Reading) -> None:
    item = reading.outputs[MUTATION_BLOCK].documents[0]["data"]["createDataItem"]
    assert reading.frames == [{"id": "1", "type": "data", "payload": {"data": {"onDataItemCreated": item}}}]


def test_the_function_runs_for_the_mutation(reading: Reading) -> None:
    lines = "".join(reading.log_lines)
    item = reading.outputs[MUTATION_BLOCK].documents[0]["data"]["createDataItem"]
    assert "Processing 1 stream records" in lines
    assert f"'id': {{'S': '{item['id']}'}}" in lines or f'"id": {{"S": "{item["id"]}"}}' in lines
    assert [word for word in ("START RequestId", "END RequestId", "REPORT RequestId") if word not in lines] == []


def test_the_listing_shows_the_item(reading: Reading) -> None:
    item = reading.outputs[MUTATION_BLOCK].documents[0]["data"]["createDataItem"]
    assert reading.outputs["13-validation-5-listing.sh"].documents == [{"data": {"listDataItems": [item]}}]


def test_cleanup_leaves_nothing(reading: Reading, guarded: Server) -> None:
    for block in BLOCKS[-4:]:
        assert "✅" in reading.outputs[block].stdout, block
    assert reading.left == []
    assert f"RealTimeData-{reading.suffix}" not in guarded.root("dynamodb").list_tables()["TableNames"]
    names = [api["name"] for api in guarded.root("appsync").list_graphql_apis()["graphqlApis"]]
    assert f"RealTimeSyncAPI-{reading.suffix}" not in names
    functions = [one["FunctionName"] for one in guarded.root("lambda").list_functions()["Functions"]]
    assert reading.function not in functions
    roles = [role["RoleName"] for role in guarded.root("iam").list_roles()["Roles"]]
    assert [name for name in roles if name.endswith((reading.suffix, f"{reading.suffix}-Role"))] == []
