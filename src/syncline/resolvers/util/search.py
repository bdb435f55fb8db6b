"""`util.transform.toElasticsearchQueryDSL`: a filter as GraphQL inputs have it, as a query of OpenSearch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.vtl import MethodFailed

JSON = Any
DEPTH_MAX = 50
CLAUSES = {
    "match": "match",
    "matchPhrase": "match_phrase",
    "matchPhrasePrefix": "match_phrase_prefix",
    "multiMatch": "multi_match",
    "wildcard": "wildcard",
    "regexp": "regexp",
}


def _not(query: JSON) -> JSON:
    return {"bool": {"must_not": query}}


def _between(field: str, value: JSON) -> JSON:
    if type(value) is not list or len(value) != 2:
        raise MethodFailed(f"{field}.range takes a list of two values")
    return {"range": {field: {"gte": value[0], "lte": value[1]}}}


def _exists(field: str, value: JSON) -> JSON:
    found = {"exists": {"field": field}}
    return found if value is True else _not(found)


OPERATORS: dict[str, Callable[[str, JSON], JSON]] = {
    "eq": lambda field, value: {"term": {field: value}},
    "ne": lambda field, value: _not({"term": {field: value}}),
    "range": _between,
    "exists": _exists,
}


def to_query(condition: JSON, depth: int = 0) -> JSON:
    """One clause, or several in a `bool`."""
    if not isinstance(condition, dict) or depth > DEPTH_MAX:
        raise MethodFailed("a filter must be a map" if depth <= DEPTH_MAX else "the filter nests too deeply")
    return _all([_member(name, value, depth) for name, value in condition.items()])


def _all(clauses: list[JSON]) -> JSON:
    return clauses[0] if len(clauses) == 1 else {"bool": {"must": clauses}}


def _member(name: str, value: JSON, depth: int) -> JSON:
    if name in ("and", "or"):
        parts = [to_query(each, depth + 1) for each in (value if type(value) is list else [value])]
        return {"bool": {"must": parts}} if name == "and" else {"bool": {"should": parts, "minimum_should_match": 1}}
    if name == "not":
        return _not(to_query(value, depth + 1))
    if not isinstance(value, dict):
        raise MethodFailed(f"the condition of {name} must be a map of operators")
    return _all([_operator(name, operator, operand) for operator, operand in value.items()])


def _operator(field: str, operator: str, operand: JSON) -> JSON:
    if operator in OPERATORS:
        return OPERATORS[operator](field, operand)
    if operator in ("gt", "gte", "lt", "lte"):
        return {"range": {field: {operator: operand}}}
    if operator in CLAUSES:
        return {CLAUSES[operator]: {field: operand}}
    raise MethodFailed(f"Unsupported condition {field}.{operator}.")
