"""From a table's stream to a function: how soon one hears of a write, how fast one mapping reads: `run.py function`."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from typing import Any

import deployment
from processes import syncline
from rows import Row


def rows(quick: bool) -> list[Row]:
    """From before a write is sent until the warm function has it, batching window 0; and how fast one mapping reads."""
    rows = [_write_to_function(seconds=2 if quick else 10, rate=rate) for rate in (20, 200)]
    return [*rows, _through_mapping(4_000 if quick else 20_000)]


def _write_to_function(*, seconds: int, rate: int) -> Row:
    with syncline() as running:
        deployment.deploy_function(running.port, deployment.deploy_table(running.port))
        (logs,) = deployment.clients(running.port, "logs")
        writer = http.client.HTTPConnection("127.0.0.1", running.port)
        _put(writer, 0)
        time.sleep(1.5)
        due, count = time.perf_counter(), seconds * rate + rate
        for number in range(1, count):
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            _put(writer, number)
        writer.close()
        arrivals = sorted(_arrivals(logs, count)[rate:])
    p50, p99 = statistics.median(arrivals), arrivals[len(arrivals) * 99 // 100]
    measured = f"p50 {p50:.1f} ms  p99 {p99:.1f} ms"
    if rate < 100:
        return Row(f"write → function invoked, {rate} writes/s", measured)
    return Row(f"write → function invoked, {rate} writes/s", measured, "≤ 8 / 40 ms", p50 <= 8 and p99 <= 40)


def _put(writer: http.client.HTTPConnection, number: int) -> None:
    """One PutItem with the instant in it; in development mode any signature will do."""
    item = {"id": {"S": f"write-{number}"}, "sent": {"N": repr(time.time())}}
    today = time.strftime("%Y%m%d", time.gmtime())
    scope = f"AWS4-HMAC-SHA256 Credential=AKIA/{today}/us-east-1/dynamodb/aws4_request"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "DynamoDB_20120810.PutItem",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "Authorization": f"{scope}, SignedHeaders=host, Signature={'0' * 64}",
    }
    writer.request("POST", "/", json.dumps({"TableName": deployment.TABLE, "Item": item}), headers)
    answer = writer.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"PutItem was answered {answer.status}: {body!r}")


def _through_mapping(count: int) -> Row:
    """Records that wait in a stream, read through one mapping in batches of 100; by the function's own clock."""
    with syncline() as running:
        stream = deployment.deploy_table(running.port)
        deployment.fill_table(running.port, count)
        deployment.deploy_function(running.port, stream, code=deployment.COUNTER, batch=100, start="TRIM_HORIZON")
        (logs,) = deployment.clients(running.port, "logs")
        batches = [line.split() for line in _printed(logs, "batch ", count // 100)]
    instants, sizes = [float(words[1]) for words in batches], [int(words[2]) for words in batches]
    per_second = sum(sizes[1:]) / (instants[-1] - instants[0])
    measured = f"{per_second:,.0f}/s"
    return Row("records through one mapping, batches of 100", measured, "≥ 15,000/s", per_second >= 15_000)


def _printed(logs: Any, mark: str, count: int) -> list[str]:
    """The function's lines that begin with `mark`, once there are so many."""
    found: list[str] = []
    for _ in range(100):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{deployment.FUNCTION}")
        found = [one["message"] for page in pages for one in page["events"] if one["message"].startswith(mark)]
        if len(found) >= count:
            return found
        time.sleep(0.2)
    raise RuntimeError(f"the function printed {len(found)} of {count} lines")


def _arrivals(logs: Any, count: int) -> list[float]:
    return [float(line.split("=")[1]) for line in _printed(logs, "arrival_ms=", count)]
