"""The real aws-amplify whose network fails again and again: it misses nothing and gets nothing twice.

SYNCLINE_CUTS=3000 makes a long run of it. The stock client is cut when each of its subscriptions has heard something
since the last cut; the mended one (see cuts.js) also in the middle of its handshakes, which the stock one answers by
reconnecting no more.
"""

from __future__ import annotations

import os
import random
import time
from itertools import pairwise

import pytest

from support.amplify import SUBSCRIPTIONS, Amplify
from support.cutting import CuttingProxy
from support.events import EventApi
from support.notes import Notes
from support.server import Server, eventually

CUTS = int(os.environ.get("SYNCLINE_CUTS", "20"))
AWAY_SECONDS_MAX = 100
"""How long a starved client may take to come back: less than the window, for that is what the promise covers."""
HANDSHAKES_SECONDS = 5
"""How long the mended client is cut in its handshakes before it is let through: at such times it gets nothing."""
TELL = "mutation T($id: ID!, $text: String!) { tell(id: $id, text: $text) { id text } }"


def tell(api: Notes | EventApi, number: int) -> None:
    """Have every subscription hear a number."""
    if isinstance(api, Notes):
        # On a busy machine its templates may run for too long: then nothing was published.
        while "errors" in api.ask(TELL, id="cuts", text=str(number)):
            pass
        return
    for n in range(SUBSCRIPTIONS):
        assert api.post(f"/default/cuts/{n}", number)[0] == 200


@pytest.mark.rule("GQL-30")
@pytest.mark.rule("EDG-21")
@pytest.mark.parametrize(("which", "sockets"), [("stock", "ws"), ("stock", "plain"), ("mended", "ws")])
@pytest.mark.timeout(120 + 5 * CUTS)
def test_amplify_misses_nothing_and_gets_nothing_twice(notes: Notes, which: str, sockets: str) -> None:
    cut_again_and_again(notes, which, sockets)


@pytest.mark.rule("EVT-41")
@pytest.mark.parametrize("sockets", ["ws", "plain"])
@pytest.mark.timeout(120 + 5 * CUTS)
def test_amplify_events_misses_nothing_and_gets_nothing_twice(server: Server, sockets: str) -> None:
    cut_again_and_again(EventApi(server), "mended", sockets)


def cut_again_and_again(api: Notes | EventApi, which: str, sockets: str) -> None:
    """Lose the client's network until it was cut often enough; it has heard every number once."""
    seed = random.randrange(2**32)
    chance, told = random.Random(seed), 0
    with CuttingProxy(api.server.port) as proxy:
        endpoint = api.url.replace("127.0.0.1", "localhost").replace(str(api.server.port), str(proxy.port))
        amplify = Amplify(api, endpoint, which, sockets)
        try:
            eventually(lambda: amplify.acknowledged == SUBSCRIPTIONS, seconds=AWAY_SECONDS_MAX)
            due = back_by = time.monotonic()
            cut: int | None = 0
            while proxy.cuts < CUTS:
                told += 1
                tell(api, told)
                now = time.monotonic()
                if cut is None and proxy.settled:
                    cut = told
                is_back = cut is not None and amplify.heard_after(cut)
                if now >= due and (is_back or (which == "mended" and now < back_by)):
                    # A client that still has something to say, and is reset, drops what it has not read (cutting.py).
                    proxy.lose(
                        chance.choice(["half", "cut", "stall", "reset"] if is_back else ["half", "cut", "stall"])
                    )
                    if is_back:
                        back_by = now + HANDSHAKES_SECONDS
                    cut, due = None, now + chance.uniform(0.02, 0.25)
                where = f"seed {seed}, {proxy.cuts} cuts, told {told}: the client does not come back"
                assert now < back_by + AWAY_SECONDS_MAX, f"{where}\n{amplify.other}\n{said(api.server)}"
            eventually(lambda: amplify.has_heard(told) or amplify.other, seconds=AWAY_SECONDS_MAX)
        finally:
            amplify.end()
    for n in range(SUBSCRIPTIONS):
        heard = amplify.heard[n]
        odd = [pair for pair in pairwise(heard) if pair[1] != pair[0] + 1]
        assert (odd[:5], heard[0], heard[-1]) == ([], 1, told), (
            f"seed {seed}, {proxy.cuts} cuts\n{amplify.other}\n{said(api.server)}"
        )
    assert amplify.other == []
    print(f"{which}, {sockets}: {proxy.cuts} cuts, {told} told, none missed, none twice")


def said(server: Server) -> str:
    """What the server has to say of it."""
    return server.said("subscription not resumed", "subscriber closed", "subscription ended", "socket message refused")
