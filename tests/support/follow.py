"""`syncline.client` in a process of its own: follows a subscription and prints the number of each message.

python follow.py URL API_KEY COUNT graphql|events CA: COUNT subscriptions on one socket, as tests/clients/node/cuts.js
does with aws-amplify.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from typing import Any

from syncline.client import ApiKey, Event, EventsClient, GraphQLClient, Message, Subscription, Timing

QUICK = Timing(ack_seconds=1.5, ping_seconds=0.7, backoff_seconds=0.02, backoff_seconds_max=0.1)


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


async def follow(n: int, live: Subscription[Any]) -> None:
    await live.started()
    say(ack=True)
    async for message in live:
        match message:
            case Message(data):
                say(of=n, text=data["onTell"]["text"])
            case Event(value):
                say(of=n, text=value)
            case gap:
                say(of=n, failure=gap.reason)


async def main(url: str, key: str, count: str, kind: str, ca: str) -> None:
    tls = ssl.create_default_context(cafile=ca) if url.startswith("https:") else None
    made = EventsClient if kind == "events" else GraphQLClient
    async with made(url, auth=ApiKey(key), timing=QUICK, tls=tls) as client, asyncio.TaskGroup() as group:
        for n in range(int(count)):
            if isinstance(client, EventsClient):
                live: Subscription[Any] = client.subscribe(f"/default/cuts/{n}")
            else:
                live = client.subscribe("subscription OnTell { onTell { id text } }")
            group.create_task(follow(n, live))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
