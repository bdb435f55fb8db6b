"""The one grammar of expressions: text to syntax tree, by a lexer and precedence climbing.

For: the compilers of conditions, key conditions, projections and updates. Owns: lexis, precedence, AWS's syntax errors,
and the limits on length, operators and nesting.
Never: looks at names, values or items.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, NoReturn, TypeVar

from syncline.core import Invalid
from syncline.tables.syntax import (
    Action,
    Between,
    Both,
    Call,
    Compare,
    Condition,
    Either,
    In,
    Node,
    Not,
    Parenthesised,
    Path,
    Step,
    Sum,
    Value,
    bare,
)

T = TypeVar("T")

EXPRESSION_BYTES_MAX = 4096
OPERATORS_MAX = 300
CHOICES_MAX = 100
# Python's stack bounds how deep we can go; AWS's own bound is not known. Redundant pairs are refused before this.
NESTING_MAX = 100

_TOKENS = re.compile(
    r"[ \t\r\n]*(?:(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<value>:[A-Za-z0-9_]+)|(?P<ref>\#[A-Za-z0-9_]+)"
    r"|(?P<digits>[0-9]+)|(?P<mark><>|<=|>=|[=<>+\-(),.\[\]])|(?P<unknown>[^ \t\r\n]))"
)
_COMPARATORS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_WORDS = frozenset(("AND", "OR", "NOT", "BETWEEN", "IN"))
_SECTIONS = frozenset(("SET", "REMOVE", "ADD", "DELETE"))

# Binding power: a part with the greater power is taken first.
_OR, _AND, _NOT, _COMPARE, _SUM, _OPERAND = range(1, 7)


class Token(NamedTuple):
    """A piece of the text: its kind, the text, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


def parse_condition(kind: str, text: str) -> Node:
    """A condition, filter or key condition as a tree. `kind` is the parameter's name, for the sentences."""
    parser = _Parser(kind, text)
    tree = parser.expression(_OR)
    if not parser.is_condition(tree):
        parser.refuse_token()
    parser.expect_end()
    return tree


def parse_projection(kind: str, text: str) -> list[Path]:
    """A projection's paths."""
    parser = _Parser(kind, text)
    paths = parser.listed(parser.path)
    parser.expect_end()
    return paths


def parse_update(kind: str, text: str) -> list[Action]:
    """An update's clauses in the order written."""
    parser = _Parser(kind, text)
    actions: list[Action] = []
    seen: set[str] = set()
    while parser.token.kind != "end" or not seen:
        verb = parser.token.text.upper()
        if verb not in _SECTIONS:
            parser.refuse_token()
        if verb in seen:
            raise parser.refusal(f'The "{verb}" section can only be used once in an update expression;')
        seen.add(verb)
        parser.advance()
        actions += parser.listed(partial(parser.action, verb))
    return actions


def _tokens(text: str) -> list[Token]:
    found = []
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup
        assert kind is not None, "every alternative is named"
        found.append(Token(kind, match[kind], match.start(kind), match.end(kind)))
    return found


