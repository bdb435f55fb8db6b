"""SigV4 replayed and shifted in time: what a signature that was overheard is good for, and for how long.

As on AWS, a signature has no memory: the same request may be sent again while its time is within five minutes of the
server's. Whatever else is signed cannot be changed.
"""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import botocore.auth
import pytest

from support.house import House, opened
from syncline.core import NotFound, Request, json

LIST = b"{}"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "data") as made:
        yield made


def shifted(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: moment.replace(tzinfo=None))


async def api(house: House) -> str:
    made = (await house.aws("appsync", "create_graphql_api", name="a", authenticationType="AWS_IAM"))["graphqlApi"]
    await house.aws("appsync", "start_schema_creation", apiId=made["apiId"], definition=b"type Query { a: String }")
    return str(made["apiId"])


async def status(house: House, path: str, body: bytes, headers: Any, *, method: str = "POST", query: str = "") -> int:
    request = Request(method, path, query, list(headers.items()), body)
    try:
        return (await house.doors.respond(request)).status
    except NotFound:
        return 404


async def test_threat_replay_a_signature_opens_its_own_request_only(house: House) -> None:
    api_id = await api(house)
    path, body = f"/graphql/{api_id}", json.encode({"query": "{ a }"})
    headers = house.signed(path, body)
    assert await status(house, path, body, headers) == 200
    assert await status(house, path, body, headers) == 200, "as on AWS, the same request within five minutes"
    assert await status(house, path, json.encode({"query": "{ b: a }"}), headers) == 403
    assert await status(house, f"/graphql/{await api(house)}", body, headers) == 403
    assert await status(house, path, body, headers, query="a=b") == 403
    assert await status(house, path, body, {**headers, "host": "other"}) == 403
    assert await status(house, path, body, {**headers, "x-amz-security-token": "t"}) == 403
    assert await status(house, f"/v1/apis/{api_id}", b"", headers, method="DELETE") == 403


@pytest.mark.parametrize("seconds", [-301, 301, -86_400, 86_400])
async def test_threat_time_shift_a_signature_is_good_for_five_minutes(
    house: House, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    api_id = await api(house)
    path, body = f"/graphql/{api_id}", json.encode({"query": "{ a }"})
    shifted(monkeypatch, seconds)
    headers = house.signed(path, body)
    assert await status(house, path, body, headers) == 403
    monkeypatch.undo()
    # The time is signed, too: another cannot be put in its place.
    assert await status(house, path, body, {**headers, "x-amz-date": house.signed(path, body)["x-amz-date"]}) == 403


async def test_threat_a_signature_for_one_service_opens_no_other(house: House) -> None:
    headers = house.signed("/", LIST)
    more = {"x-amz-target": "DynamoDB_20120810.ListTables", "content-type": "application/x-amz-json-1.0"}
    assert await status(house, "/", LIST, {**headers, **more}) in (400, 403, 404)
