"""What a handler asks of its request besides a value: response headers, entries of the API's cache to forget.

For: the views of VTL, and other runtimes' `util.http` and `extensions`. Owns: what may be asked.
Never: does it; what is noted in `context.shared` is done when the request is answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from syncline.core import json
from syncline.datasources import Context
from syncline.resolvers.util.collections import WITHHELD
from syncline.vtl import MethodFailed, plain, text_of

JSON = Any

HEADER_BYTES_MAX = 4 * 1024
"""Of all added headers, names and values."""
REFUSED = WITHHELD | {"vary", "content-type"}
PREFIXES = ("x-amzn-", "x-amz-", "access-control-")
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
KEYS_MAX = 25
INVALIDATIONS_MAX = 5


def add_response_header(context: Context, name: JSON, value: JSON) -> str:
    """Add a header to the answer; the last of a name wins. What is refused is an error of the field, which goes on."""
    text = "" if name is None else text_of(name)
    lowered = text.lower()
    shown = value if type(value) is str else json.encode(plain(value)).decode()
    headers = context.shared.response_headers
    reason = ""
    if not NAME.fullmatch(text) or value is None:
        reason = f"The response header '{text}' is not valid."
    elif lowered in REFUSED or lowered.startswith(PREFIXES):
        reason = f"The response header '{text}' cannot be set."
    elif any(each < " " or each > "~" for each in shown):
        reason = f"The value of the response header '{text}' is not valid."
    elif sum(len(key) + len(each) for key, each in {**headers, lowered: shown}.items()) > HEADER_BYTES_MAX:
        reason = f"The response headers may have at most {HEADER_BYTES_MAX} bytes."
    if reason:
        entry = {"message": reason, "errorType": "ResponseHeaderError", "data": None, "errorInfo": None}
        context.out_errors.append(entry)
    else:
        headers[lowered] = shown
    return ""


def add_response_headers(context: Context, headers: JSON) -> str:
    """Add several headers."""
    if not isinstance(headers, dict):
        raise MethodFailed("response headers are a map")
    for name, value in headers.items():
        add_response_header(context, name, value)
    return ""


def evict_from_api_cache(context: Context, type_name: JSON, field_name: JSON, keys: JSON = None) -> str:
    """Forget the entry of a field whose caching keys have these values."""
    if not context.shared.mutation:
        raise MethodFailed("evictFromApiCache works in mutations only")
    pairs = {} if keys is None else keys
    if type(type_name) is not str or type(field_name) is not str or not isinstance(pairs, dict):
        raise MethodFailed("evictFromApiCache takes a type, a field and a map of caching keys")
    if len(pairs) > KEYS_MAX:
        raise MethodFailed(f"evictFromApiCache takes at most {KEYS_MAX} caching keys")
    context.shared.evictions.append((type_name, field_name, dict(pairs)))
    return ""


def set_subscription_filter(context: Context, filter: JSON) -> str:
    """What published values the subscription being started is for; its arguments filter no longer."""
    context.shared.filters["filter"] = plain(filter)
    return ""


def set_subscription_invalidation_filter(context: Context, filter: JSON) -> str:
    """Which invalidations end the subscription being started."""
    context.shared.filters["invalidation"] = plain(filter)
    return ""


def invalidate_subscriptions(context: Context, asked: JSON) -> str:
    """End the live subscriptions of a field whose invalidation filter holds for a payload."""
    wanted = plain(asked)
    wanted = wanted if isinstance(wanted, dict) else {}
    field, payload = wanted.get("subscriptionField"), wanted.get("payload")
    shared = context.shared
    shared.invalidations_refused += 1
    if type(field) is not str or not isinstance(payload, dict):
        raise MethodFailed("invalidateSubscriptions takes a subscriptionField and a payload")
    if len(shared.invalidations) >= INVALIDATIONS_MAX:
        raise MethodFailed(f"invalidateSubscriptions can be called at most {INVALIDATIONS_MAX} times in a request")
    shared.invalidations_refused -= 1
    shared.invalidations.append((field, payload))
    return ""


EXTENSIONS: dict[str, tuple[Callable[..., JSON], range]] = {
    "evictFromApiCache": (evict_from_api_cache, range(2, 4)),
    "setSubscriptionFilter": (set_subscription_filter, range(1, 2)),
    "setSubscriptionInvalidationFilter": (set_subscription_invalidation_filter, range(1, 2)),
    "invalidateSubscriptions": (invalidate_subscriptions, range(1, 2)),
}
"""What `extensions` offers, and with how many arguments."""
