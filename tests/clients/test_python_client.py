"""`syncline.client` on real servers: networks that fail, restarts, every credential."""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.cutting import CuttingProxy
from support.events import IAM, EventApi
from support.notes import Notes, deploy
from support.people import People
from support.server import REGION, Server
from syncline.client import (
    ApiKey,
    ClientError,
    Event,
    EventsClient,
    Gap,
    GraphQLClient,
    GraphQLFailed,
    Iam,
    Message,
    Outcome,
    Published,
    RequestRefused,
    Signable,
    Subscription,
    Timing,
    Token,
    Unauthorized,
)

CUTS = int(os.environ.get("SYNCLINE_CUTS", "30"))
ON_TELL = "subscription { onTell { id text } }"
TELL = "mutation T($id: ID!, $text: String!) { tell(id: $id, text: $text) { id text } }"
QUICK = Timing(backoff_seconds=0.02, backoff_seconds_max=0.1)


@pytest.fixture(scope="module")
def api(server: Server) -> EventApi:
    return EventApi(server, "default")


def trust(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.environment()["SYNCLINE_CA"])


def through(url: str, server: Server, port: int, *, tls: bool) -> str:
    """The same URL by another port, and maybe over TLS."""
    path = url.split("/", 3)[3]
    return f"{'https' if tls else 'http'}://localhost:{port or server.port}/{path}"


def tag_namespace(api: EventApi, name: str, tag: str, value: str) -> None:
    found = api.appsync.get_channel_namespace(apiId=api.id, name=name)["channelNamespace"]
    api.appsync.tag_resource(resourceArn=found["channelNamespaceArn"], tags={tag: value})


async def number_of(live: Subscription[Any], heard: list[int]) -> None:
    """Note the number in each message; -1 is a gap."""
    async for message in live:
        match message:
            case Message(data):
                heard.append(int(data["onTell"]["text"]))
            case Event(value):
                heard.append(int(value))
            case _:
                heard.append(-1)


