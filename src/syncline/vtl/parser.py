"""From a template's text to its tree: text, references, directives, comments, escapes, and which blanks vanish.

Owns: the first half of the grammar (`expressions` has the other). The rules are Velocity 1.7's, tried against it.
"""

from __future__ import annotations

import re

from syncline.vtl.expressions import DEPTH_MAX, DOLLAR, WORD, ExpressionParser
from syncline.vtl.nodes import (
    Break,
    Define,
    Expression,
    Foreach,
    If,
    Interpolated,
    Literal,
    Macro,
    MacroCall,
    Node,
    ReturnHere,
    Set,
    StopHere,
    Text,
)

PLAIN = re.compile(r"[^$#\\]+")
BACKSLASHES = re.compile(r"\\+")
DIRECTIVE = re.compile(r"#(?:([A-Za-z][A-Za-z0-9_]*)|\{([A-Za-z][A-Za-z0-9_]*)\})")
BLANKS_BEFORE_SET = re.compile(r"[ \t]+(?=#(?:set|\{set\})[ \t]*\()")
LINE_REST = re.compile(r"[ \t]*(?:\r\n|\r|\n)")
LINE_COMMENT = re.compile(r"##[^\r\n]*(?:\r\n|\r|\n)?")
BLOCK_COMMENT = re.compile(r"#\*.*?(?:\*#|\Z)", re.DOTALL)
VERBATIM = re.compile(r"#\[\[(.*?)\]\]#", re.DOTALL)
LONELY_QUIET = re.compile(r"\$!(?=\s)")
SPACES = re.compile(r"[ \t]*")

BLOCKS = frozenset({"if", "foreach", "macro", "define"})
ENDS = frozenset({"end", "else", "elseif"})
REFUSED = frozenset({"include", "parse", "evaluate"})
KNOWN = BLOCKS | ENDS | REFUSED | {"set", "break", "stop", "return", "literal"}


def parse(text: str, name: str) -> tuple[Node, ...]:
    """The tree of a template. Raises ParseError with the place."""
    return Parser(text, name).template()


