"""ES modules as the engine takes them: imports and exports rewritten, every line and most columns where they were.

Owns: which modules there are and what they export.
"""

from __future__ import annotations

from tree_sitter import Node

from syncline.js.model import MEMBERS, CodeError
from syncline.js.names import EXPORTS, Names, bound, plain_member
from syncline.js.syntax import nodes, text, typed

NAMES = {"@aws-appsync/utils": "utils", "@aws-appsync/utils/dynamodb": "dynamodb", "@aws-appsync/utils/rds": "rds"}
NEEDS = {"utils": (), "dynamodb": ("transform", "dynamodb"), "rds": ("rds",)}
OPENING = '(function(util,extensions,runtime,console,$module){return (function(){"use strict";\n'


class Rewriting:
    """The edits that make a module a function of its imports, and what was learnt on the way."""

    def __init__(self, code: str, root: Node, names: Names) -> None:
        self.errors: list[CodeError] = []
        # What `util.transform` and `util.rds` are made of is loaded for code that mentions them.
        self.libraries = {"rds", "transform"} & names.mentioned
        self.exports: dict[str, str] = {}
        self._code, self._names = code, names
        self._edits: list[tuple[int, int, str]] = []
        for node in root.named_children:
            if node.type == "import_statement":
                self._import(node)
            elif node.type == "export_statement":
                self._export(node)

    def script(self, handlers: frozenset[str]) -> str:
        """The module as one function expression that gives its handlers."""
        parts, at = [], 0
        for begin, end, new in self._edits:
            lost = self._code[begin:end]
            newlines = lost.count("\n")
            padding = "\n" * newlines if newlines else " " * (len(lost) - len(new))
            parts += [self._code[at:begin], new, padding]
            at = end
        parts.append(self._code[at:])
        returned = ",".join(f"{name}:{self.exports[name]}" for name in sorted(handlers))
        return f"{OPENING}{''.join(parts)}\n;return {{{returned}}};}})();}})"

    def _import(self, node: Node) -> None:
        source = node.child_by_field_name("source")
        name = text(source)[1:-1] if source is not None else ""
        if name not in NAMES:
            sentence = f"Cannot find module '{name}' or its corresponding type declarations."
            self.errors.append(typed(source or node, 2307, sentence))
            self._names.declared.update(text(each) for each in nodes(node) if each.type == "identifier")
            return
        self.libraries.update(NEEDS[NAMES[name]])
        clause = next((each for each in node.named_children if each.type == "import_clause"), None)
        written = [self._clause(each, name) for each in clause.named_children] if clause is not None else []
        self._edits.append((node.start_byte, node.end_byte, "".join(written)))

    def _clause(self, node: Node, module: str) -> str:
        given = f'$module("{NAMES[module]}")'
        if node.type == "namespace_import":
            name = text(node.named_children[0])
            self._names.declare([name])
            if module != "@aws-appsync/utils":
                self._names.namespaces[name] = module
            return f"const {name}={given};"
        if node.type != "named_imports":
            self.errors.append(typed(node, 1192, f"Module '\"{module}\"' has no default export."))
            self._names.declare([text(node)])
            return ""
        pairs = [self._specifier(each, module) for each in node.named_children if each.type == "import_specifier"]
        return f"const {{{','.join(pairs)}}}={given};"

    def _specifier(self, node: Node, module: str) -> str:
        name = node.child_by_field_name("name")
        assert name is not None, "a specifier has a name"
        alias = text(node.child_by_field_name("alias") or name)
        self._names.declare([alias])
        if text(name) not in EXPORTS[module]:
            sentence = f"Module '\"{module}\"' has no exported member '{text(name)}'."
            self.errors.append(typed(name, 2305, sentence))
        return f"{text(name)}:{alias}"

    def _export(self, node: Node) -> None:
        declaration = node.child_by_field_name("declaration")
        if declaration is not None and not any(each.type == "default" for each in node.children):
            self._edits.append((node.start_byte, declaration.start_byte, ""))
            for name in _declared(declaration):
                self.exports[name] = name
            return
        clause = next((each for each in node.named_children if each.type == "export_clause"), None)
        for each in clause.named_children if clause is not None else ():
            own = each.child_by_field_name("name")
            assert own is not None, "a specifier has a name"
            self.exports[text(each.child_by_field_name("alias") or own)] = text(own)
        if clause is None or node.child_by_field_name("source") is not None:
            self.errors.append(typed(node, 1192, "Only declarations and names of this module can be exported."))
        self._edits.append((node.start_byte, node.end_byte, ""))

    def plain(self) -> dict[str, str]:
        """The exported handlers that only return a member of their context, and which."""
        found = {name: self._names.handlers.get(self.exports.get(name, "")) for name in ("request", "response")}
        members = {name: plain_member(each) for name, each in found.items() if each is not None}
        return {name: member for name, member in members.items() if member in MEMBERS}

    def handlers(self) -> list[Node]:
        """The functions of the exported handlers, where they are functions by their syntax."""
        found = (self._names.handlers.get(self.exports.get(name, "")) for name in ("request", "response"))
        return [each for each in found if each is not None]


def _declared(declaration: Node) -> list[str]:
    name = declaration.child_by_field_name("name")
    if name is not None:
        return [text(name)]
    declarators = [each for each in declaration.named_children if each.type == "variable_declarator"]
    return [each for declarator in declarators for each in bound(declarator.child_by_field_name("name"))]
