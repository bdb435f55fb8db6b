"""The engine: quickjs-ng, one context per API, its library written in JavaScript.

Owns: the border (JSON text in, JSON text out), the limits, and what an engine's own errors mean.
Never: calls back into Python from JavaScript; the engine refuses that while a time limit is set.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any
from weakref import ReferenceType, ref

import msgspec
import quickjs

from syncline.core import json
from syncline.js.model import AnswerRefused, CodeError, CodeRefused, CodeStopped, Failure, Limits, Module, Outcome, Run
from syncline.js.port import Answers
from syncline.js.positions import LINES_BEFORE, PREFIX, located

ALWAYS = ("runtime", "typed", "utils")

SYNTAX = re.compile(r"SyntaxError: (.*)\n +at <input>:(\d+):(\d+)")
_OUTCOME = msgspec.json.Decoder(Outcome)


class QuickJs:
    """One API's sandbox, made when its first code runs and made anew after a limit was hit."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._long = msgspec.structs.replace(
            self._limits, milliseconds=self._limits.apart_milliseconds, answers=10 * self._limits.answers
        )
        self._sandbox: Sandbox | None = None

    def check(self, module: Module) -> None:
        """Compile the module's script. Raises CodeRefused."""
        sandbox = self._sandbox = self._sandbox or Sandbox(self._limits)
        try:
            sandbox.entries(module)
        except quickjs.JSException as refusal:
            self._sandbox = None
            raise _refused(refusal) from None

    def run(self, module: Module, handler: str, run: Run, answers: Answers) -> Outcome:
        """Run a handler that the module exports. Raises CodeStopped."""
        sandbox = self._sandbox
        if sandbox is None:
            sandbox = self._sandbox = Sandbox(self._limits)
        try:
            return sandbox.run(module, handler, run, answers)
        except CodeStopped:
            # What it left behind is not worth keeping: a full heap, half a change of the module's own variables.
            self._sandbox = None
            raise

    def run_apart(self, module: Module, handler: str, run: Run, answers: Answers) -> Outcome:
        """The same with the long limits and in a sandbox of its own, on any thread."""
        return Sandbox(self._long).run(module, handler, run, answers)


class Sandbox:
    """One context with its library and the code loaded into it. It stays on the thread that made it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._context = context = quickjs.Context()
        context.set_memory_limit(limits.memory_bytes)
        context.set_max_stack_size(limits.stack_bytes)
        for name in ALWAYS:
            context.eval(_library(name))
        self._have = set(ALWAYS)
        self._load, self._give, self._forget = (context.eval(f"syncline.{name}") for name in ("load", "give", "forget"))
        context.set_time_limit(limits.milliseconds / 1000)
        self._entries: dict[int, tuple[ReferenceType[Module], dict[str, Any]]] = {}

    def entries(self, module: Module) -> dict[str, Any]:
        """The module's handlers as functions of text, loaded if need be."""
        found = self._entries.get(id(module))
        if found is not None and found[0]() is module:
            return found[1]
        self._sweep()
        loaded = self._loaded(module)
        self._entries[id(module)] = (ref(module), loaded)
        return loaded

    def _sweep(self) -> None:
        """Let go of code that nothing holds any more. Only here: a collector on another thread may find out that
        nothing does while this context runs without the interpreter's lock."""
        for key in [key for key, (module, _) in self._entries.items() if module() is None]:
            del self._entries[key]

    def _loaded(self, module: Module) -> dict[str, Any]:
        for name in module.libraries:
            if name not in self._have:
                self._context.eval(_library(name))
                self._have.add(name)
        factory = self._context.eval(PREFIX + module.script)
        entry = self._load(factory)
        found = {name: entry(name) for name in module.handlers}
        for name, handler in found.items():
            if handler is None:
                value = f"code.js(1,1): error: The export '{name}' is not a function.\n"
                raise CodeRefused([CodeError("PARSE_ERROR", value, 1, 1)])
        return found

    def run(self, module: Module, handler: str, run: Run, answers: Answers) -> Outcome:
        """Run a handler; what the library asks meanwhile is answered, and the handler begins anew."""
        try:
            entry = self.entries(module)[handler]
            outcome = _called(entry, run)
            if outcome.signal is not None and outcome.signal.kind == "ask":
                outcome = self._answered(entry, run, outcome, answers)
        except quickjs.StackOverflow:
            raise CodeStopped(reason="it recursed too deeply") from None
        except quickjs.JSException as failure:
            raise _stopped(failure) from None
        if outcome.failure is not None or outcome.logs:
            _locate(outcome, module)
        return outcome

    def _answered(self, entry: Any, run: Run, outcome: Outcome, answers: Answers) -> Outcome:
        for _ in range(self._limits.answers):
            question = outcome.signal
            if question is None or question.kind != "ask":
                self._forget()
                return outcome
            self._give(question.key, _answer(question.name, question.operands, answers))
            outcome = _called(entry, run)
        raise CodeStopped(reason=f"it asked the host for more than {self._limits.answers} values", slow=True)


def _called(entry: Any, run: Run) -> Outcome:
    try:
        return _OUTCOME.decode(entry(run.context, run.now, run.seed, run.facts))
    except msgspec.DecodeError:
        # Half of a surrogate pair: JavaScript writes it, and it is no text.
        return Outcome(failure=Failure("TypeError", "The value cannot be written as JSON"))


def _answer(name: str, operands: list[Any], answers: Answers) -> str:
    try:
        answer = {"value": answers(name, operands), "failure": None}
    except AnswerRefused as refusal:
        answer = {"value": None, "failure": refusal.message}
    return json.encode(answer).decode()


def _locate(outcome: Outcome, module: Module) -> None:
    for log in outcome.logs:
        log.position = located(log.stack, module, is_call=True)
    failure = outcome.failure
    if failure is None:
        return
    if failure.name == "InternalError" and "out of memory" in failure.message:
        raise CodeStopped(reason="it used too much memory")
    if failure.name in ("InternalError", "RangeError") and "stack" in failure.message:
        raise CodeStopped(reason="it recursed too deeply")
    failure.position = located(failure.stack, module, is_call=failure.name == "Rejected")


def _stopped(failure: quickjs.JSException) -> CodeStopped:
    text = str(failure)
    if "interrupted" in text:
        return CodeStopped(reason="it took too long", slow=True)
    if "out of memory" in text or text.startswith("null"):
        return CodeStopped(reason="it used too much memory")
    if "stack" in text.partition("\n")[0]:
        return CodeStopped(reason="it recursed too deeply")
    return CodeStopped(reason=text.partition("\n")[0])


def _refused(refusal: quickjs.JSException) -> CodeRefused:
    """The code does not compile, or its top level fails."""
    text = str(refusal)
    found = SYNTAX.match(text)
    if found is None:
        first = text.partition("\n")[0]
        position = located(text, None)
        line, column = position if position else (1, 1)
        return CodeRefused([CodeError("PARSE_ERROR", f"code.js({line},{column}): error: {first}\n", line, column)])
    message, line, column = found[1], max(1, int(found[2]) - LINES_BEFORE), int(found[3])
    return CodeRefused([CodeError("PARSE_ERROR", f"code.js({line},{column}): error: {message}\n", line, column)])


@cache
def _library(name: str) -> str:
    # The engine keeps every function's source: without indentation and comments an API takes a sixth less.
    text = resources.files("syncline.js").joinpath("library", f"{name}.js").read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if not line.startswith("//"))
