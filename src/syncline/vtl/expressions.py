"""References and expressions: the second half of the grammar, what stands after a `$` or inside a directive.

Owns: operators and their precedence, literals, chains of properties, methods and indexes.
Never: decides what text does between them (that is `parser`).
"""

from __future__ import annotations

import re

from syncline.vtl.nodes import (
    Binary,
    Call,
    Expression,
    Item,
    ListLiteral,
    Literal,
    MapLiteral,
    Not,
    Null,
    Property,
    Range,
    Reference,
    Step,
)
from syncline.vtl.scanner import Scanner

DOLLAR = re.compile(r"\$(!?)(\{?)([A-Za-z][A-Za-z0-9_-]*)")
MEMBER = re.compile(r"\.([A-Za-z][A-Za-z0-9_-]*)")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
NUMBER = re.compile(r"-?(?:\d+\.(?!\.)\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+)")
QUOTED = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"", re.DOTALL)

# From loosest to tightest, as Velocity's grammar nests them.
LEVELS: tuple[dict[str, str], ...] = (
    {"||": "or", "or": "or"},
    {"&&": "and", "and": "and"},
    {"==": "eq", "!=": "ne", "eq": "eq", "ne": "ne"},
    {"<=": "le", ">=": "ge", "<": "lt", ">": "gt", "le": "le", "ge": "ge", "lt": "lt", "gt": "gt"},
    {"+": "add", "-": "sub"},
    {"*": "mul", "/": "div", "%": "mod"},
)
NEGATIVE = re.compile(r"-\d")
DEPTH_MAX = 100
"""How deep expressions and blocks may nest: far above any template in the wild, far below Python's own limit."""


class ExpressionParser(Scanner):
    """Reads one reference or expression at the cursor."""

    depth = 0

    def expression(self, level: int = 0) -> Expression:
        """An expression; the cursor stands behind it and the blanks that follow."""
        if level == len(LEVELS):
            return self._unary()
        left = self.expression(level + 1)
        while (operator := self._operator(level)) is not None:
            left = Binary(operator, left, self.expression(level + 1))
        return left

    def _operator(self, level: int) -> str | None:
        self.blanks()
        if self.peek(NEGATIVE):
            raise self.refusal("<RPAREN>", "-", "+", "*", "/", "%")
        for symbol, name in LEVELS[level].items():
            if symbol[0].isalpha():
                word = self.peek(WORD)
                if word is None or word[0] != symbol:
                    continue
            elif not self.looking_at(symbol):
                continue
            self.at += len(symbol)
            return name
        return None

    def _unary(self) -> Expression:
        self.blanks()
        word = self.peek(WORD)
        if (self.looking_at("!") and not self.looking_at("!=")) or (word and word[0] == "not"):
            self.at += 3 if word else 1
            return Not(self._nested(self._unary))
        if self.accept("("):
            inner = self._nested(self.expression)
            self.blanks()
            self.expect(")")
            return inner
        found = self.operand()
        if found is None:
            raise self.refusal("[", "{", "(", "<STRING_LITERAL>", "true", "false", "<INTEGER_LITERAL>", "<IDENTIFIER>")
        return found

    def _nested(self, read: object) -> Expression:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.refusal("less nesting")
        inner: Expression = read()  # type: ignore[operator]
        self.depth -= 1
        return inner

    def operand(self) -> Expression | None:
        """A literal or a reference, the only things that may be arguments and elements; None when neither comes."""
        self.blanks()
        if self.looking_at("$"):
            return self.reference()
        if self.looking_at("["):
            return self._nested(self._list_or_range)
        if self.looking_at("{"):
            return self._nested(self._map)
        if self.looking_at('"') or self.looking_at("'"):
            return self._string()
        number = self.match(NUMBER)
        if number is not None:
            text = number[0]
            return Literal(int(text) if text.lstrip("-").isdigit() else float(text))
        word = self.peek(WORD)
        if word is not None and word[0] in ("true", "false"):
            self.at = word.end()
            return Literal(word[0] == "true")
        return None

    def _string(self) -> Expression:
        start = self.at
        found = self.match(QUOTED)
        if found is None:
            raise self.refusal("<STRING_LITERAL>")
        if found[1] is not None:
            return Literal(found[1].replace("''", "'"))
        return self.interpolated(found[2], start + 1)

    def interpolated(self, inside: str, offset: int) -> Expression:
        """A "…" string as an expression; `parser` knows how, since directives may stand in it."""
        raise NotImplementedError

    def _list_or_range(self) -> Expression:
        place = self.place()
        self.expect("[")
        self.blanks()
        if self.accept("]"):
            return ListLiteral(())
        elements = [self._element()]
        self.blanks()
        if self.accept(".."):
            last = self._element()
            self.blanks()
            self.expect("]")
            return Range(elements[0], last, place)
        while self.accept(","):
            elements.append(self._element())
            self.blanks()
        self.expect("]")
        return ListLiteral(tuple(elements))

    def _element(self) -> Expression:
        found = self.operand()
        if found is None:
            raise self.refusal("[", "{", "<STRING_LITERAL>", "true", "false", "<INTEGER_LITERAL>", "<IDENTIFIER>")
        return found

    def _map(self) -> Expression:
        self.expect("{")
        self.blanks()
        if self.accept("}"):
            return MapLiteral(())
        entries = [self._entry()]
        while self.accept(","):
            entries.append(self._entry())
        self.expect("}")
        return MapLiteral(tuple(entries))

    def _entry(self) -> tuple[Expression, Expression]:
        key = self.operand()
        if key is None:
            # AWS's own samples write bare keys; Velocity 1.7 refuses them (VTL-1).
            word = self.match(WORD)
            if word is None:
                raise self.refusal("<STRING_LITERAL>", "<IDENTIFIER>")
            key = Literal(word[0])
        self.blanks()
        self.expect(":")
        value = self._element()
        self.blanks()
        return key, value

    def reference(self) -> Reference:
        """A reference; the cursor stands on its `$`, and one is there."""
        start = self.at
        found = self.match(DOLLAR)
        if found is None:
            self.at += 1
            raise self.refusal("<IDENTIFIER>", "{")
        steps: list[Step] = []
        while (step := self._step()) is not None:
            steps.append(step)
        if found[2]:
            self.expect("}")
        source = self.text[start : self.at]
        return Reference(found[3], tuple(steps), source, bool(found[1]), self.place(start))

    def _step(self) -> Step | None:
        place = self.place()
        member = self.match(MEMBER)
        if member is not None:
            if not self.looking_at("("):
                return Property(member[1], place)
            return Call(member[1], self._nested_arguments(), place)
        if not self.accept("["):
            return None
        index = self._element()
        self.blanks()
        self.expect("]")
        return Item(index, place)

    def _nested_arguments(self) -> tuple[Expression, ...]:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.refusal("less nesting")
        found = self.arguments()
        self.depth -= 1
        return found

    def arguments(self) -> tuple[Expression, ...]:
        """`(a, b)`: literals, references and bare words, which are null."""
        self.expect("(")
        self.blanks()
        if self.accept(")"):
            return ()
        found = [self._argument()]
        self.blanks()
        while self.accept(","):
            found.append(self._argument())
            self.blanks()
        if not self.accept(")"):
            raise self.refusal(",", ")")
        return tuple(found)

    def _argument(self) -> Expression:
        found = self.operand()
        if found is not None:
            return found
        if self.match(WORD) is None:
            raise self.refusal("[", "{", "<STRING_LITERAL>", "<INTEGER_LITERAL>", "<IDENTIFIER>")
        return Null()
