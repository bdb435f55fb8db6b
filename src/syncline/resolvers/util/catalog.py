"""The list of `util`'s functions: name, how many arguments, what the result is. Docs and both languages read it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from syncline.core import Clock, Ids
from syncline.resolvers.util import basics, chance, collections, dynamodb, moments, rds, search, transform, xmltext
from syncline.vtl import plain


class Function(msgspec.Struct, frozen=True):
    """One function. `kind`: its result is a `value`, or the `json` text of what `call` returns, or `silent`."""

    call: Callable[..., Any]
    kind: str
    arguments: frozenset[int]


UNSUPPORTED: tuple[str, ...] = ()
"""What AppSync has and this library does not; calling one says so. docs/compatibility.md lists them."""


def functions(clock: Clock, ids: Ids) -> dict[str, Function]:
    """All functions that do not depend on the field's run, by their path behind `util.`."""
    plain_ones: dict[str, Callable[..., Any]] = {
        **basics.FUNCTIONS,
        **collections.FUNCTIONS,
        **rds.FUNCTIONS,
        **xmltext.FUNCTIONS,
    }
    plain_ones |= chance.functions(clock, ids)
    plain_ones |= {f"time.{name}": call for name, call in moments.functions(clock).items()}
    found = {name: _function(call) for name, call in plain_ones.items()}
    found |= {name: _function(basics.quiet, "silent") for name in ("qr", "quiet")}
    found["toJson"] = Function(plain, "json", frozenset({1}))
    for name, typed in dynamodb.TYPED.items():
        found[f"dynamodb.{name}"] = _function(typed)
        found[f"dynamodb.{name}Json"] = _function(typed, "json")
    found["dynamodb.fromS3ObjectJson"] = _function(dynamodb.from_s3_object)
    found["transform.toDynamoDBConditionExpression"] = _function(transform.to_dynamodb_expression, "json")
    found["transform.toDynamoDBFilterExpression"] = _function(transform.to_dynamodb_expression, "json")
    found["transform.toElasticsearchQueryDSL"] = Function(search.to_query, "json", frozenset({1}))
    found["transform.toSubscriptionFilter"] = _function(transform.to_subscription_filter)
    return found


def _function(call: Callable[..., Any], kind: str = "value") -> Function:
    parameters = inspect.signature(call).parameters.values()
    least = sum(parameter.default is parameter.empty for parameter in parameters)
    return Function(call, kind, frozenset(range(least, len(parameters) + 1)))
