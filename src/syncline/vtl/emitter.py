"""From a template's tree to the source of Python functions.

Owns: how each node is written. Every reference and directive marks its place, so that a failure at any Python line
names the template's line and column. `document` writes the functions that build JSON without text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from syncline.vtl.nodes import (
    Binary,
    Break,
    Call,
    Define,
    Expression,
    Foreach,
    If,
    Interpolated,
    Item,
    ListLiteral,
    Literal,
    Macro,
    MacroCall,
    MapLiteral,
    Node,
    Not,
    Null,
    Place,
    Property,
    Range,
    Reference,
    ReturnHere,
    Set,
    Step,
    StopHere,
    Text,
)
from syncline.vtl.runtime import ITERATIONS_MAX


class Intrinsic(msgspec.Struct, frozen=True):
    """A method that the compiler calls straight, without looking its object up.

    `kind` says what a call of `function` gives: `value`, the method's value; `json`, a plain value whose JSON text is
    the method's value; `silent`, an empty text, so that the call prints nothing. `arguments` are the counts it takes;
    other counts go the long way round, where the bound object refuses them.
    """

    function: Callable[..., Any]
    kind: str
    arguments: frozenset[int]


MARK = re.compile("\x01(\\d+)\x02")


class Emitter:
    """Collects the functions of one template."""

    def __init__(self, intrinsics: Mapping[str, Intrinsic], assigned: frozenset[str]) -> None:
        self.functions: list[list[str]] = []
        self.names: dict[str, Any] = {}
        self.places: list[Place] = []
        self._intrinsics = intrinsics
        self._assigned = assigned
        self._counter = 0
        self._macros: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._inputs: list[set[str]] = []

    def function(self, body: tuple[Node, ...]) -> str:
        """The name of a new function `(b, w)` that runs `body`."""
        name = self.fresh("f")
        with_inputs = self.begin()
        lines = [line for node in body for line in self.node(node, 1)]
        self.finish(f"def {name}(b, w):", lines, with_inputs)
        return name

    def begin(self) -> set[str]:
        self._inputs.append(set())
        return self._inputs[-1]

    def finish(self, header: str, lines: list[str], inputs: set[str]) -> None:
        """Add a function; names that no directive assigns are looked up once, at its start."""
        self._inputs.pop()
        prelude = [f" r_{self._safe(each)} = b.get({each!r})" for each in sorted(inputs)]
        self.functions.append([header, *prelude, *lines, " return None"])

    def source(self) -> tuple[str, dict[int, Place]]:
        """All functions as one module, and the place of each of its lines that has one."""
        module = "\n".join(line for function in self.functions for line in function)
        lines: list[str] = []
        table: dict[int, Place] = {}
        for line in module.split("\n"):
            pieces = MARK.split(line)
            lines.append(pieces[0])
            for number, rest in zip(pieces[1::2], pieces[2::2], strict=True):
                lines.append(rest)
                table[len(lines)] = self.places[int(number)]
        return "\n".join(lines) + "\n", table

    def fresh(self, prefix: str) -> str:
        self._counter += 1
        return f"{prefix}{self._counter}"

    def mark(self, place: Place) -> str:
        self.places.append(place)
        return f"\x01{len(self.places) - 1}\x02"

    @staticmethod
    def _safe(name: str) -> str:
        # A hyphen is no part of a Python name, a middle dot is, and no VTL name has one.
        return name.replace("-", "\u00b7")

    def node(self, node: Node, depth: int) -> list[str]:
        """The lines of one node, indented by `depth` blanks."""
        pad = " " * depth
        return [pad + line for line in _NODES[type(node)](self, node)]

    def _body(self, body: tuple[Node, ...]) -> list[str]:
        return [line for node in body for line in self.node(node, 1)] or [" pass"]

    def _text(self, node: Text) -> list[str]:
        return [f"w({node.text!r})"]

    def _print(self, node: Reference) -> list[str]:
        value = self.reference(node)
        source = "" if node.quiet else node.source
        if not node.backslashes:
            return [f"v = ({value})", f"w(v if type(v) is str else text(v, {source!r}))"]
        return [
            f"v = ({value})",
            f"w(escaped(v, {node.source!r}, {node.backslashes}, text(v, {source!r})))",
        ]

    def _set(self, node: Set) -> list[str]:
        value, target = self.expression(node.value), node.target
        if not target.steps:
            return [f"v = ({value})", "if v is not None:", f" b[{target.name!r}] = v"]
        holder = self.reference(target, len(target.steps) - 1)
        last = target.steps[-1]
        if isinstance(last, Item):
            write = f"({self.mark(last.place)}set_item({holder}, {self.expression(last.index)}, v))"
        else:
            write = f"set_property({holder}, {last.name!r}, v)"
        return [f"v = ({value})", "if v is not None:", f" {write}"]

    def _if(self, node: If) -> list[str]:
        lines: list[str] = []
        for number, (condition, body) in enumerate(node.branches):
            test = self.truth(condition)
            lines += [f"{'elif' if number else 'if'} {test}:", *self._body(body)]
        if node.otherwise:
            lines += ["else:", *self._body(node.otherwise)]
        return lines

    def _foreach(self, node: Foreach) -> list[str]:
        n = self.fresh("")
        body = self._body(node.body)
        return [
            f"e{n} = ({self.mark(node.place)}elements({self.expression(node.source)}))",
            f"o{n} = b.get({node.name!r}); p{n} = b.get('foreach'); c{n} = b.get('velocityCount')",
            f"l{n} = ({self.mark(node.place)}begin_loop(b, len(e{n})))",
            f"for k{n}, v{n} in enumerate(e{n}):",
            f" if k{n} >= {ITERATIONS_MAX}: ({self.mark(node.place)}too_many())",
            f" if k{n} & 7 == 7: ({self.mark(node.place)}tick())",
            f" l{n}.index = k{n}; b['velocityCount'] = k{n} + 1; b['foreach'] = l{n}",
            f" b[{node.name!r}] = v{n}",
            *body,
            f"b[{node.name!r}] = o{n}; b['foreach'] = p{n}; b['velocityCount'] = c{n}",
        ]

    def _break(self, node: Break) -> list[str]:
        return ["break"]

    def _stop(self, node: StopHere) -> list[str]:
        return ["stop()"]

    def _return(self, node: ReturnHere) -> list[str]:
        return [f"return_({'None' if node.value is None else self.expression(node.value)})"]

    def _define(self, node: Define) -> list[str]:
        return [f"b[{node.name!r}] = Block({self.function(node.body)}, b)"]

    def _macro(self, node: Macro) -> list[str]:
        # The macro's own name is known before its body is written: it may call itself.
        name = self.fresh("m")
        self._macros[node.name] = (name, node.parameters)
        inputs = self.begin()
        lines = [line for inner in node.body for line in self.node(inner, 1)]
        self.finish(f"def {name}(b, w):", lines, inputs)
        return ["pass"]

    def _macro_call(self, node: MacroCall) -> list[str]:
        found = self._macros.get(node.name)
        if found is None:
            return [f"w({node.source!r})"]
        name, parameters = found
        arguments = "".join(self.expression(each) + ", " for each in node.arguments)
        return [f"({self.mark(node.place)}run_macro(b, w, {name}, {parameters!r}, ({arguments})))"]

    def truth(self, node: Expression) -> str:
        """A condition. Literals but `true` and arithmetic are false, a quirk of Velocity 1.7 (VTL-9)."""
        if isinstance(node, Literal):
            return repr(node.value is True)
        arithmetic = isinstance(node, Binary) and node.operator in ("add", "sub", "mul", "div", "mod")
        if arithmetic or isinstance(node, ListLiteral | MapLiteral | Range | Interpolated | Null):
            return "False"
        if isinstance(node, Binary) and node.operator in ("and", "or"):
            return f"({self.truth(node.left)} {node.operator} {self.truth(node.right)})"
        if isinstance(node, Not):
            return f"(not {self.truth(node.operand)})"
        return f"true({self.expression(node)})"

    def expression(self, node: Expression) -> str:
        """A Python expression for a value; it may span lines, so it is always used inside parentheses."""
        written: str = _EXPRESSIONS[type(node)](self, node)
        return written

    def _literal(self, node: Literal) -> str:
        return repr(node.value)

    def _null(self, node: Null) -> str:
        return "None"

    def _interpolated(self, node: Interpolated) -> str:
        return f"capture({self.function(node.body)}, b)"

    def _stored(self, node: Expression) -> str:
        written = self.expression(node)
        return f"stored({written})" if isinstance(node, Reference) else written

    def _list(self, node: ListLiteral) -> str:
        return "[" + ", ".join(self._stored(each) for each in node.elements) + "]"

    def _map(self, node: MapLiteral) -> str:
        entries = (f"{self._key(key)}: {self._stored(value)}" for key, value in node.entries)
        return "{" + ", ".join(entries) + "}"

    def _key(self, node: Expression) -> str:
        if isinstance(node, Literal) and type(node.value) is str:
            return repr(node.value)
        return f"key_text({self.expression(node)})"

    def _range(self, node: Range) -> str:
        return f"({self.mark(node.place)}integers({self.expression(node.first)}, {self.expression(node.last)}))"

    def _binary(self, node: Binary) -> str:
        if node.operator in ("and", "or"):
            return self.truth(node)
        left, right = self.expression(node.left), self.expression(node.right)
        if node.operator != "add":
            return f"{node.operator}({left}, {right})"
        sources = [each.source if isinstance(each, Reference) else "null" for each in (node.left, node.right)]
        return f"add({left}, {right}, {sources[0]!r}, {sources[1]!r})"

    def _not(self, node: Not) -> str:
        return f"(not {self.truth(node.operand)})"

    def reference(self, node: Reference, steps: int | None = None) -> str:
        """The value of a reference, or of its first `steps` steps."""
        wanted = node.steps[:steps] if steps is not None else node.steps
        found = self.intrinsic(node) if steps is None else None
        if found is None:
            written, rest = self._root(node.name), wanted
        else:
            intrinsic, call, rest = found
            written = self.intrinsic_call(intrinsic, call)
            if intrinsic.kind == "json":
                written = f"json_text({written})"
        for step in rest:
            written = self._step(written, step)
        return written

    def _root(self, name: str) -> str:
        if name in self._assigned:
            return f"b.get({name!r})"
        self._inputs[-1].add(name)
        return f"r_{self._safe(name)}"

    def intrinsic(self, node: Reference) -> tuple[Intrinsic, Call, tuple[Step, ...]] | None:
        """The intrinsic that a reference starts with, its call, and the steps behind it."""
        if node.name in self._assigned:
            return None
        path = node.name
        for number, step in enumerate(node.steps):
            if isinstance(step, Item):
                return None
            path += "." + step.name
            if isinstance(step, Call):
                found = self._intrinsics.get(path)
                if found is None or len(step.arguments) not in found.arguments:
                    return None
                return found, step, node.steps[number + 1 :]
        return None

    def intrinsic_call(self, intrinsic: Intrinsic, call: Call) -> str:
        """The straight call, marked with its place."""
        name = f"i_{id(intrinsic)}"
        self.names[name] = intrinsic.function
        arguments = ", ".join(self._weighed(each) for each in call.arguments)
        return f"({self.mark(call.place)}{name}({arguments}))"

    def _weighed(self, node: Expression) -> str:
        written = self.expression(node)
        if isinstance(node, Reference):
            return written if self.intrinsic(node) is not None else f"light({written})"
        return f"light({written})" if isinstance(node, ListLiteral | MapLiteral) else written

    def _step(self, holder: str, step: Step) -> str:
        mark = self.mark(step.place)
        if isinstance(step, Property):
            t = self.fresh("t")
            return f"({t}.get({step.name!r}) if type({t} := {holder}) is dict else ({mark}prop({t}, {step.name!r})))"
        if isinstance(step, Item):
            return f"({mark}item({holder}, {self.expression(step.index)}))"
        arguments = "".join(", " + self.expression(each) for each in step.arguments)
        return f"({mark}call({holder}, {step.name!r}{arguments}))"


_NODES: dict[type, Callable[..., list[str]]] = {
    Text: Emitter._text,
    Reference: Emitter._print,
    Set: Emitter._set,
    If: Emitter._if,
    Foreach: Emitter._foreach,
    Break: Emitter._break,
    StopHere: Emitter._stop,
    ReturnHere: Emitter._return,
    Define: Emitter._define,
    Macro: Emitter._macro,
    MacroCall: Emitter._macro_call,
}
_EXPRESSIONS: dict[type, Callable[..., str]] = {
    Reference: Emitter.reference,
    Literal: Emitter._literal,
    Null: Emitter._null,
    Interpolated: Emitter._interpolated,
    ListLiteral: Emitter._list,
    MapLiteral: Emitter._map,
    Range: Emitter._range,
    Binary: Emitter._binary,
    Not: Emitter._not,
}
