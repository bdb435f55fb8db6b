"""Trying a handler out: code or a template over a context that the caller made up; nothing else is asked.

For: EvaluateCode, EvaluateMappingTemplate, and cases. Owns: the shape of their answers; a failing handler is an
answer, too.
"""

from __future__ import annotations

from typing import Any

from syncline.core import Invalid, json
from syncline.datasources import Context, Info
from syncline.js import CodeRefused, CodeStopped, Outcome, read
from syncline.resolvers.code import Code, CodeHandler
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.handler import TemplateHandler
from syncline.resolvers.library import Library
from syncline.resolvers.python import PythonHandler
from syncline.vtl import Return, TemplateError, plain

JSON = Any
Members = dict[str, Any]
OBJECTS = ("arguments", "request", "stash", "env")


class ContextRefused(Invalid):
    """The context is not valid: {reason}"""

    code = "BadRequestException"


class LogLines:
    """What code and templates log, as AppSync writes it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def event(self, name: str, **fields: object) -> None:
        """Keep a line that the handler logged; what the server notes beside it is not the caller's."""
        if name == "resolver log":
            self.lines.append(str(fields["message"]))


async def evaluate_code(code: str, handler: str, context: str, library: Library) -> Members:
    """Run one handler of some code. Raises ContextRefused."""
    ctx, notes = _context(context), LogLines()
    trial = library.noting(notes)
    try:
        module = read(code, relaxed=library.settings.relaxed, required=(handler,))
        trial.engine.check(module)
    except CodeRefused as refusal:
        errors = [each.shown() for each in refusal.errors]
        return {"error": {"message": refusal.message, "codeErrors": errors}, "logs": []}
    try:
        outcome = await CodeHandler(Code(code, "code", trial, module), handler, trial).outcome(ctx)
    except CodeStopped as stopped:
        return _answer(ctx, notes, failure=stopped.message)
    ctx.stash = ctx.stash if outcome.stash is None else outcome.stash
    ctx.out_errors.extend(outcome.errors)
    notes.lines.extend(log.line() for log in outcome.logs)
    failure = _failure(outcome)
    if failure is not None:
        return _answer(ctx, notes, failure=failure)
    value = outcome.value if outcome.signal is None else outcome.signal.value
    return _answer(ctx, notes, result=json.encode(value).decode())


def _failure(outcome: Outcome) -> str | None:
    if outcome.failure is not None:
        return outcome.failure.sentence()
    if outcome.signal is None or outcome.signal.kind == "return":
        return None
    return "Unauthorized" if outcome.signal.kind == "unauthorized" else outcome.signal.message or ""


async def evaluate_python(code: str, handler: str, context: str, library: Library) -> Members:
    """Run one handler of some Python code. Raises ContextRefused, PythonOff."""
    ctx, notes = _context(context), LogLines()
    try:
        value = await PythonHandler(code, "code", handler, library.noting(notes)).evaluate(ctx)
    except ResolverError as failure:
        return _answer(ctx, notes, failure=failure.reason if failure.error_type == "Code" else failure.message)
    except Return as early:
        value = early.value
    return _answer(ctx, notes, result=json.encode(value).decode())


def evaluate_template(template: str, context: str, library: Library) -> Members:
    """Render one template. Raises ContextRefused."""
    ctx, notes = _context(context), LogLines()
    try:
        text = TemplateHandler(template, "template", library.noting(notes)).render(ctx)
    except (ResolverError, TemplateError) as failure:
        return _answer(ctx, notes, failure=failure.message)
    except Return as early:
        return _answer(ctx, notes, result=json.encode(plain(early.value)).decode())
    return _answer(ctx, notes, result=text)


def _answer(ctx: Context, notes: LogLines, *, result: str | None = None, failure: str | None = None) -> Members:
    found: Members = {} if result is None else {"evaluationResult": result}
    if failure is not None:
        found["error"] = {"message": failure}
    found["logs"] = notes.lines
    found["stash"] = json.encode(plain(ctx.stash)).decode()
    found["outErrors"] = json.encode(ctx.out_errors).decode()
    return found


def _context(text: str) -> Context:
    try:
        given = json.decode(text.encode())
    except json.NotJson as mistake:
        raise ContextRefused(reason=str(mistake)) from None
    if type(given) is not dict:
        raise ContextRefused(reason="it is not a JSON object")
    for name in (*OBJECTS, "info"):
        if type(given.get(name) or {}) is not dict:
            raise ContextRefused(reason=f"{name} is not a JSON object")
    return Context(
        given.get("arguments") or {},
        _info(given.get("info") or {}),
        source=given.get("source"),
        identity=given.get("identity"),
        request=given.get("request") or {},
        stash=given.get("stash") or {},
        prev=given.get("prev"),
        result=given.get("result"),
        error=given.get("error"),
        env=given.get("env") or {},
        out_errors=[],
    )


def _info(given: Members) -> Info:
    selections = given.get("selectionSetList") or []
    return Info(
        str(given.get("fieldName", "")),
        str(given.get("parentTypeName", "")),
        given.get("variables") or {},
        lambda: selections,
        lambda: given.get("selectionSetGraphQL") or "",
    )
