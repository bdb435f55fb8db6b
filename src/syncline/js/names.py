"""The names in a piece of code: declared, used, of functions; and what of `ctx` it can see.

Scopes are not told apart: a name declared anywhere counts everywhere. That only ever allows more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from syncline.js.model import MEMBERS, CodeError
from syncline.js.syntax import mistake, nodes, text, typed, words

GLOBALS = words(
    "util extensions runtime console JSON Math Object Array String Number Boolean Date NaN Infinity "
    "undefined arguments parseInt parseFloat isNaN isFinite encodeURI encodeURIComponent decodeURI "
    "decodeURIComponent"
)
UTIL = words(
    "error appendError unauthorized escapeJavaScript urlEncode urlDecode base64Encode base64Decode "
    "autoId autoUlid autoKsuid matches authType time math str http xml dynamodb transform rds"
)
UTILS, DYNAMODB, RDS = "@aws-appsync/utils", "@aws-appsync/utils/dynamodb", "@aws-appsync/utils/rds"
EXPORTS = {
    UTILS: frozenset({"util", "extensions", "runtime"}),
    DYNAMODB: words(
        "get put update remove scan query sync batchGet batchPut batchDelete transactGet transactWrite "
        "operations toStringSet toNumberSet toBinarySet"
    ),
    RDS: words("select insert update remove sql typeHint toJsonObject createPgStatement createMySQLStatement"),
}
CHANCE = frozenset({"autoId", "autoUlid", "autoKsuid", "random", "randomDouble", "randomWithinRange"})
SELECTIONS = frozenset({"selectionSetList", "selectionSetGraphQL"})
FUNCTION_TYPES = ("arrow_function", "function_expression")
REFERENCES = ("identifier", "shorthand_property_identifier")
MENTIONS = (
    "property_identifier",
    "shorthand_property_identifier",
    "shorthand_property_identifier_pattern",
    "string_fragment",
)


class Names:
    """What names a tree declares and mentions."""

    def __init__(self, root: Node) -> None:
        self.declared: set[str] = set()
        self.functions: dict[str, Node] = {}
        self.namespaces: dict[str, str] = {}
        self.mentioned: set[str] = set()
        self.references: list[Node] = []
        self.contexts: set[str] = {"ctx", "context"}
        self._calls: dict[str, frozenset[str]] = {}
        self._twice: set[str] = set()
        for node in nodes(root):
            self._take(node)
        # Scopes are not told apart, so a name that is also something else is not taken for a function.
        self.handlers = dict(self.functions)
        for name in self._twice & self.functions.keys():
            del self.functions[name]

    def declare(self, names: Iterable[str]) -> None:
        """Take names for declared."""
        for name in names:
            if name in self.declared:
                self._twice.add(name)
            self.declared.add(name)

    def _take(self, node: Node) -> None:
        kind = node.type
        if kind in REFERENCES:
            self.references.append(node)
        if kind in MENTIONS:
            self.mentioned.add(text(node))
        elif kind == "variable_declarator":
            self._declarator(node)
        elif kind in ("function_declaration", "generator_function_declaration", "class_declaration"):
            name = node.child_by_field_name("name")
            if name is not None:
                self.declare([text(name)])
                self.functions[text(name)] = node
        else:
            self._binding(node)

    def _declarator(self, node: Node) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        self.declare(bound(name))
        if name is not None and value is not None and value.type in FUNCTION_TYPES and name.type == "identifier":
            self.functions[text(name)] = value

    def _binding(self, node: Node) -> None:
        kind = node.type
        if kind == "formal_parameters":
            for each in node.named_children:
                self.declare(bound(each))
        elif kind in ("function_expression", "class"):
            self.declare(bound(node.child_by_field_name("name")))
        elif kind == "arrow_function":
            self.declare(bound(node.child_by_field_name("parameter")))
        elif kind == "for_in_statement":
            self.declare(bound(node.child_by_field_name("left")))
        elif kind == "catch_clause":
            self.declare(bound(node.child_by_field_name("parameter")))

    def calls(self, name: str) -> frozenset[str]:
        """The functions that a function calls by name."""
        if name not in self._calls:
            self._calls[name] = frozenset(self._called(self.functions[name]))
        return self._calls[name]

    def _called(self, function: Node) -> Iterator[str]:
        for node in nodes(function):
            callee = node.child_by_field_name("function") if node.type == "call_expression" else None
            if callee is not None and callee.type == "identifier" and text(callee) in self.functions:
                yield text(callee)

    def undeclared(self) -> list[CodeError]:
        """Names that nothing declares, and members that the library does not have."""
        found: list[CodeError] = []
        known = self.declared | GLOBALS
        for node in self.references:
            name = text(node)
            if node.parent is not None and node.parent.type in ("import_specifier", "export_specifier"):
                continue
            if name == "Promise" and name not in known:
                found.append(mistake("LINT_ERROR", node, "Promise is not supported"))
            elif name not in known:
                found.append(typed(node, 2304, f"Cannot find name '{name}'."))
            else:
                found.extend(self._missing_member(node, name))
        return found

    def _missing_member(self, node: Node, name: str) -> Iterator[CodeError]:
        parent = node.parent
        if parent is None or parent.type != "member_expression" or parent.child_by_field_name("object") != node:
            return
        member = parent.child_by_field_name("property")
        if member is None or member.type != "property_identifier":
            return
        if name == "util" and text(member) not in UTIL:
            yield typed(member, 2339, f"Property '{text(member)}' does not exist on type 'Util'.")
        module = self.namespaces.get(name)
        if module is not None and text(member) not in EXPORTS[module]:
            sentence = f"Property '{text(member)}' does not exist on type 'typeof import(\"{module}\")'."
            yield typed(member, 2339, sentence)

    def members(self, handlers: list[Node]) -> frozenset[str]:
        """The members of `ctx` that these functions can see; all of them when `ctx` goes where it is not followed."""
        mentioned = self.mentioned | ({"arguments"} if "args" in self.mentioned else set())
        seen = frozenset(MEMBERS) & mentioned
        parameters = [_first_parameter(each) for each in handlers]
        names = {text(each) for each in parameters if each is not None and each.type == "identifier"} | {"arguments"}
        patterns = [each for each in parameters if each is not None and each.type != "identifier"]
        if any(not _followed_pattern(each) for each in patterns):
            return frozenset(MEMBERS)
        if any(text(each) in names and not _followed(each) for each in self.references):
            return frozenset(MEMBERS)
        return seen


def bound(node: Node | None) -> Iterator[str]:
    """The names that a pattern binds."""
    if node is None:
        return
    if node.type in ("identifier", "shorthand_property_identifier_pattern"):
        yield text(node)
    elif node.type == "pair_pattern":
        yield from bound(node.child_by_field_name("value"))
    elif node.type in ("assignment_pattern", "object_assignment_pattern"):
        yield from bound(node.child_by_field_name("left"))
    elif node.type in ("object_pattern", "array_pattern", "rest_pattern"):
        for each in node.named_children:
            yield from bound(each)


def plain_member(function: Node) -> str:
    """The member of its parameter that a function returns when it does nothing else; otherwise empty."""
    parameter, body = _first_parameter(function), function.child_by_field_name("body")
    if body is not None and body.type == "statement_block" and body.named_child_count == 1:
        statement = body.named_children[0]
        only = statement.type == "return_statement" and statement.named_child_count == 1
        body = statement.named_children[0] if only else None
    if body is None or body.type != "member_expression" or parameter is None or parameter.type != "identifier":
        return ""
    owner, member = body.child_by_field_name("object"), body.child_by_field_name("property")
    if owner is None or member is None or owner.type != "identifier" or text(owner) != text(parameter):
        return ""
    return text(member) if not any(each.type == "async" for each in function.children) else ""


def _first_parameter(function: Node) -> Node | None:
    single = function.child_by_field_name("parameter")
    if single is not None:
        return single
    parameters = function.child_by_field_name("parameters")
    return parameters.named_children[0] if parameters is not None and parameters.named_child_count else None


def _followed_pattern(pattern: Node) -> bool:
    """Whether a pattern names each member that it takes."""
    if pattern.type != "object_pattern":
        return False
    return all(each.type != "rest_pattern" and _plain_key(each) for each in pattern.named_children)


def _plain_key(node: Node) -> bool:
    key = node.child_by_field_name("key")
    return key is None or key.type != "computed_property_name"


def _followed(node: Node) -> bool:
    """Whether only members with names are taken of `ctx` here."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "member_expression":
        return True
    if parent.type == "subscript_expression":
        index = parent.child_by_field_name("index")
        return index is not None and index.type == "string"
    if parent.type == "formal_parameters" or parent.child_by_field_name("parameter") == node:
        return True
    if parent.type == "variable_declarator" and parent.child_by_field_name("value") == node:
        name = parent.child_by_field_name("name")
        return name is not None and _followed_pattern(name)
    return False