class Parser(ExpressionParser):
    """One pass over one template. Macros must be defined before (in the text) they are called."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text, name)
        self.macros: dict[str, int] = {}
        self._loops = 0

    def template(self) -> tuple[Node, ...]:
        body = self.block(frozenset())
        if self.at < self.end:
            raise self.refusal("<EOF>", "<TEXT>")
        return body

    def block(self, closers: frozenset[str]) -> tuple[Node, ...]:
        """Nodes up to a closing directive, on which the cursor then stands, or to the end."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.refusal("less nesting")
        nodes: list[Node] = []
        self.match(BLANKS_BEFORE_SET)
        while self.at < self.end:
            if self._at_closer():
                break
            node = self._node()
            self.match(BLANKS_BEFORE_SET)
            if node is None:
                continue
            if isinstance(node, Text) and nodes and isinstance(nodes[-1], Text):
                nodes[-1] = Text(nodes[-1].text + node.text)
            else:
                nodes.append(node)
        self.depth -= 1
        return tuple(nodes)

    def _at_closer(self) -> bool:
        found = self.peek(DIRECTIVE)
        return found is not None and (found[1] or found[2]) in ENDS

    def _node(self) -> Node | None:
        plain = self.match(PLAIN)
        if plain is not None:
            return Text(plain[0])
        if self.looking_at("$"):
            return self._dollar(0)
        if self.looking_at("\\"):
            return self._escape()
        return self._hash()

    def _dollar(self, backslashes: int) -> Node:
        if self.peek(DOLLAR) is None:
            # Velocity does this: a `$!` before a blank loses its `!`.
            self.at += 2 if self.peek(LONELY_QUIET) else 1
            return Text("$")
        found = self.reference()
        if not backslashes:
            return found
        return type(found)(found.name, found.steps, found.source, found.quiet, found.place, backslashes)

    def _escape(self) -> Node:
        found = self.match(BACKSLASHES)
        assert found is not None
        count = len(found[0])
        if self.peek(DOLLAR):
            return self._dollar(count)
        directive = self.peek(DIRECTIVE)
        if directive is None or (directive[1] or directive[2]) not in KNOWN:
            return Text(found[0])
        if count % 2:
            self.at = directive.end()
            return Text("\\" * (count // 2) + directive[0])
        # Velocity does this too: backslashes in pairs are halved before every directive but #set.
        return Text("\\" * (count if (directive[1] or directive[2]) == "set" else count // 2))

    def _hash(self) -> Node | None:
        if self.match(LINE_COMMENT) or self.match(BLOCK_COMMENT):
            return None
        verbatim = self.match(VERBATIM)
        if verbatim is not None:
            return Text(verbatim[1])
        found = self.peek(DIRECTIVE)
        if found is None:
            self.at += 1
            return Text("#")
        return self._directive(found[1] or found[2], found)

    def _directive(self, name: str, found: re.Match[str]) -> Node:
        if name in REFUSED:
            raise self.refusal("another directive: this one cannot be used in a mapping template")
        start = self.at
        self.at = found.end()
        reader = _READERS.get(name)
        if reader is not None:
            return reader(self, start)
        if name not in self.macros:
            self.at = found.end()
            return Text(found[0])
        return self._macro_call(name, start)

    def _open(self) -> None:
        self.match(SPACES)
        self.expect("(")
        self.blanks()

    def _close(self) -> None:
        self.blanks()
        self.expect(")")
        self.match(LINE_REST)

    def _end(self, start: int) -> None:
        found = self.match(DIRECTIVE)
        if found is None or (found[1] or found[2]) != "end":
            if found is not None:
                self.at = found.start()
            raise self.refusal("<TEXT>", "#end")
        self.match(LINE_REST)

    def _set(self, start: int) -> Node:
        self._open()
        if not self.looking_at("$"):
            raise self.refusal("<IDENTIFIER>", "{")
        target = self.reference()
        if target.steps and not hasattr(target.steps[-1], "index") and hasattr(target.steps[-1], "arguments"):
            raise self.refusal("[", "=")
        self.blanks()
        if self.looking_at("==") or not self.accept("="):
            raise self.refusal("[", "=")
        value = self.expression()
        self._close()
        return Set(target, value)

    def _if(self, start: int) -> Node:
        branches: list[tuple[Expression, tuple[Node, ...]]] = []
        otherwise: tuple[Node, ...] = ()
        while True:
            self._open()
            condition = self.expression()
            self._close()
            branches.append((condition, self.block(ENDS)))
            found = self.peek(DIRECTIVE)
            if found is None or (found[1] or found[2]) != "elseif":
                break
            self.at = found.end()
        if found is not None and (found[1] or found[2]) == "else":
            self.at = found.end()
            self.match(LINE_REST)
            otherwise = self.block(ENDS)
        self._end(start)
        return If(tuple(branches), otherwise)

    def _foreach(self, start: int) -> Node:
        place = self.place(start)
        self._open()
        if not self.looking_at("$"):
            raise self.refusal("<IDENTIFIER>")
        variable = self.reference()
        self.blanks()
        word = self.match(WORD)
        if variable.steps or word is None or word[0] != "in":
            raise self.refusal("in")
        source = self._element()
        self._close()
        self._loops += 1
        body = self.block(ENDS)
        self._loops -= 1
        self._end(start)
        return Foreach(variable.name, source, body, place)

    def _break(self, start: int) -> Node:
        self._empty_parentheses()
        return Break() if self._loops else StopHere()

    def _stop(self, start: int) -> Node:
        self._empty_parentheses()
        return StopHere()

    def _empty_parentheses(self) -> None:
        self.match(re.compile(r"[ \t]*\([ \t]*\)"))

    def _return(self, start: int) -> Node:
        if self.peek(re.compile(r"[ \t]*\(")) is None:
            return ReturnHere(None)
        self._open()
        value = None if self.looking_at(")") else self.expression()
        self._close()
        return ReturnHere(value)

    def _literal(self, start: int) -> Node:
        self._open()
        self._close()
        finish = self.text.find("#end", self.at, self.end)
        if finish < 0:
            self.at = self.end
            raise self.refusal("#end")
        inside = self.text[self.at : finish]
        self.at = finish
        self._end(start)
        return Text(inside)

    def _define(self, start: int) -> Node:
        self._open()
        variable = self.reference()
        self._close()
        loops, self._loops = self._loops, 0
        body = self.block(ENDS)
        self._loops = loops
        self._end(start)
        return Define(variable.name, body)

    def _macro(self, start: int) -> Node:
        self._open()
        word = self.match(WORD)
        if word is None:
            raise self.refusal("<WORD>")
        parameters: list[str] = []
        self.blanks()
        while self.looking_at("$"):
            parameters.append(self.reference().name)
            self.blanks()
            self.accept(",")
            self.blanks()
        self._close()
        self.macros[word[0]] = len(parameters)
        loops, self._loops = self._loops, 0
        body = self.block(ENDS)
        self._loops = loops
        self._end(start)
        return Macro(word[0], tuple(parameters), body)

    def _macro_call(self, name: str, start: int) -> Node:
        place = self.place(start)
        found: list[Expression] = []
        if self.looking_at("("):
            self._open()
            while not self.looking_at(")"):
                found.append(self._element())
                self.blanks()
                self.accept(",")
                self.blanks()
            self._close()
        return MacroCall(name, tuple(found), self.text[start : self.at], place)

    def interpolated(self, inside: str, offset: int) -> Expression:
        """A "…" string: its inside is a template of its own, read in place so that errors name its place."""
        if '""' in inside:
            inner = Parser(inside.replace('""', '"'), self.name)
            inner.macros = self.macros
        elif "$" not in inside and "#" not in inside and "\\" not in inside:
            return Literal(inside)
        else:
            inner = Parser(self.text, self.name)
            inner.macros, inner.at, inner.end = self.macros, offset, offset + len(inside)
        inner.depth = self.depth
        body = inner.template()
        if all(isinstance(node, Text) for node in body):
            return Literal("".join(node.text for node in body if isinstance(node, Text)))
        return Interpolated(body)


_READERS = {
    "set": Parser._set,
    "if": Parser._if,
    "foreach": Parser._foreach,
    "break": Parser._break,
    "stop": Parser._stop,
    "return": Parser._return,
    "literal": Parser._literal,
    "define": Parser._define,
    "macro": Parser._macro,
}
