"""Cases: a handler, a context, what must come of it. Nothing but the handler runs, in a time and with ids that stand
still, so a case comes out the same on every machine.

For: `syncline resolvers test` and the pytest plugin. Owns: how a folder is read as a case, and what differs.

A case is a folder with `ctx.json` and `expected.json`. Its handler is the one `.vtl`, `.js` or `.py` file in it, or the
file that `case.json` names: `{"handler": "../getItem.js", "function": "response", "now": 1700000000}`.
`expected.json` is the value; `{"$error": {"message": …}}` is a failure; beside a `$value`, `$stash`, `$outErrors` and
`$logs` are compared, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from syncline.core import Instant, Invalid, SeededIds, json
from syncline.core.settings import Resolvers
from syncline.resolvers.evaluation import ContextRefused, evaluate_code, evaluate_python, evaluate_template
from syncline.resolvers.library import Library

JSON = Any

CONTEXT, EXPECTED, CASE = "ctx.json", "expected.json", "case.json"
NOW_DEFAULT = 1_577_836_800
"""2020-01-01T00:00:00Z."""
SEED = 1
KINDS = (".vtl", ".js", ".py")
BESIDE = ("__init__.py", "conftest.py")
"""Python files that are no handlers."""
ALSO = {"$stash": "stash", "$outErrors": "outErrors", "$logs": "logs"}


class CaseUnreadable(Invalid):
    """The case {folder} cannot be read: {reason}"""


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """What `case.json` may say. `now` is in epoch seconds; `path` is the folder that Python's imports start from, the
    handler's own unless it is said."""

    handler: str | None = None
    function: str | None = None
    now: float = NOW_DEFAULT
    path: str | None = None


class Case(msgspec.Struct, frozen=True):
    """One case, read. `function` is `request` or `response`."""

    folder: Path
    handler: Path
    function: str
    now: float
    context: str
    expected: JSON
    path: Path


class StillClock:
    """A clock that stands."""

    def __init__(self, now: float) -> None:
        self._now = Instant(now)

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> float:
        return 0.0

    processor = monotonic

    async def sleep(self, seconds: float) -> None:
        """Nobody waits where time stands."""


class Silence:
    """Log lines that nobody wants."""

    def event(self, name: str, **fields: object) -> None:
        """Drop one."""


def folders(root: Path) -> Iterator[Path]:
    """Every folder under `root` that is a case, by name."""
    for found in sorted(root.rglob(CONTEXT)):
        if (found.parent / EXPECTED).is_file():
            yield found.parent


def read_case(folder: Path) -> Case:
    """The case in a folder. Raises CaseUnreadable."""
    try:
        options = Options()
        if (folder / CASE).is_file():
            options = msgspec.json.decode((folder / CASE).read_bytes(), type=Options)
        expected = json.decode((folder / EXPECTED).read_bytes())
        context = (folder / CONTEXT).read_text()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as mistake:
        raise CaseUnreadable(folder=folder, reason=mistake) from None
    handler = _handler(folder, options.handler)
    function = options.function or ("response" if "response" in f"{handler.stem} {folder.name}".lower() else "request")
    path = folder / options.path if options.path else handler.parent
    return Case(folder, handler, function, options.now, context, expected, path)


def _handler(folder: Path, named: str | None) -> Path:
    found = [folder / named] if named else sorted(each for each in folder.iterdir() if is_handler(each))
    if len(found) != 1:
        reason = f"it has {len(found)} handlers ({', '.join(KINDS)}); name one in {CASE}"
        raise CaseUnreadable(folder=folder, reason=reason)
    if not found[0].is_file() or found[0].suffix not in KINDS:
        raise CaseUnreadable(folder=folder, reason=f"{found[0]} is no {' or '.join(KINDS)} file")
    return found[0]


def is_handler(file: Path) -> bool:
    """Whether a file in a case's folder is its handler."""
    return file.suffix in KINDS and file.name not in BESIDE


async def run_case(case: Case) -> list[str]:
    """What is not as expected, a line each; none when all is well. Raises CaseUnreadable."""
    library = Library(StillClock(case.now), SeededIds(SEED), Silence())
    text = case.handler.read_text()
    try:
        if case.handler.suffix == ".py":
            answer = await _evaluate_module(case)
        elif case.handler.suffix == ".vtl":
            answer = evaluate_template(text, case.context, library)
        else:
            answer = await evaluate_code(text, case.function, case.context, library)
    except ContextRefused as refusal:
        raise CaseUnreadable(folder=case.folder, reason=refusal.message) from None
    return differences(case.expected, answer)


async def _evaluate_module(case: Case) -> dict[str, Any]:
    """Run Python code, as a module that may import what is beside it."""
    folder, handler = case.path.resolve(), case.handler.resolve()
    if not handler.is_relative_to(folder):
        raise CaseUnreadable(folder=case.folder, reason=f"{handler} is not under the path {folder}")
    name = ".".join(handler.relative_to(folder).with_suffix("").parts)
    if not all(part.isidentifier() for part in name.split(".")):
        raise CaseUnreadable(folder=case.folder, reason=f"{name} cannot be the name of a Python module")
    python = Resolvers(python_path=str(folder))
    library = Library(StillClock(case.now), SeededIds(SEED), Silence(), python=python)
    return await evaluate_python(name, case.function, case.context, library)


def differences(expected: JSON, answer: dict[str, Any]) -> list[str]:
    """How an answer differs from what was expected."""
    whole = expected if type(expected) is dict and any(name.startswith("$") for name in expected) else None
    wanted = expected if whole is None else whole.get("$value")
    error = None if whole is None else whole.get("$error")
    found: list[str] = []
    failure = answer.get("error")
    if error is not None or failure is not None:
        found += _unequal("error", error, _like(failure, error))
    elif whole is None or "$value" in whole:
        found += _unequal("value", wanted, _value(answer.get("evaluationResult")))
    for name, member in ALSO.items():
        if whole is not None and name in whole:
            got = answer.get(member)
            found += _unequal(name, whole[name], json.decode(got) if type(got) is str else got)
    return found


def _like(failure: JSON, wanted: JSON) -> JSON:
    """The members of a failure that were asked for; all of them when none was."""
    if type(failure) is not dict or type(wanted) is not dict:
        return failure
    return {name: failure.get(name) for name in wanted}


def _value(text: JSON) -> JSON:
    try:
        return None if text is None else json.decode(text)
    except json.NotJson:
        return text


def _unequal(what: str, wanted: JSON, got: JSON) -> list[str]:
    if wanted == got:
        return []
    return [
        f"{what}: expected {json.encode(wanted).decode()}",
        f"{' ' * len(what)}   but got {json.encode(got).decode()}",
    ]
