"""A handler run in an engine: `run("return 1")`, the body of a request handler with everything imported."""

from collections.abc import Callable
from typing import Any

import pytest

from syncline.core import json
from syncline.js import AnswerRefused, Outcome, QuickJs, Run, read

IMPORTS = (
    "import { util, runtime, extensions } from '@aws-appsync/utils';"
    "import * as ddb from '@aws-appsync/utils/dynamodb'; import * as rds from '@aws-appsync/utils/rds';\n"
)
NOW = 1517943695758.0
SEED = "000102030405060708090a0b0c0d0e0f"

Execute = Callable[..., Outcome]


def no_answers(name: str, operands: list[Any]) -> Any:
    raise AnswerRefused(f"util.{name} is not supported")


@pytest.fixture
def engine() -> QuickJs:
    return QuickJs()


@pytest.fixture
def execute(engine: QuickJs) -> Execute:
    """`execute(body, context)`: the outcome. Line 1 of the body is line 2 of the code."""

    def run(body: str, context: dict[str, Any] | None = None, **options: Any) -> Outcome:
        code = f"{IMPORTS}export function request(ctx) {{\n{body}\n}}"
        module = read(code, required=("request",), relaxed=options.get("relaxed", False))
        given = Run(json.encode({"arguments": {}, "stash": {}} | (context or {})).decode(), NOW, SEED)
        return engine.run(module, "request", given, options.get("answers", no_answers))

    return run


@pytest.fixture
def value(execute: Execute) -> Callable[..., Any]:
    """`value(expression)`: what it is worth."""

    def run(expression: str, context: dict[str, Any] | None = None, **options: Any) -> Any:
        outcome = execute(f"return {expression}", context, **options)
        assert outcome.failure is None, outcome.failure
        return outcome.value

    return run


@pytest.fixture
def rejected(execute: Execute) -> Callable[..., str]:
    """`rejected(expression)`: the message of the helper that would not have it."""

    def run(expression: str) -> str:
        outcome = execute(f"return {expression}")
        assert outcome.failure is not None, outcome.value
        assert outcome.failure.name == "Rejected"
        return outcome.failure.message

    return run
