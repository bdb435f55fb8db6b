"""The documentation agrees with the code, and its links lead somewhere."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_served_operations_are_those_of_the_code() -> None:
    compatibility = tool("compatibility")
    page = compatibility.PAGE.read_text()
    assert compatibility.updated(page) == page, "run `make docs`"


@pytest.mark.parametrize("name", ["errors.md", "metrics.md"])
def test_the_generated_reference_is_current(name: str) -> None:
    reference = tool("reference")
    assert (DOCS / "reference" / name).read_text() == reference.PAGES[name](), "run `make docs`"


def test_an_instrument_is_named_after_its_room_with_its_unit_last() -> None:
    for name, kind, room in tool("reference").instruments():
        assert name.startswith(f"syncline_{room}_"), name
        assert name.endswith("_total") == (kind == "counter"), f"{name} is a {kind}"
        assert not name.endswith(("_count", "_seconds")), name


def test_every_command_and_option_is_in_the_reference() -> None:
    from syncline.app.cli import main

    page = (DOCS / "reference" / "cli.md").read_text()
    assert main.commands
    for name, command in main.commands.items():
        assert f"`syncline {name}`" in page
        options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
        missing = [option.opts[0] for option in options if option.opts[0] not in page]
        assert missing == [], f"options of `syncline {name}` that cli.md does not mention"


def test_every_default_in_the_reference_of_settings_is_the_codes() -> None:
    from syncline.core import Settings
    from syncline.core.settings import setting_names

    page = (DOCS / "reference" / "settings.md").read_text()
    for name in setting_names():
        section, _, field = name.rpartition(".")
        default = getattr(getattr(Settings(), section) if section else Settings(), field)
        variable = f"SYNCLINE_{name.replace('.', '_').upper()}"
        shown = "–" if default == "" else f"`{default}`"
        assert f"| `{name}` | `{variable}` | {shown} |" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", sorted(DOCS.glob("explanation/*.md")), ids=lambda page: page.name)
def test_the_modules_it_names_are_there(page: Path) -> None:
    rooms = {path.name for path in (ROOT / "src" / "syncline").iterdir()}
    named = [name for name in re.findall(r"`(\w+/\w+\.py)`", page.read_text()) if name.partition("/")[0] in rooms]
    assert [name for name in named if not (ROOT / "src" / "syncline" / name).exists()] == []


def test_every_decision_is_one_page_with_its_four_parts() -> None:
    parts = ["## Context", "## Decision", "## What we gave up", "## How we would know we were wrong"]
    index = (DOCS / "decisions" / "README.md").read_text()
    for page in sorted((DOCS / "decisions").glob("0*.md")):
        assert [line for line in page.read_text().splitlines() if line.startswith("## ")] == parts, page.name
        assert f"({page.name})" in index
