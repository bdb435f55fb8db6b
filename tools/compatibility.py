"""Writes which AWS operations are served into docs/compatibility.md, from the service classes and botocore's models.

`compatibility.py` prints the section; `--write` puts it between its marks; `--check` fails when the page differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from syncline.account import Iam, SecretsManager, Sts
from syncline.app.appsync import AppSync as Joined
from syncline.events import Events
from syncline.functions import Lambda
from syncline.graphql import Graphql
from syncline.monitoring import CloudWatchService, LogsService
from syncline.tables import Tables, TableStreams
from syncline.userpools import UserPools
from syncline.wire import Coverage, Operations, parameters
from syncline.wire.models import load


class AppSync(Graphql, Events):
    """Both rooms' operations, as `app` joins them."""

    coverage = Joined.coverage


PAGE = Path(__file__).parent.parent / "docs" / "compatibility.md"
BEGIN, END = "<!-- operations: written by tools/compatibility.py -->", "<!-- end of operations -->"
SERVICES = {
    "appsync": ("AWS AppSync", AppSync),
    "dynamodb": ("Amazon DynamoDB", Tables),
    "dynamodbstreams": ("Amazon DynamoDB Streams", TableStreams),
    "lambda": ("AWS Lambda", Lambda),
    "iam": ("AWS IAM", Iam),
    "sts": ("AWS STS", Sts),
    "cognito-idp": ("Amazon Cognito user pools", UserPools),
    "secretsmanager": ("AWS Secrets Manager", SecretsManager),
    "logs": ("Amazon CloudWatch Logs", LogsService),
    "cloudwatch": ("Amazon CloudWatch", CloudWatchService),
}


def section() -> str:
    """The generated section: a table of counts, then each service's operations by state."""
    coverage = Operations({name: kind for name, (_, kind) in SERVICES.items()}).coverage()
    lines = ["| Service | Served | Of |", "|---|---|---|"]
    for name, (title, _) in SERVICES.items():
        there, absent = coverage[name]
        lines.append(f"| {title} | {len(there)} | {len(there) + len(absent)} |")
    for name, (title, kind) in SERVICES.items():
        there, absent = coverage[name]
        lines += ["", f"### {title}", ""]
        lines += by_parameter(name, there, kind.coverage)
        lines += ["", f"**Not served:** {names(absent)}"]
    return "\n".join(lines)


def by_parameter(service: str, operations: list[str], declared: Mapping[str, Coverage]) -> list[str]:
    """The served operations: those with all their parameters, then what is not served of the others."""
    model = load(service)
    count = sum(len(list(parameters(model, operation))) for operation in operations)
    whole = [operation for operation in operations if operation not in declared]
    lines = [
        f"{count:,} parameters, those of nested structures counted. Every one is served, but for what is named here.",
        "",
        f"**Served with every parameter:** {names(whole)}",
    ]
    if not declared:
        return lines
    lines += ["", "| Served in part | Refused | Kept | Never needed |", "|---|---|---|---|"]
    for operation, coverage in sorted(declared.items()):
        cells = (", ".join(f"`{name}`" for name in named) for named in coverage)
        lines.append(f"| `{operation}` | {' | '.join(cells)} |")
    return lines


def names(operations: list[str]) -> str:
    """Operations as a sentence."""
    return ", ".join(f"`{operation}`" for operation in operations) + "." if operations else "none."


def updated(page: str) -> str:
    """The page with the section as it is now."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{section()}\n\n{END}{tail}"


def main() -> int:
    """Print, write or check; the exit status is 1 when the page is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    if not (chosen.write or chosen.check):
        print(section())
        return 0
    page = PAGE.read_text()
    if chosen.write:
        PAGE.write_text(updated(page))
        return 0
    if updated(page) != page:
        print(f"{PAGE.name} is out of date: run `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
