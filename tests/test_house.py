"""The house's own rules: doors, sizes, docstrings, rules cited, three places that catch everything."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "syncline"
ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))
MODULES = sorted(SOURCE.rglob("*.py"))
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 500

# The HTTP door, the socket loop and the supervisor; and the one place each where somebody else's code runs.
CATCHES_EVERYTHING = {
    "core/limits.py": "work that was begun by hand is handed on whatever is thrown at it",
    "client/auth.py": "the application's own token function may raise anything",
    "core/tasks.py": "the supervisor",
    "edge/http.py": "the HTTP door",
    "edge/listener.py": "the HTTP door: what fails before or after its requests ends one connection",
    "edge/sockets.py": "the socket loop",
    "edge/streams.py": "the same for operations over an event stream",
    "wire/door.py": "the HTTP door of the AWS APIs",
    "resolvers/project.py": "the project's own modules may raise anything when they are imported",
    "resolvers/python.py": "and so may their functions; the field's error says no more than that",
    "store/commit.py": "a body may raise anything, and its caller hears it",
}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for_and_stays_readable(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{name_of(path)} opens with a docstring: what it is for, owns, never does"
    assert len(text.splitlines()) <= MODULE_LINES_MAX
    for function in functions(tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        assert lines <= FUNCTION_LINES_MAX, f"{name_of(path)}:{function.lineno} {function.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name_of(path)}:{node.lineno} {node.name} has no docstring"


def exports(room: str) -> list[str]:
    return list(getattr(importlib.import_module(f"syncline.{room}"), "__all__", []))


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_only_imports_by_name_and_lists_what_it_exports(room: str) -> None:
    tree = ast.parse((SOURCE / room / "__init__.py").read_text())
    for node in tree.body[1:]:
        is_all = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        assert isinstance(node, ast.ImportFrom | ast.Import) or is_all, f"{room}'s door computes something"
    door = importlib.import_module(f"syncline.{room}")
    assert exports(room) or room == "app"
    assert all(hasattr(door, name) for name in exports(room))


def asked_of_doors() -> set[tuple[str, str]]:
    """Room and name of all that another room, a test or the bench takes from a door."""
    found = set()
    for path in [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").glob("*.py")]:
        reader = path.relative_to(SOURCE).parts[0] if path.is_relative_to(SOURCE) else ""
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("syncline."):
                room = str(node.module).removeprefix("syncline.")
                found |= {(room, alias.name) for alias in node.names if room != reader}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id != reader:
                found.add((node.value.id, node.attr))
    return found


def test_a_door_says_no_more_than_others_ask_for() -> None:
    assert sorted({(room, name) for room in ROOMS for name in exports(room)} - asked_of_doors()) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_between_rooms_only_doors_are_used(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("syncline."):
            continue
        _, other, *deeper = (node.module or "").split(".")
        own = other == room or room in ("app", "__main__.py")
        vocabulary = other == "core"
        assert not deeper or own or vocabulary, f"{name_of(path)}:{node.lineno} goes behind {other}'s door"


def names_in(kinds: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(kinds) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_is_caught_in_few_places_only(path: Path) -> None:
    catching = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & names_in(node.type))
    ]
    assert not catching or name_of(path) in CATCHES_EVERYTHING, f"{name_of(path)} catches everything at {catching}"


def rules() -> list[str]:
    return [
        found
        for path in SOURCE.glob("*/RULES.md")
        for found in re.findall(r"^- \*\*([A-Z]+-\d+)\*\*", path.read_text(), flags=re.M)
    ]


def test_every_rule_has_a_number_of_its_own() -> None:
    assert sorted(rules()) == sorted(set(rules()))


def test_every_cited_rule_exists() -> None:
    cited = {
        (rule, path.name)
        for path in (ROOT / "tests").rglob("test_*.py")
        for rule in re.findall(r"mark\.rule\(\"([A-Z]+-\d+)\"\)", path.read_text())
    }
    unknown = sorted((rule, name) for rule, name in cited if rule not in rules())
    assert cited
    assert not unknown


def test_every_rule_is_shown_by_a_test() -> None:
    text = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    untested = sorted(rule for rule in rules() if not re.search(rf"\"{rule}\"", text))
    assert not untested


def test_every_setting_is_in_the_reference() -> None:
    from syncline.core.settings import setting_names

    reference = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert [name for name in setting_names() if f"`{name}`" not in reference] == []
