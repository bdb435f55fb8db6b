"""What a client that knows of positions asks for, and registering it from there.

For: `graphql` and `events`. Owns: the form of a position, and what the client is told. Never: gives what was missed
(that is `fanout`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from syncline.core import Invalid
from syncline.hub.fanout import Hub
from syncline.hub.port import Subscription
from syncline.hub.window import PositionPassed


class PositionUnreadable(Invalid):
    """A position is `epoch:number`, as a message's extensions.syncline.position gave it."""

    code = "BadRequestException"


class Wish(NamedTuple):
    """What a client that knows of positions asks for: `after` None when it has none yet."""

    after: int | None
    recoverable: bool


def wish_of(extension: Mapping[str, Any], epoch: str) -> Wish | None:
    """What a start asks for; None when it asks for nothing. Raises PositionUnreadable."""
    asked = extension.get("resume")
    if not isinstance(asked, dict):
        return None
    position = asked.get("position")
    if position is None:
        return Wish(None, recoverable=True)
    of, _, number = position.rpartition(":") if isinstance(position, str) else ("", "", "")
    if not of or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise PositionUnreadable
    return Wish(int(number), recoverable=of == epoch)


def begin(hub: Hub, subscription: Subscription, wish: Wish) -> bool:
    """Register with the hub, from the wish's position where there is one. False when what was missed is gone: told."""
    api, after = subscription.topics[0].api, wish.after
    if wish.recoverable and (after is None or after <= hub.position(api)):
        try:
            _tell(subscription, hub, api, after, recovered=after is not None)
            hub.subscribe(subscription, after=after)
        except PositionPassed:
            pass
        else:
            return True
    _tell(subscription, hub, api, None, recovered=False)
    hub.subscribe(subscription)
    return False


def _tell(subscription: Subscription, hub: Hub, api: str, after: int | None, *, recovered: bool) -> None:
    position = hub.position(api) if after is None else after
    subscription.told = {"recovered": recovered, "position": f"{hub.epoch(api)}:{position}"}
