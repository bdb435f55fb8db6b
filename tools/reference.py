"""Writes the reference pages of errors and metrics from the code: `--write`, or `--check` to fail when they differ."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import syncline
from syncline.core import errors
from syncline.monitoring.aws_metrics import ROWS

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
SOURCE = ROOT / "src" / "syncline"
GENERATED = "<!-- Written by tools/reference.py; do not edit. -->"
KINDS = (
    errors.Invalid,
    errors.Unauthenticated,
    errors.Denied,
    errors.NotFound,
    errors.Conflict,
    errors.Throttled,
    errors.TooLarge,
    errors.Unavailable,
    errors.Failed,
    errors.Unsupported,
)
INSTRUMENTS = {"counter": "counter", "summary": "summary", "gauge": "gauge"}


def errors_page() -> str:
    """Every error by kind, with the name clients know it by and its sentence."""
    for module in pkgutil.walk_packages(syncline.__path__, "syncline."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    lines = ["# Errors", "", GENERATED, ""]
    lines += [
        "A refusal has a kind, a code that clients know, and a sentence. Where AWS fixes the text, AWS's text is sent",
        "and the sentence here says what it is about. Names in braces are filled in. Anything that is not in this list",
        "is our bug: it is answered as an internal failure with a request id, and logged with its trace under that id.",
    ]
    for kind in KINDS:
        lines += ["", f"## {kind.__name__}", "", sentence(kind), "", "| Room | Error | Code | |", "|---|---|---|---|"]
        found = sorted(set(below(kind)), key=lambda error: (error.__module__, error.__name__))
        for error in found:
            room = error.__module__.split(".")[1]
            lines.append(f"| {room} | `{error.__name__}` | `{error.code}` | {sentence(error)} |")
    return "\n".join(lines) + "\n"


def below(kind: type[errors.SynclineError]) -> Iterator[type[errors.SynclineError]]:
    """Every error of Syncline's own under a kind, once; tests make some too."""
    for error in kind.__subclasses__():
        if error.__module__.startswith("syncline."):
            yield error
        yield from below(error)


def sentence(error: type) -> str:
    """An error's docstring on one line, fit for a table."""
    return " ".join(inspect.cleandoc(error.__doc__ or "").split()).replace("|", "\\|")


def metrics_page() -> str:
    """Every instrument, with its type and the room that binds it."""
    lines = ["# Metrics", "", GENERATED, ""]
    lines += ["`GET /metrics` gives these as Prometheus text. A summary has `_count` and `_sum`.", ""]
    lines += ["| Metric | Type | Room |", "|---|---|---|"]
    for name, kind, room in sorted(instruments()):
        lines.append(f"| `{name}` | {kind} | {room} |")
    lines += ["", "## As CloudWatch metrics", ""]
    lines += ["GetMetricStatistics, GetMetricData and alarms read these, by the minute, for fifteen days.", ""]
    lines += ["| Namespace | Metric | Unit | Dimensions | From |", "|---|---|---|---|---|"]
    for row in sorted(ROWS, key=lambda row: (row.namespace, row.metric, len(row.dimensions))):
        dimensions = ", ".join(row.dimensions) or "none: the whole server"
        lines.append(f"| {row.namespace} | `{row.metric}` | {row.unit} | {dimensions} | `{row.instrument}` |")
    return "\n".join(lines) + "\n"


def instruments() -> set[tuple[str, str, str]]:
    """Name, type and room of every instrument that the code binds by a literal name."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            name = node.args[0]
            if (
                node.func.attr in INSTRUMENTS
                and isinstance(name, ast.Constant)
                and str(name.value).startswith("syncline_")
            ):
                room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
                found.add((str(name.value), INSTRUMENTS[node.func.attr], room))
    return found


PAGES = {"errors.md": errors_page, "metrics.md": metrics_page}


def main() -> int:
    """Write or check; the exit status is 1 when a page is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    late = [name for name, page in PAGES.items() if not same(REFERENCE / name, page())]
    for name in late if chosen.write else []:
        (REFERENCE / name).write_text(PAGES[name]())
    if chosen.check and late:
        print(f"out of date: {', '.join(late)}: run `make docs`", file=sys.stderr)
        return 1
    return 0


def same(path: Path, text: str) -> bool:
    """Whether the file has this text."""
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
