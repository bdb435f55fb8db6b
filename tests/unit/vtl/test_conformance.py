"""The language, case by case: what Apache Velocity 1.7 was seen to do with the same context."""
# ruff: noqa: E501

from collections.abc import Callable

import pytest

from syncline.vtl import ParseError, TemplateError

Render = Callable[[str], str]

CASES = [
    ("C1", "$ctx.args.id|$missing|$!missing|${missing}|${ctx.args.nul}", "123|$missing||${missing}|${ctx.args.nul}"),
    ("C2", "$ctx.args.nope.foo|$!ctx.args.nope.foo|${ctx.args.id}x", "$ctx.args.nope.foo||123x"),
    ("C3", '#set($a="x")#set($a=$missing)[$a]', "[x]"),
    ("C4", '#set($m={"k":1})#set($m.k=$missing)$m.k', "1"),
    ("C5", '#set($m={})$m.put("k","v1")|$m.put("k","v2")', '$m.put("k","v1")|v1'),
    ("C6", "#set($l=[])$l.add(1)$util.qr($l.add(2))$l.size()", "true2"),
    ("C7", "#set($x=5/2)#set($y=5.0/2)#set($z=7%3)$x $y $z", "2 2.5 1"),
    ("C8", "#set($q=1)#set($q=5/0)$q", "1"),
    ("C9", '#set($s="1"+1)#set($t=1+1)$s $t', "11 2"),
    ("C10", "#set($n=2+3*4)#set($k=(2+3)*4)$n $k", "14 20"),
    ("C11", "#set($big=2147483647)#set($big=$big+1)$big", "2147483648"),
    ("C12", '#if(1=="1")A#end#if("true"==true)B#end#if(1==1.0)C#end', "ABC"),
    (
        "C13",
        '#set($e="")#set($z=0)#set($l=[])#if($e)1#end#if($z)2#end#if($l)3#end#if($missing)4#end#if(false)5#end',
        "123",
    ),
    ("C14", '#if("b" > "a")gt#{else}nogt#end', "nogt"),
    ("C15", "#if($missing==$alsoMissing)eq#{else}ne#end", "eq"),
    ("C16", '#set($a=["x"])#set($b=["x"])#if($a==$b)same#{else}diff#end', "same"),
    ("C17", "#set($x=2)#if($x==1)one#elseif($x==2)two#{else}other#end", "two"),
    ("C18", '#if(!$missing)no#end#if($missing || true)or#end#if("a" eq "a" and not false)eq#end', "nooreq"),
    ("C19", "#foreach($i in [3..1])$i#if($foreach.hasNext),#end#end", "3,2,1"),
    (
        "C20",
        "#foreach($x in $ctx.args.list)$foreach.index:$foreach.count:$foreach.hasNext:$foreach.first:$foreach.last #end",
        "0:1:true:true:false 1:2:true:false:false 2:3:false:false:true ",
    ),
    ("C21", '#set($m={"a":1,"b":2})#foreach($e in $m.entrySet())$e.key=$e.value;#end', "a=1;b=2;"),
    ("C22", '#foreach($v in {"a":1})$v#end', "1"),
    ("C23", "#foreach($x in $ctx.args.list)#if($foreach.count>2)#break#end$x#end!", "ab!"),
    (
        "C24",
        '#foreach($a in [0,1])#foreach($b in ["a","b"])$foreach.parent.index$b$foreach.index #end#end',
        "0a0 0b1 1a0 1b1 ",
    ),
    ("C25", '#foreach($i in $missing)x#end[#foreach($c in "str")$c#end]', "[]"),
    ("C26", '#set($l=["x","y"])#foreach($k in $l)#set($last=$k)#end$last $k', "y $k"),
    ("C27", "#set($list=[])#foreach($x in [1..3])#set($d=$x*2)$util.qr($list.add($d))#end$list", "[2, 4, 6]"),
    ("C30", '#set($str="a,b,,c")#set($p=$str.split(","))$p.size() $p[3]', "4 c"),
    (
        "C31",
        '#set($h="Hello")$h.substring(1,3)|$h.toUpperCase()|$h.replace("l","L")|$h.matches("H.*")|$h.matches("ell")',
        "el|HELLO|HeLLo|true|false",
    ),
    ("C32", "$ctx.args.size $ctx.args.list.size()", "SZ 3"),
    ("C33", '$ctx.args.list.contains("b") $ctx.args.list.indexOf("c") $ctx.args.id.length()', "true 2 3"),
    ("C34", '#set($m={"a":{"b":[10,20]}})$m.a.b[1] $m["a"]["b"][0] $m.a.b.get(1)', "20 10 20"),
    ("C35", '#set($l=["a","b"])$l[-1]', "b"),
    ("C37", "#set($l=[1,2,3])#set($l[1]=9)$l", "[1, 9, 3]"),
    ("C38", '#set($d="x")#set($p="${d}y")#set($q=\'$d\')$p $q', "xy $d"),
    ("C39", '#set($s="abc")#set($u="$s.length()")$u #set($w="${s}.length()")$w', "3abc.length()"),
    ("C40", "#set($my-var=1)$my-var ${my-var}-x", "1 1-x"),
    ("C41", "#set($v=5)\\$v \\\\$v \\$nope", "$v \\5 \\$nope"),
    ("C42", "$5 #1 user@x.com 50% a#b", "$5 #1 user@x.com 50% a#b"),
    (
        "C43",
        '{\n#set($a=1)\n  #set($b=2)\n  "x": $a,\n#if($a==1)\n  "y": $b\n#else\n  "y": 0\n#end\n}',
        '{\n  "x": 1,\n  "y": 2\n}',
    ),
    ("C44", "a\n#if(1==1)b#end\nc", "a\nbc"),
    ("C45", "a #stop b", "a "),
    ("C46", '#set($d={"a":$missing,"b":"x"})$util.toJson($d)', '{"a":null,"b":"x"}'),
    ("C46a", '#set($m={})$util.qr($m.put("k",null))$util.toJson($m)', '{"k":null}'),
    ("C46d", '#foreach($k in ["a",$missing,"b"])[$!k]#end', "[a][][b]"),
    ("C46e", '#foreach($e in [1,2])#set($v=$missing)#if($e==1)#set($v="first")#end$v;#end', "first;first;"),
    ("C46f", '#set($k="z")#foreach($k in ["a"])$k#end$k', "az"),
    ("C46g", '#set($a=1+"1")$a #set($b="a"+$missing)$b', "11a$missing"),
    ("C46i", "#if(0)zero#{else}nozero#end", "nozero"),
    ("C46j", '#set($Integer=0)$Integer.parseInt("42")', "42"),
]
UNPARSABLE = [
    ("C28", "$util.qr($l.add($x*2))"),
    ("C29", '#set($p="a,b,,c".split(","))$p.size()'),
    ("C46b", '#set($m={"a": null})$m'),
    ("C46c", "#if($ctx.args.nul == null)a#end"),
    ("C46h", "#set($x=1 -1)$x"),
]


@pytest.mark.rule("VTL-1")
@pytest.mark.parametrize(("number", "template", "output"), CASES, ids=[case[0] for case in CASES])
def test_a_template_writes_what_velocity_writes(render: Render, number: str, template: str, output: str) -> None:
    assert render(template) == output


@pytest.mark.rule("VTL-2")
@pytest.mark.parametrize(("number", "template"), UNPARSABLE, ids=[case[0] for case in UNPARSABLE])
def test_what_velocity_cannot_parse_is_refused(render: Render, number: str, template: str) -> None:
    with pytest.raises(ParseError, match=r'^Encountered ".*" at velocity\[line 1, column \d+\]\nWas expecting one of:'):
        render(template)


@pytest.mark.rule("VTL-3")
def test_a_failing_method_names_its_place(render: Render) -> None:
    with pytest.raises(TemplateError) as refused:
        render('#set($l=["a","b"])\n  $l.get(5)')
    assert (refused.value.line, refused.value.column) == (2, 5)
    assert str(refused.value) == "Index 5 out of bounds for length 2 at velocity[line 2, column 5]"
