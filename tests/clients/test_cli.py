"""The AWS CLI beside the recipe: what people look things up with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.notes import make_function, make_table
from support.server import Server, eventually

Aws = Callable[..., Any]


def test_who_am_i(aws: Aws) -> None:
    assert aws("sts", "get-caller-identity")["Arn"] == "arn:aws:iam::000000000000:root"


def test_a_missing_thing_has_its_error_and_status(aws: Aws) -> None:
    for words, code in (
        (("dynamodb", "describe-table", "--table-name", "Nothing"), "ResourceNotFoundException"),
        (("lambda", "get-function", "--function-name", "nothing"), "ResourceNotFoundException"),
        (("appsync", "get-graphql-api", "--api-id", "a" * 26), "NotFoundException"),
        (("iam", "get-role", "--role-name", "nobody"), "NoSuchEntity"),
        (("secretsmanager", "describe-secret", "--secret-id", "none"), "ResourceNotFoundException"),
        (("logs", "describe-log-streams", "--log-group-name", "none"), "ResourceNotFoundException"),
    ):
        with pytest.raises(subprocess.CalledProcessError) as refusal:
            aws(*words)
        assert f"An error occurred ({code})" in refusal.value.stderr


def test_a_functions_log_is_searched(aws: Aws, server: Server) -> None:
    make_function(server, "cli-hello", "def handle(event, context):\n    print('hello', event['n'])\n    return 1\n")
    server.client("lambda").invoke(FunctionName="cli-hello", Payload=b'{"n": 7}')
    group = ("logs", "filter-log-events", "--log-group-name", "/aws/lambda/cli-hello")
    found = eventually(lambda: aws(*group, "--filter-pattern", "hello")["events"])
    assert [event["message"] for event in found] == ["hello 7\n"]
    report = aws(*group, "--filter-pattern", "REPORT")["events"][0]["message"]
    assert "Billed Duration:" in report


def test_a_secret_and_a_random_password(aws: Aws) -> None:
    aws("secretsmanager", "create-secret", "--name", "cli/secret", "--secret-string", "hush")
    assert aws("secretsmanager", "get-secret-value", "--secret-id", "cli/secret")["SecretString"] == "hush"
    drawn = aws("secretsmanager", "get-random-password", "--password-length", "20", "--exclude-numbers")
    assert len(drawn["RandomPassword"]) == 20
    assert not any(character.isdigit() for character in drawn["RandomPassword"])


def test_items_through_files(aws: Aws, server: Server, tmp_path: Path) -> None:
    make_table(server.client("dynamodb"), "CliTable")
    item = tmp_path / "item.json"
    item.write_text(json.dumps({"id": {"S": "é 漢"}, "n": {"N": "1.50"}}))
    aws("dynamodb", "put-item", "--table-name", "CliTable", "--item", f"file://{item}")
    found = aws("dynamodb", "scan", "--table-name", "CliTable")
    assert found["Items"] == [{"id": {"S": "é 漢"}, "n": {"N": "1.5"}}]
    assert (found["Count"], found["ScannedCount"]) == (1, 1)


def test_an_alarm_is_put_and_described(aws: Aws) -> None:
    aws(
        *("cloudwatch", "put-metric-alarm", "--alarm-name", "cli-alarm", "--namespace", "AWS/Lambda"),
        *("--metric-name", "Errors", "--statistic", "Sum", "--period", "60", "--evaluation-periods", "1"),
        *("--threshold", "1", "--comparison-operator", "GreaterThanOrEqualToThreshold"),
    )
    shown = aws("cloudwatch", "describe-alarms", "--alarm-names", "cli-alarm")["MetricAlarms"][0]
    assert (shown["MetricName"], shown["Threshold"]) == ("Errors", 1.0)
    aws("cloudwatch", "delete-alarms", "--alarm-names", "cli-alarm")
    assert aws("cloudwatch", "describe-alarms", "--alarm-names", "cli-alarm")["MetricAlarms"] == []
