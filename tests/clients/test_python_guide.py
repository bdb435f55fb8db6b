"""The guide of the Python client: its code runs, and its reference names everything."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import syncline.client
from support.events import EventApi
from support.notes import Notes
from support.people import PASSWORD, People
from support.server import REGION, Server
from syncline.client import ApiKey, GraphQLClient

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture
def guide(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The guide's code, as one module."""
    text = (DOCS / "how-to" / "python-client.md").read_text()
    monkeypatch.setenv("API_URL", notes.url)
    monkeypatch.setenv("API_KEY", notes.key)
    monkeypatch.setenv("SYNCLINE_CA", notes.server.environment()["SYNCLINE_CA"])
    module: dict[str, Any] = {"__name__": "guide"}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.S)), module)
    return module


async def test_it_writes_and_reads(guide: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    await guide["write"]()
    assert "{'id': '1', 'text': 'Milk'}" in capsys.readouterr().out


async def test_it_follows(guide: dict[str, Any], notes: Notes) -> None:
    shown: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    async with GraphQLClient(notes.url, auth=ApiKey(notes.key)) as client, asyncio.TaskGroup() as group:
        task = group.create_task(guide["follow"](client, lambda notes: shown.put_nowait(dict(notes))))
        await shown.get()
        await client.execute(guide["PUT"], {"id": "guide", "text": "new"})
        assert (await shown.get())["guide"] == "new"
        task.cancel()


async def test_it_shows_its_state(guide: dict[str, Any], notes: Notes) -> None:
    shown: list[str] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(guide["watched"](shown.append))
        while not task.done():
            await asyncio.to_thread(notes.ask, guide["PUT"], id="guide", text="x")
            await asyncio.sleep(0.02)
    assert shown[:2] == ["offline", "online"]


async def test_it_keeps_its_position(guide: dict[str, Any], notes: Notes, tmp_path: Path) -> None:
    kept, done = tmp_path / "position", asyncio.Queue[str]()
    async with GraphQLClient(notes.url, auth=ApiKey(notes.key)) as client:
        for texts in (["one"], ["two", "three"]):
            async with asyncio.TaskGroup() as group:
                task = group.create_task(guide["work"](client, kept, lambda note: done.put_nowait(note["text"])))
                if not kept.exists():
                    while client.state.value != "connected":
                        await asyncio.sleep(0.01)
                    await asyncio.sleep(0.1)
                    await client.execute(guide["PUT"], {"id": "guide", "text": "one"})
                assert [await done.get() for _ in texts] == texts
                await asyncio.sleep(0)
                task.cancel()
            for text in ("two", "three"):
                await client.execute(guide["PUT"], {"id": "guide", "text": text})


async def test_it_signs_in(guide: dict[str, Any], guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    people = await asyncio.to_thread(People, guarded)
    monkeypatch.setenv("AWS_ENDPOINT_URL", guarded.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name, value in guarded.environment().items():
        monkeypatch.setenv(name, value)
    auth = guide["token_of"](people.client, "ada", PASSWORD)
    async with GraphQLClient(f"{guarded.url}/graphql/{people.api}", auth=auth) as client:
        assert await client.execute("{ me }") == {"me": "ada"}


async def test_it_chats_and_trusts(guide: dict[str, Any], server: Server) -> None:
    api = EventApi(server, "default")
    assert await guide["chat"](api.url, api.key, "hello") == ["hello", "over the socket"]
    async with guide["trusted"]() as client:
        assert await client.execute('{ echo(text: "tls") }') == {"echo": "tls"}
        await client.subscribe(guide["ON_PUT"]).started()


def test_the_reference_names_everything() -> None:
    page = (DOCS / "reference" / "python-client.md").read_text()
    assert [name for name in syncline.client.__all__ if not re.search(rf"`[^`]*\b{name}\b", page)] == []
    for field in syncline.client.Timing.__struct_fields__:
        assert f"`{field}`" in page
