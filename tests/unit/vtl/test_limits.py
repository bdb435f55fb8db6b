"""What a template may not do: run for ever, grow without bound, look behind the values, load other templates."""

from collections.abc import Callable
from itertools import count

import pytest

from syncline import vtl
from syncline.core import Allowance, SystemClock
from syncline.vtl import LimitExceeded, ParseError, Return, TemplateError
from unit.vtl.conftest import INTRINSICS, bindings

Render = Callable[[str], str]


@pytest.mark.rule("VTL-6")
def test_a_loop_runs_a_thousand_iterations_and_no_more(render: Render) -> None:
    assert len(render("#foreach($i in [1..1000])x#end")) == 1000
    with pytest.raises(LimitExceeded, match=r"A #foreach may run at most 1,000 iterations\.") as refused:
        render("\n #foreach($i in [1..1001])x#end")
    assert (refused.value.line, refused.value.column) == (2, 2)


@pytest.mark.rule("VTL-6")
@pytest.mark.parametrize(
    "template",
    [
        "#foreach($i in [1..999])#foreach($j in [1..999])#foreach($k in [1..999])x#end#end#end",
        '#set($s = "xxxxxxxx")#foreach($i in [1..999])#set($s = "$s$s")#end',
        '#set($s = "xxxxxxxx")#foreach($i in [1..999])#set($s = $s + $s)#end',
        '#set($s = "xx")#foreach($i in [1..999])#set($s = $s.replace("x", $s))#end',
        "#set($l = [1])#foreach($i in [1..999])#set($ignored = $l.addAll($l))#end",
        "#set($l = [1..99999999])",
        "#macro(m)#m()#end#m()",
        "#define($d)$d#end$d",
        "#set($m = {})#set($m.m = $m)$m",
        "#set($m = {})#set($l = [{'m': $m}])$util.qr($m.put('l', $l))",
        "#set($l = [1])$util.qr($l.add([$l]))",
        '#set($s = "x")$s.repeat(999999999)',
        '#set($s = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")$s.matches("(?=(a+)+c)a*b")',
        '#set($s = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")$s.replaceAll("(a|a)*(?!x)c", "")',
        '#set($s = "(")#foreach($i in [1..999])#set($s = "$s(a")#end$ctx.args.id.matches($s)',
        "#set($s = 'a')#foreach($i in [1..16])#set($s = $s + $s)#end$s.replaceAll('a', 'b')",
    ],
)
def test_what_would_grow_for_ever_is_stopped(render: Render, template: str) -> None:
    with pytest.raises(TemplateError):
        render(template)


@pytest.mark.rule("VTL-6")
def test_numbers_do_not_outgrow_memory(render: Render) -> None:
    text = "#set($n = 9)#foreach($i in [1..999])#set($n = $n * $n)#end$n"
    assert len(render(text)) < 2000


@pytest.mark.rule("VTL-6")
@pytest.mark.parametrize(
    "template", ["#if(true)" * 5000 + "#end" * 5000, "#set($x = " + "(" * 5000 + "1" + ")" * 5000 + ")"]
)
def test_deep_nesting_is_refused(render: Render, template: str) -> None:
    with pytest.raises(ParseError):
        render(template)


@pytest.mark.rule("VTL-6")
def test_a_template_has_a_greatest_size() -> None:
    with pytest.raises(ParseError, match="at most 65,536 characters"):
        vtl.compile("x" * 70_000)


@pytest.mark.rule("VTL-4")
@pytest.mark.parametrize("template", ['#include("a")', '#parse("a")', '#evaluate("$x")'])
def test_loading_other_templates_is_refused(render: Render, template: str) -> None:
    with pytest.raises(ParseError):
        render(template)


@pytest.mark.rule("VTL-4")
@pytest.mark.parametrize(
    "template", ["$ctx.args.id.class", "$ctx.args.id.getClass()", "$ctx.args.list.class.forName('x')"]
)
def test_reflection_is_refused(render: Render, template: str) -> None:
    with pytest.raises(TemplateError, match="reflection"):
        render(template)


@pytest.mark.rule("VTL-4")
@pytest.mark.parametrize("name", ["__init__", "format", "__globals__", "encode", "append"])
def test_python_is_out_of_reach(render: Render, name: str) -> None:
    assert render(f"$!ctx.args.id.x{name}$!ctx.args.list.{name.strip('_')}()") == ""


@pytest.mark.rule("VTL-5")
@pytest.mark.parametrize(
    ("template", "value"), [('text #return({"a": 1})', {"a": 1}), ("#return", None), ("#return()", None)]
)
def test_return_ends_the_template_with_a_value(render: Render, template: str, value: object) -> None:
    with pytest.raises(Return) as returned:
        render(template)
    assert returned.value.value == value


@pytest.mark.rule("VTL-9")
def test_a_literal_condition_is_false(render: Render) -> None:
    assert render('#if(1)a#end#if("x")b#end#if(1 + 1)d#end#if(true)c#end') == "c"


@pytest.mark.rule("VTL-10")
def test_an_evaluation_leaves_the_bindings_alone() -> None:
    given = {"a": 1}
    assert vtl.compile("#set($a = 2)#set($b = 3)$a$b").render(given) == "23"
    assert given == {"a": 1}


@pytest.mark.rule("VTL-3")
def test_a_failure_inside_a_string_names_its_place(render: Render) -> None:
    with pytest.raises(TemplateError) as refused:
        render('#set($l = [])\n#set($s = "a\n  $l.get(1)")')
    assert (refused.value.line, refused.value.column) == (3, 5)


@pytest.mark.rule("VTL-1")
def test_names_with_hyphens_are_names_of_their_own() -> None:
    assert vtl.compile("$a-b $a__b").render({"a-b": 1, "a__b": 2}) == "1 2"


@pytest.mark.rule("VTL-6")
@pytest.mark.parametrize(
    "regex", ["(a+)+c", "(a|a)*c", "(a*)*c", "((a{99}){9})*c", "(.*?,){30}c", "(a|aa)+c", "(x+x+)+y", "^(([a-z])+.)+c$"]
)
def test_expressions_that_multiply_are_answered_at_once(render: Render, regex: str) -> None:
    text = "a" * 50_000 + "b"
    assert vtl.compile(f'$s.matches("{regex}") $s.replaceAll("{regex}", "").length()').render({"s": text}) == (
        f"false {len(text)}"
    )


@pytest.mark.rule("VTL-6")
@pytest.mark.parametrize(
    "template",
    [
        "#foreach($i in [1..999])$i#end",
        "$util.toJson($ctx.args.list)" * 100,
        '$ctx.args.id.matches("(?=1)123")' * 100,
    ],
)
def test_an_evaluation_ends_when_its_time_is_up(template: str) -> None:
    compiled = vtl.compile(template, intrinsics=INTRINSICS)
    with pytest.raises(LimitExceeded, match=r"The templates of this request have run for too long\."):
        compiled.render(bindings(), allowance(seconds=50))
    assert compiled.render(bindings(), allowance(seconds=1e6))
    assert compiled.render(bindings())


class Ticking(SystemClock):
    """A second passes whenever it is looked at."""

    def __init__(self) -> None:
        self._seconds = count()

    def monotonic(self) -> float:
        return float(next(self._seconds))

    processor = monotonic


def allowance(*, seconds: float) -> Allowance:
    found = Allowance(Ticking(), seconds)
    found.begin()
    return found
