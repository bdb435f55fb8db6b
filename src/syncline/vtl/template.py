"""A compiled template: one Python function that writes text, and, where it can be, one that builds the JSON value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CodeType, TracebackType
from typing import Any

import msgspec

from syncline.core import UNLIMITED, Allowance
from syncline.vtl import jsontext
from syncline.vtl.document import build_document, passed_on
from syncline.vtl.emitter import Emitter, Intrinsic
from syncline.vtl.errors import MethodFailed, OutputError, ParseError, Stop, TemplateError
from syncline.vtl.nodes import Call, Define, Foreach, Macro, Place, Set
from syncline.vtl.parser import parse
from syncline.vtl.runtime import NAMES, Bindings, joined
from syncline.vtl.weights import EVALUATION, light

SIZE_MAX = 64 * 1024
"""AppSync's quota for a template's text, in characters."""
FAILURES = (MethodFailed, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError)
"""What a method of a value may raise for arguments it was not made for."""


class Template:
    """One template, compiled; it holds no state of an evaluation."""

    def __init__(self, name: str, text: str, intrinsics: Mapping[str, Intrinsic]) -> None:
        self.name = name
        nodes = parse(text, name)
        self.mutates = any(map(_changes, _structs(nodes)))
        """Whether a list or map may be changed in place."""
        assigned = frozenset(_assigned(nodes))
        self.assigns = bool(assigned)
        """Whether a directive gives a name a value: such a template wants bindings of its own, a whole dict."""
        emitter = Emitter(intrinsics, assigned)
        document = build_document(nodes, emitter)
        self.passes = passed_on(nodes, emitter)
        """The path of the reference whose value is the whole document, from its root; empty for other templates."""
        main = emitter.function(nodes)
        source, self._places = emitter.source()
        self._file = f"<{name}>"
        scope: dict[str, Any] = {**NAMES, **emitter.names}
        exec(_compiled(source, self._file), scope)
        self._write: Callable[[Bindings, Callable[[str], None]], None] = scope[main]
        self._document: Callable[[Bindings], tuple[bool, Any]] | None = scope[document] if document else None

    @property
    def builds_directly(self) -> bool:
        """Whether `evaluate` can do without text."""
        return self._document is not None

    def render(self, bindings: Bindings, allowance: Allowance = UNLIMITED) -> str:
        """What is written within the allowance, which has begun. Raises TemplateError, Return for `#return`."""
        EVALUATION.begin(allowance)
        out: list[str] = []
        try:
            self._write(dict(bindings) if self.assigns else bindings, out.append)
        except Stop:
            pass
        except TemplateError as failure:
            raise self._placed(failure) from None
        except FAILURES as failure:
            raise self._failed(failure) from failure
        finally:
            EVALUATION.allowance = UNLIMITED
        return joined(out)

    def evaluate(self, bindings: Bindings, allowance: Allowance = UNLIMITED) -> Any:
        """The JSON value of what the template writes. Raises as `render`."""
        if self._document is None:
            return jsontext.decode(self.render(bindings, allowance))
        EVALUATION.begin(allowance)
        try:
            built, value = self._document(dict(bindings) if self.assigns else bindings)
            if built:
                return light(value)
        except Stop:
            return jsontext.decode("")
        except TemplateError as failure:
            raise self._placed(failure) from None
        except FAILURES as failure:
            raise self._failed(failure) from failure
        finally:
            EVALUATION.allowance = UNLIMITED
        return jsontext.decode(joined(value))

    def place_of(self, trace: TracebackType | None) -> Place | None:
        """Where in the template a failure that passed through it arose."""
        found: Place | None = None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self._file:
                found = self._nearest(trace.tb_lineno) or found
            trace = trace.tb_next
        return found

    def _nearest(self, line: int) -> Place | None:
        return self._places.get(line)

    def _placed(self, failure: TemplateError) -> TemplateError:
        place = self.place_of(failure.__traceback__)
        if place is not None and not failure.line and not isinstance(failure, OutputError):
            failure.line, failure.column = place.line, place.column
        return failure

    def _failed(self, failure: Exception) -> TemplateError:
        place = self.place_of(failure.__traceback__) or Place(0, 0)
        reason = "the template calls itself too deeply" if isinstance(failure, RecursionError) else str(failure)
        at = f" at {self.name}[line {place.line}, column {place.column}]" if place.line else ""
        return TemplateError(f"{reason}{at}", place.line, place.column)


def compile_template(text: str, name: str = "template", intrinsics: Mapping[str, Intrinsic] | None = None) -> Template:
    """Compile a template. Raises ParseError with line and column.

    `intrinsics` are methods by the dotted path that calls them (`util.toJson`): what the bound objects would do,
    known beforehand.
    """
    if len(text) > SIZE_MAX:
        raise ParseError(f"A template may have at most {SIZE_MAX:,} characters; this one has {len(text):,}.", 1, 1)
    return Template(name, text, intrinsics or {})


def _compiled(source: str, file: str) -> CodeType:
    try:
        return compile(source, file, "exec")
    except (RecursionError, MemoryError, SyntaxError) as refusal:
        # Python's own parser limits nesting (blocks within 100 levels); a template near it is refused, not run.
        raise ParseError(f"The template nests too deeply: {refusal}", 1, 1) from None


MUTATORS = frozenset(
    {"put", "putAll", "putIfAbsent", "remove", "clear", "add", "addAll", "set", "removeAll", "retainAll"}
)


def _changes(node: msgspec.Struct) -> bool:
    return (isinstance(node, Call) and node.name in MUTATORS) or (isinstance(node, Set) and bool(node.target.steps))


def _structs(nodes: Any) -> Iterator[msgspec.Struct]:
    """Every node of a tree."""
    if isinstance(nodes, tuple):
        for node in nodes:
            yield from _structs(node)
    elif isinstance(nodes, msgspec.Struct):
        yield nodes
        for field in nodes.__struct_fields__:
            yield from _structs(getattr(nodes, field))


def _assigned(nodes: Any) -> Iterator[str]:
    """Every name that some directive of the template gives a value to."""
    if isinstance(nodes, tuple):
        for node in nodes:
            yield from _assigned(node)
        return
    if isinstance(nodes, Set) and not nodes.target.steps:
        yield nodes.target.name
    elif isinstance(nodes, Foreach):
        yield from (nodes.name, "foreach", "velocityCount")
    elif isinstance(nodes, Define):
        yield nodes.name
    elif isinstance(nodes, Macro):
        yield from nodes.parameters
    if isinstance(nodes, msgspec.Struct):
        for field in nodes.__struct_fields__:
            yield from _assigned(getattr(nodes, field))
