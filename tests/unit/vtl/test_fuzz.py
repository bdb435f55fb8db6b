"""Damaged templates: read or refused with a place, and what was read runs, fails with a place, or ends early."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncline import vtl
from syncline.vtl import Return, TemplateError
from unit.vtl.conftest import INTRINSICS, bindings

EXAMPLES = int(os.environ.get("SYNCLINE_FUZZ_EXAMPLES", "300"))
PIECES = st.sampled_from(
    [
        *("$ctx.args.id", "$!ctx.args.nul", "${ctx.args.list}", "$ctx.args.list[0]", "$x", "$x.y", "$x.put('a', $x)"),
        *("#set($x = 1)", "#set($x = {})", "#set($x = [1, $ctx.args.n])", "#set($x.y = $x)", "#set($x[0] = 2)"),
        *("#if($x)", "#if($x == 1 && !$y)", "#elseif(true)", "#else", "#{else}", "#end", "#foreach($i in $x)"),
        *(
            "#foreach($i in [1..9])",
            "#break",
            "#stop",
            "#return($x)",
            "#return",
            "#macro(m $a)",
            "#m($x)",
            "#define($d)",
        ),
        *(
            "$d",
            "$util.toJson($x)",
            "$util.qr($x.add(1))",
            "## c\n",
            "#* c *#",
            "#[[ raw ]]#",
            '"',
            "'",
            "{",
            "}",
            "[",
            "]",
        ),
        *(
            "(",
            ")",
            ",",
            ":",
            "$",
            "#",
            "\\",
            "\\$x",
            "\n",
            " ",
            "é",
            "\u2028",
            "\x00",
            "1",
            "-1",
            "1.5e3",
            "true",
            "null",
        ),
        *("$x.substring(0, 99)", "$x.split('(')", "$x.matches($x)", "$foreach.index", "$x / 0", "#set($x = $x + $x)"),
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40)


@pytest.mark.rule("VTL-3")
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_any_text_is_a_template_or_none(text: str) -> None:
    found: TemplateError | None = None
    try:
        template = vtl.compile(text, "velocity", INTRINSICS)
    except TemplateError as refusal:
        found = refusal
    if found is not None:
        assert (found.line, found.column) >= (1, 1)
        return
    for run in (template.render, template.evaluate):
        with contextlib.suppress(Return, TemplateError):
            run(bindings())
