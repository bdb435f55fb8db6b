"""Spec mode: the draft's statuses and shapes for who accepts its media type; AppSync's for everybody else."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Request, json

SDL = "type Query { a(id: ID!): String! b: String } type Mutation { put: String }"
MEDIA_TYPE = "application/graphql-response+json"


async def ask(world: Any, body: Any, **headers: str) -> Any:
    given = {"x-api-key": world.key, "content-type": "application/json", "accept": MEDIA_TYPE}
    return await world.post(body, given | {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.rule("GQL-72")
@pytest.mark.parametrize(
    ("accept", "spec"),
    [
        (MEDIA_TYPE, True),
        (f"{MEDIA_TYPE}, application/json;q=0.9", True),
        (f"application/json, {MEDIA_TYPE}", True),
        (f"{MEDIA_TYPE};charset=utf-8;q=0.5, application/json", False),
        (f"{MEDIA_TYPE};q=0", False),
        (f"{MEDIA_TYPE};q=x", False),
        ("application/json", False),
        ("*/*", False),
    ],
)
async def test_the_mode_is_what_the_client_prefers(world: Any, accept: str, spec: bool) -> None:
    await world.create(SDL)
    response = await ask(world, {"query": "{nothing}"}, accept=accept)
    assert (response.status, "data" in json.decode(response.body)) == ((400, False) if spec else (200, True))
    assert response.content_type.startswith(MEDIA_TYPE if spec else "application/json;")


@pytest.mark.rule("GQL-72")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        ({"query": "{"}, 400),
        ({"query": "{b}", "extensions": []}, 400),
        ({"query": "query($x: ID!) {a(id: $x)}"}, 400),
        ({"query": "query A {b} query B {b}"}, 400),
        ({"query": "{b}"}, 200),
        ({"query": '{a(id: "1")}'}, 200),
    ],
)
async def test_an_answer_without_data_is_no_success(world: Any, body: Any, status: int) -> None:
    await world.create(SDL)
    response = await ask(world, body)
    answer = json.decode(response.body)
    assert response.status == status
    assert ("data" in answer) == (status == 200)
    assert all(None not in (entry.get("path", 1), entry.get("locations", 1)) for entry in answer.get("errors", ()))


@pytest.mark.rule("GQL-72")
async def test_what_appsync_lets_pass_is_refused(world: Any) -> None:
    await world.create(SDL)
    assert (await ask(world, {"query": "{b}"}, content_type="text/plain")).status == 415
    assert (await ask(world, {"query": "{b}"}, x_api_key="da2-no")).status == 401
    headers = [("x-api-key", world.key), ("accept", MEDIA_TYPE)]
    for query, status in (("mutation%20{put}", 405), ("{b}", 200)):
        request = Request("GET", f"/graphql/{world.api_id}", f"query={query}", headers)
        assert (await world.engine.respond(world.api_id, request)).status == status