@pytest.mark.rule("CLT-1")
@pytest.mark.timeout(60 + CUTS)
async def test_nothing_is_missed_and_nothing_comes_twice(notes: Notes, api: EventApi) -> None:
    seed = random.randrange(2**32)
    chance, told = random.Random(seed), 0
    heard: dict[str, list[int]] = {}
    with CuttingProxy(notes.server.port) as proxy:
        async with asyncio.TaskGroup() as listeners, AsyncExitStack() as stack:
            for tls in (False, True):
                more: dict[str, Any] = {"timing": QUICK, "tls": trust(notes.server)}
                url = through(notes.url, notes.server, proxy.port, tls=tls)
                graphql = await stack.enter_async_context(GraphQLClient(url, auth=ApiKey(notes.key), **more))
                url = through(api.url, notes.server, proxy.port, tls=tls)
                events = await stack.enter_async_context(EventsClient(url, auth=ApiKey(api.key), **more))
                for n in range(2):
                    for kind, live in (
                        (f"graphql {tls} {n}", graphql.subscribe(ON_TELL)),
                        (f"events {tls} {n}", events.subscribe("/default/cuts" if n else "/default/*")),
                    ):
                        await live.started()
                        heard[kind] = []
                        listeners.create_task(number_of(live, heard[kind]))
            due = 0.0
            loop = asyncio.get_running_loop()
            while proxy.cuts < CUTS * 4:
                told += 1
                await asyncio.to_thread(notes.ask, TELL, id="cuts", text=str(told))
                await asyncio.to_thread(api.post, "default/cuts", told)
                if loop.time() >= due:
                    await asyncio.to_thread(proxy.lose, chance.choice(["half", "cut", "reset", "stall"]))
                    due = loop.time() + chance.uniform(0.02, 0.25)
            async with asyncio.timeout(20):
                while any(each[-1:] != [told] for each in heard.values()):
                    await asyncio.sleep(0.02)
    for kind, each in heard.items():
        odd = [pair for pair in pairwise(each) if pair[1] != pair[0] + 1]
        assert (odd[:5], each[0], each[-1]) == ([], 1, told), f"{kind}: seed {seed}, {proxy.cuts} cuts"


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A server that may be stopped."""
    server = Server(tmp_path / "data").start()
    yield server
    if server.running:
        server.stop()


@pytest.mark.rule("CLT-2")
async def test_a_restarted_server_is_found_again_and_says_what_it_has_forgotten(mortal: Server) -> None:
    notes, api = deploy(mortal, "Restarted"), EventApi(mortal, "default")
    async with (
        GraphQLClient(notes.url, auth=ApiKey(notes.key), timing=QUICK) as graphql,
        EventsClient(api.url, auth=ApiKey(api.key), timing=QUICK) as events,
        graphql.subscribe(ON_TELL) as told,
        events.subscribe("/default/*") as posted,
    ):
        await graphql.execute(TELL, {"id": "1", "text": "before"})
        await events.publish("/default/a", ["before"])
        await asyncio.to_thread(mortal.stop)
        await asyncio.to_thread(mortal.start)
        first, second = await anext(told), await anext(told)
        assert isinstance(first, Message)
        assert first.data == {"onTell": {"id": "1", "text": "before"}}
        assert isinstance(second, Gap)
        assert [type(await anext(posted)) for _ in range(2)] == [Event, Gap]
        await graphql.execute(TELL, {"id": "1", "text": "after"})
        await events.publish("/default/a", ["after"], over="socket")
        after, event = await anext(told), await anext(posted)
        assert isinstance(after, Message)
        assert after.data["onTell"]["text"] == "after"
        assert isinstance(event, Event)
        assert event.value == "after"


@pytest.mark.rule("CLT-1")
async def test_on_a_durable_api_nothing_is_missed_over_restarts(mortal: Server) -> None:
    notes = deploy(mortal, "Durable")
    arn = mortal.client("appsync").get_graphql_api(apiId=notes.api_id)["graphqlApi"]["arn"]
    mortal.client("appsync").tag_resource(resourceArn=arn, tags={"syncline:durable": "true"})
    api = EventApi(mortal, "kept")
    tag_namespace(api, "kept", "syncline:history", "true")
    heard: list[int] = []
    posted: list[int] = []
    async with (
        asyncio.TaskGroup() as listeners,
        GraphQLClient(notes.url, auth=ApiKey(notes.key), timing=QUICK) as client,
        EventsClient(api.url, auth=ApiKey(api.key), timing=QUICK) as events,
        client.subscribe(ON_TELL) as live,
        events.subscribe("/kept/*") as kept,
    ):
        listeners.create_task(number_of(live, heard))
        listeners.create_task(number_of(kept, posted))
        for round in range(2):
            for n in range(5):
                await client.execute(TELL, {"id": "1", "text": str(round * 10 + n)})
                await events.publish("/kept/a", [round * 10 + n])
            await asyncio.to_thread(mortal.kill if round else mortal.stop)
            await asyncio.to_thread(mortal.start)
            # By somebody who is there before the subscription is back.
            for n in range(5, 10):
                await asyncio.to_thread(notes.ask, TELL, id="1", text=str(round * 10 + n))
                await asyncio.to_thread(api.post, "kept/a", round * 10 + n)
        async with asyncio.timeout(20):
            while heard[-1:] != [19] or posted[-1:] != [19]:
                await asyncio.sleep(0.02)
    assert heard == posted == [*range(20)]


@pytest.mark.rule("CLT-3")
async def test_who_takes_slowly_loses_nothing_and_holds_up_nobody(notes: Notes) -> None:
    async with (
        GraphQLClient(notes.url, auth=ApiKey(notes.key)) as client,
        client.subscribe(ON_TELL, waiting_max=3) as slow,
        client.subscribe(ON_TELL) as quick,
    ):
        for n in range(20):
            await client.execute(TELL, {"id": "slow", "text": str(n)})
        heard = [await anext(quick) for _ in range(20)]
        assert [await anext(slow) for _ in range(20)] == heard
        assert [each.data["onTell"]["text"] for each in heard if isinstance(each, Message)] == [*map(str, range(20))]


@pytest.mark.rule("CLT-4")
async def test_another_client_goes_on_from_a_position(api: EventApi) -> None:
    async with EventsClient(api.url, auth=ApiKey(api.key)) as client, client.subscribe("/default/p") as live:
        await client.publish("/default/p", [1, 2])
        assert (await anext(live)).value == 1  # type: ignore[union-attr]
        reached = live.position
    async with EventsClient(api.url, auth=ApiKey(api.key)) as client:
        live = client.subscribe("/default/p", after=reached)
        assert (await anext(live)).value == 2  # type: ignore[union-attr]


@pytest.mark.rule("CLT-4")
async def test_a_history_gives_its_last_events_first(server: Server) -> None:
    api = EventApi(server, "kept", "forgotten")
    tag_namespace(api, "kept", "syncline:history", "count=4")
    async with EventsClient(api.url, auth=ApiKey(api.key), timing=QUICK) as client:
        await client.publish("/kept/a", [1, 2, 3])
        async with client.subscribe("/kept/a", last=2) as live:
            await client.publish("/kept/a", [4])
            heard = [await anext(live) for _ in range(3)]
            assert [each.value for each in heard if isinstance(each, Event)] == [2, 3, 4]
            assert live.position == heard[-1].position  # type: ignore[union-attr]
        with pytest.raises(RequestRefused):
            await client.subscribe("/forgotten/a", last=2).started()


@pytest.mark.rule("CLT-14")
async def test_a_member_shows_its_state_and_is_not_gone_when_its_connection_is(server: Server) -> None:
    api = EventApi(server, "rooms")
    tag_namespace(api, "rooms", "syncline:presence", "true")
    with CuttingProxy(server.port) as proxy:
        async with (
            EventsClient(api.url, auth=ApiKey(api.key)) as watcher,
            EventsClient(through(api.url, server, proxy.port, tls=False), auth=ApiKey(api.key), timing=QUICK) as member,
            watcher.subscribe("/rooms/a/$presence") as members,
            watcher.subscribe("/rooms/a", presence=False) as hidden,
            member.subscribe("/rooms/a", presence={"state": {"name": "Ada"}}) as live,
        ):
            await member.show(live, {"name": "Ada", "typing": True})
            await asyncio.to_thread(proxy.lose, "cut")
            await watcher.publish("/rooms/a", ["hello"])
            assert (await anext(live)).value == (await anext(hidden)).value == "hello"  # type: ignore[union-attr]
            await member.show(live, "back")
            live.close()
            heard = [(await anext(members)).value for _ in range(4)]  # type: ignore[union-attr]
    assert [each["type"] for each in heard] == ["join", "update", "update", "leave"]
    assert heard[1]["member"]["state"] == {"name": "Ada", "typing": True}
    assert [each["count"] for each in heard] == [1, 1, 1, 0]


@pytest.mark.rule("CLT-10")
async def test_answers_and_refusals_are_typed(notes: Notes, api: EventApi) -> None:
    async with GraphQLClient(notes.url, auth=ApiKey(notes.key)) as graphql:
        assert await graphql.execute("query($t: String) { echo(text: $t) }", {"t": "é"}) == {"echo": "é"}
        with pytest.raises(GraphQLFailed) as failed:
            await graphql.execute('{ echo(text: "a") nothing }')
        assert "nothing" in failed.value.errors[0].message
        with pytest.raises(RequestRefused, match="nothing"):
            await graphql.subscribe("subscription { nothing }").started()
    async with GraphQLClient(notes.url, auth=ApiKey("da2-wrong")) as stranger:
        with pytest.raises(Unauthorized):
            await stranger.execute("{ echo }")
        with pytest.raises(Unauthorized):
            await stranger.subscribe(ON_TELL).started()
    async with EventsClient(api.url, auth=ApiKey(api.key)) as events:
        for over in ("http", "socket"):
            published = await events.publish("/default/x", [1, {"two": 2}], over=over)  # type: ignore[arg-type]
            assert isinstance(published, Published)
            assert published.failed == ()
            assert [type(each) for each in published.successful] == [Outcome, Outcome]
            with pytest.raises(RequestRefused, match="5 event limit"):
                await events.publish("/default/x", range(6), over=over)  # type: ignore[arg-type]
        with pytest.raises(Unauthorized):
            await events.subscribe("/nowhere/x").started()
    with pytest.raises(ClientError):
        async with GraphQLClient("http://127.0.0.1:9/graphql", auth=ApiKey("k")) as nobody:
            await nobody.execute("{ a }")


@pytest.mark.rule("CLT-12")
async def test_signatures_are_accepted_by_a_server_that_verifies(guarded: Server) -> None:
    notes, api = deploy(guarded, "PythonIam", mode="AWS_IAM"), EventApi(guarded, modes=IAM)
    exported = guarded.environment()
    auth = Iam.of(exported["AWS_ACCESS_KEY_ID"], exported["AWS_SECRET_ACCESS_KEY"], region=REGION)
    url, more = through(notes.url, guarded, 0, tls=True), {"tls": trust(guarded)}
    async with GraphQLClient(url, auth=auth, **more) as client, client.subscribe(ON_TELL) as live:
        await client.execute(TELL, {"id": "1", "text": "é<>&"})
        message = await anext(live)
        assert isinstance(message, Message)
        assert message.data["onTell"]["text"] == "é<>&"
    async with EventsClient(api.url, auth=auth) as events, events.subscribe("/default/*") as heard:
        await events.publish("/default/a", ["é<>&"])
        await events.publish("/default/a", ["é<>&"], over="socket")
        assert [(await anext(heard)).value for _ in range(2)] == ["é<>&"] * 2  # type: ignore[union-attr]
    wrong = Iam.of(exported["AWS_ACCESS_KEY_ID"], "wrong", region=REGION)
    async with GraphQLClient(notes.url, auth=wrong) as client:
        with pytest.raises(ClientError):
            await client.execute("{ echo }")
        with pytest.raises(Unauthorized):
            await client.subscribe(ON_TELL).started()


class Brief(Token):
    """A token that is to be renewed after a second, however long it lives."""

    async def sign(self, request: Signable) -> dict[str, str]:
        held, shown = self._token, await super().sign(request)
        if self._token != held:
            self.renewal = request.at + 1
        return shown


@pytest.mark.rule("CLT-11")
async def test_a_token_is_renewed_in_band_and_a_revoked_one_replaced(guarded: Server) -> None:
    people = await asyncio.to_thread(People, guarded)
    given: list[dict[str, Any]] = []

    async def token() -> str:
        given.append(await asyncio.to_thread(people.sign_in))
        return str(given[-1]["AccessToken"])

    def revoke(n: int) -> None:
        people.cognito.revoke_token(ClientId=people.client, Token=given[n]["RefreshToken"])

    pools = [{"authType": "AMAZON_COGNITO_USER_POOLS"}]
    api = EventApi(guarded, modes=pools, cognitoConfig={"userPoolId": people.pool, "awsRegion": REGION})
    url, auth = f"{guarded.url}/graphql/{people.api}", Brief(token)
    say = "mutation S($id: ID!) { say(id: $id) { id } }"
    async with (
        GraphQLClient(url, auth=auth, timing=QUICK) as client,
        EventsClient(api.url, auth=auth, timing=QUICK) as events,
        client.subscribe("subscription { onSay { id } }") as live,
        events.subscribe("/default/*") as posted,
    ):

        async def both(word: str) -> None:
            await client.execute(say, {"id": word})
            await events.publish("/default/a", [word])
            message, event = await anext(live), await anext(posted)
            assert isinstance(message, Message)
            assert isinstance(event, Event)
            assert (message.data["onSay"]["id"], event.value) == (word, word)

        while len(given) < 3:
            await both(str(len(given)))
            await asyncio.sleep(0.1)
        auth.renewal = float("inf")
        await asyncio.sleep(1)  # the starts under the newest token are answered
        await asyncio.to_thread(revoke, 0)
        await both("the first token is nobody's any more")
        await asyncio.to_thread(revoke, -1)
        await both("after")
        assert len(given) == 4