class _Parser:
    """One reading of one expression."""

    def __init__(self, kind: str, text: str) -> None:
        self._kind, self._text = kind, text
        self._at = self._operators = self._depth = 0
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > EXPRESSION_BYTES_MAX:
            raise self.refusal(f"Expression size has exceeded the maximum allowed size; expression size: {size}")
        self._tokens = _tokens(text)
        if not self._tokens:
            raise self.refusal("The expression can not be empty;")
        self._tokens.append(Token("end", "<EOF>", len(text), len(text)))
        self.token = self._tokens[0]

    def expression(self, power: int) -> Node:
        """The longest expression whose operators bind at least as tightly as `power`."""
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise self.refusal("The expression is nested too deeply;")
        left = self._prefix(power)
        while (found := self._operator_power()) >= power:
            left = self._infix(left, found)
        self._depth -= 1
        return left

    def action(self, verb: str) -> Action:
        """One clause of the section `verb`."""
        path = self.path()
        if verb == "REMOVE":
            return Action(verb, path, None)
        if verb == "SET":
            self._expect("=")
            start = self._at
            value = self.expression(_SUM)
            if isinstance(value, Condition):
                self.refuse_token(start)
            return Action(verb, path, value)
        if self.token.kind != "value":
            self.refuse_token()
        return Action(verb, path, Value(self.advance().text))

    def path(self) -> Path:
        """A document path."""
        steps: list[Step] = [self._name()]
        while self.token.text in (".", "["):
            if self.advance().text == ".":
                steps.append(self._name())
                continue
            if self.token.kind != "digits" or len(self.token.text) > 18:
                self.refuse_token()
            steps.append(int(self.advance().text))
            self._expect("]")
        return Path(tuple(steps))

    def listed(self, read: Callable[[], T]) -> list[T]:
        """What `read` finds, once and again after every comma."""
        found = [read()]
        while self.token.text == ",":
            self.advance()
            found.append(read())
        return found

    def advance(self) -> Token:
        """Take the token."""
        taken = self.token
        if taken.kind != "end":
            self._at += 1
            self.token = self._tokens[self._at]
        return taken

    def expect_end(self) -> None:
        """Refuse anything after the expression."""
        if self.token.kind != "end":
            self.refuse_token()

    def is_condition(self, node: Node) -> bool:
        """Whether the node can be true or false. A function counts: which one is the compilers' question."""
        return isinstance(bare(node), (*Condition, Call))

    def refuse_token(self, at: int | None = None) -> NoReturn:
        """Raise the syntax error at a token: the next one, or the one at `at`."""
        at = self._at if at is None else at
        first = self._tokens[max(at - 1, 0)]
        last = self._tokens[min(at + 1, len(self._tokens) - 1)]
        near = self._text[first.start : last.end].strip()
        raise self.refusal(f'Syntax error; token: "{self._tokens[at].text}", near: "{near}"')

    def refusal(self, detail: str) -> Invalid:
        """The error, named after the parameter."""
        return Invalid(f"Invalid {self._kind}: {detail}")

    def _operator_power(self) -> int:
        token = self.token
        if token.kind == "mark":
            if token.text in _COMPARATORS:
                return _COMPARE
            return _SUM if token.text in "+-" and self._kind == "UpdateExpression" else 0
        if token.kind != "name":
            return 0
        return {"AND": _AND, "OR": _OR, "BETWEEN": _COMPARE, "IN": _COMPARE}.get(token.text.upper(), 0)

    def _prefix(self, power: int) -> Node:
        if self.token.kind == "name" and self.token.text.upper() == "NOT" and power <= _NOT:
            self._count_operator()
            self.advance()
            start = self._at
            part = self.expression(_NOT)
            self._require_condition(part, start)
            return Not(part)
        return self._primary()

    def _primary(self) -> Node:
        token = self.token
        if token.kind == "value":
            return Value(self.advance().text)
        if token.text == "(":
            return self._parenthesised()
        if token.kind == "name" and self._tokens[self._at + 1].text == "(":
            return self._call()
        return self.path()

    def _parenthesised(self) -> Node:
        self.advance()
        inner = self.expression(_SUM if self._kind == "UpdateExpression" else _OR)
        self._expect(")")
        if isinstance(inner, Parenthesised):
            raise self.refusal("The expression has redundant parentheses;")
        return Parenthesised(inner)

    def _call(self) -> Node:
        function = self._name()
        self._expect("(")
        arguments = self.listed(self._operand)
        self._expect(")")
        return Call(str(function), tuple(arguments))

    def _operand(self) -> Node:
        start = self._at
        found = self.expression(_OPERAND)
        if isinstance(bare(found), (*Condition, Sum)):
            self.refuse_token(start)
        return found

    def _infix(self, left: Node, power: int) -> Node:
        at = self._at
        word = self.token.text.upper()
        if power in (_AND, _OR):
            return self._joined(left, word, power)
        if isinstance(bare(left), (*Condition, Sum)):
            self.refuse_token(at)  # neither `a = b = c` nor `a + b + c`
        self._count_operator()
        operator = self.advance().text
        if word == "BETWEEN":
            low = self._operand()
            if self.token.text.upper() != "AND":
                self.refuse_token()
            self.advance()
            return Between(left, low, self._operand())
        if word == "IN":
            return In(left, self._choices())
        if power == _SUM:
            return Sum(operator, left, self._operand())
        return Compare(operator, left, self._operand())

    def _joined(self, left: Node, word: str, power: int) -> Node:
        self._require_condition(left, self._at)
        parts = [left]
        while self.token.kind == "name" and self.token.text.upper() == word:
            self._count_operator()
            self.advance()
            start = self._at
            parts.append(self.expression(power + 1))
            self._require_condition(parts[-1], start)
        return Both(tuple(parts)) if power == _AND else Either(tuple(parts))

    def _choices(self) -> tuple[Node, ...]:
        self._expect("(")
        choices = tuple(self.listed(self._operand))
        self._expect(")")
        if len(choices) > CHOICES_MAX:
            raise self.refusal(
                "Incorrect number of operands for operator or function; operator or function: IN, "
                f"number of operands: {len(choices) + 1}"
            )
        return choices

    def _name(self) -> str:
        if self.token.kind not in ("name", "ref") or self.token.text.upper() in _WORDS:
            self.refuse_token()
        return self.advance().text

    def _expect(self, text: str) -> None:
        if self.token.text != text:
            self.refuse_token()
        self.advance()

    def _require_condition(self, node: Node, at: int) -> None:
        if not self.is_condition(node):
            self.refuse_token(at)

    def _count_operator(self) -> None:
        self._operators += 1
        if self._operators > OPERATORS_MAX:
            words = [token.text.upper() for token in self._tokens]
            total = sum(word in _COMPARATORS or word in _WORDS or word in "+-" for word in words) - words.count(
                "BETWEEN"
            )
            raise self.refusal(f"The expression contains too many operators; operator count: {total}")
