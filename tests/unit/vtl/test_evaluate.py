"""`evaluate` is `decode(render)`: by examples of every shape, and by property over templates and values."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline import vtl
from syncline.core import json
from syncline.vtl import TemplateError

INTRINSICS = {
    "util.qr": vtl.Intrinsic(lambda value: "", "silent", frozenset({1})),
    "util.toJson": vtl.Intrinsic(vtl.plain, "json", frozenset({1})),
    "util.first": vtl.Intrinsic(lambda a, b: b if a is None else a, "value", frozenset({2})),
}
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('abc"\\', max_size=3), inner, max_size=3),
    max_leaves=6,
)
TRICKY_TEXT = st.sampled_from(['"', "\\", "\n", "a", "é", "\u2028", '","x":"', "\\u0041", "#set", "$x", "/", "\x7f"])
VALUES = JSON_VALUES | TRICKY_TEXT
HOLES = st.sampled_from(
    [
        "$x",
        "${x}",
        "$!x",
        "$x.k",
        "$x.get('k')",
        "$x[0]",
        "$y",
        "$x.size()",
        "$util.first($x, 1)",
        "$nope",
        "$util.toJson($x)",
        "$util.toJson($y.k)",
        "${util.toJson($x)}",
        "$util.toJson({'a': $x, 'b': [$y, 1]})",
        "\\$x",
        "$x.put('k', 1)",
        "#if($x)1#{else}2#end",
        "$util.toJson($x).length()",
        '$util.toJson("a$x")',
    ]
)
STATEMENTS = st.sampled_from(
    [
        "",
        "\n",
        "#set($z = $x)\n",
        "## note\n",
        "$util.qr($x)",
        "#if($x)#set($z = 1)#end",
        "$x.put('q', $y)",
        "#set($x = 5)",
        "#foreach($i in $x)$util.qr($i)#end",
        "#stop",
        "text",
        "#set($util = $x)",
    ]
)


@st.composite
def documents(draw: st.DrawFn, depth: int = 0) -> str:
    """Template text that is nearly, often wholly, JSON with references."""
    kind = draw(st.integers(0, 8 if depth < 2 else 4))
    if kind == 0:
        return draw(
            st.sampled_from(["1", "-2.50", "1e3", "true", "null", '"s"', '"\\n\\u0041"', "01", "tru", '"\\x"', "1.0"])
        )
    if kind <= 2:
        return draw(HOLES)
    if kind <= 4:
        parts = draw(st.lists(HOLES | st.sampled_from(["a", " ", "\\\\", "\\", "\\n", "é", "\\u00", "41"]), max_size=3))
        return '"' + "".join(parts) + '"'
    if kind <= 6:
        keys = draw(st.lists(st.sampled_from(['"a"', '"b"', '"\\u0061"', '"$x"', "a"]), max_size=2))
        members = [f"{key}{draw(st.sampled_from([':', ' : ']))}{draw(documents(depth + 1))}" for key in keys]
        return (
            "{"
            + draw(st.sampled_from([", ", ",", ",,"])).join(members)
            + draw(st.sampled_from(["", "", "", ","]))
            + "}"
        )
    return "[" + ", ".join(draw(st.lists(documents(depth + 1), max_size=2))) + "]"


def outcome(run: Callable[[], Any]) -> tuple[str, Any]:
    """What came of it, comparable: types count, since `1` is not `1.0` or true."""
    try:
        return "value", repr(run())
    except vtl.Return as early:
        return "return", repr(early.value)
    except TemplateError as failure:
        return type(failure).__name__, failure.message


class Util:
    def vtl_property(self, name: str) -> Any:
        return None

    def vtl_call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        found = INTRINSICS[f"util.{name}"]
        value = found.function(*arguments)
        return json.encode(value).decode() if found.kind == "json" else value

    def vtl_plain(self) -> Any:
        return {}


def bound(x: Any, y: Any) -> dict[str, Any]:
    copies = json.decode(json.encode([x, y]))
    return {"x": copies[0], "y": copies[1], "util": Util()}


@pytest.mark.rule("VTL-7")
@settings(max_examples=300, deadline=None)
@given(STATEMENTS, documents(), st.sampled_from(["", "\n", " x", "## end"]), VALUES, VALUES)
def test_evaluating_is_decoding_what_is_rendered(start: str, document: str, end: str, x: Any, y: Any) -> None:
    try:
        template = vtl.compile(start + document + end, "velocity", INTRINSICS)
    except vtl.ParseError:
        return
    expected = outcome(lambda: vtl.decode(template.render(bound(x, y))))
    assert outcome(lambda: template.evaluate(bound(x, y))) == expected


@pytest.mark.rule("VTL-7")
@pytest.mark.parametrize(
    "template",
    [
        "$util.toJson($x)",
        '{"key": {"id": $util.toJson($x)}, "n": [1, $y], "s": "a${y}b"}',
        '#set($z = 1)\n$util.qr($x)\n#if($x)#set($z = 2)#end\n{"z": $z}\n',
        '{"version": "2017-02-28", "operation": "Scan"}',
    ],
)
def test_documents_of_the_usual_shapes_are_built_without_text(template: str) -> None:
    compiled = vtl.compile(template, "velocity", INTRINSICS)
    assert compiled.builds_directly
    assert compiled.evaluate(bound("t", 7)) == vtl.decode(compiled.render(bound("t", 7)))


@pytest.mark.rule("VTL-7")
@pytest.mark.parametrize("template", ['{"$x": 1}', '{"a": 1, "a": 2}', '{"a": $x.put("k", 1)}', 'x {"a": 1}', "{}}"])
def test_whatever_is_in_doubt_goes_through_text(template: str) -> None:
    assert not vtl.compile(template, "velocity", INTRINSICS).builds_directly


@pytest.mark.rule("VTL-8")
@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("  \n", "Template transformation yielded an empty response."),
        ('{"a":1,"a":2}', "Duplicate field 'a' detected on Object. Duplicate JSON keys are not allowed."),
        ('{"a":1}x', "Trailing characters at the end of the JSON string are not allowed."),
        ("hello", "Unable to convert hello to class java.lang.Object."),
        ("NaN", "Unable to convert NaN to class java.lang.Object."),
        ("[" * 100_000, None),
    ],
)
def test_text_that_is_no_value_is_refused_by_name(template: str, message: str | None) -> None:
    if message is None:
        with pytest.raises(TemplateError, match="Unable to convert"):
            vtl.decode(template)
        return
    with pytest.raises(TemplateError) as refused:
        vtl.compile(template).evaluate({})
    assert refused.value.message == message


@pytest.mark.rule("VTL-8")
@pytest.mark.parametrize("text", ['{"a": 1,}', '{"a": [1, 2,\n], }', '["a,]",]'])
def test_commas_before_a_closing_bracket_are_let_pass(text: str) -> None:
    assert vtl.compile(text).evaluate({}) == vtl.decode(
        text.replace(",\n]", "]").replace(", }", "}").replace(",}", "}").replace('",]', '"]')
    )
