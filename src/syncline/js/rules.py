"""What APPSYNC_JS forbids of JavaScript, in the words of AWS's lint rules.

Owns: the table of constructs. Never: checks names; those are in `names`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tree_sitter import Node

from syncline.js.model import CodeError
from syncline.js.names import Names
from syncline.js.syntax import mistake, nodes, text, words

CONSTRUCTS = {
    "try_statement": "Try statements are not supported.",
    "throw_statement": "Throw statements are not supported. Use util.error().",
    "while_statement": "While statements are not supported.",
    "do_statement": "do...while statements are not supported.",
    "for_statement": "For statements are not supported.",
    "continue_statement": "Continue statements are not supported",
    "labeled_statement": "Labeled statements are not supported.",
    "with_statement": "With statements are not supported.",
    "debugger_statement": "Debugger statements are not supported.",
    "class_declaration": "Class declarations are not supported.",
    "class": "Class declarations are not supported.",
    "this": "This expressions are not supported.",
    "async": "Async functions are not supported.",
    "await_expression": "The `await` keyword is not supported",
    "generator_function": "Generator functions are not supported.",
    "generator_function_declaration": "Generator functions are not supported.",
    "yield_expression": "Yield statements are not supported",
    "regex": "Regex literals are not supported.",
}
OPERATORS = {
    "++": "The operator ++ is not supported",
    "--": "The operator -- is not supported",
    "~": "The operator ~ is not supported",
    "in": "in operator is not supported. Use Object.hasOwn().",
    "instanceof": "The operator instanceof is not supported",
}
OPERATIONS = ("update_expression", "unary_expression", "binary_expression")
METHODS = words(
    "copyWithin group groupToMap toLocaleString charCodeAt fromCharCode fromCodePoint localeCompare "
    "matchAll padEnd padStart repeat search toLocaleLowerCase toLocaleUpperCase apply bind call "
    "hasOwnProperty"
)
"""Methods that no value has."""

STATICS = {
    "Array": frozenset({"from", "of"}),
    "Object": words(
        "create defineProperty defineProperties freeze getOwnPropertyDescriptor getOwnPropertyDescriptors "
        "getOwnPropertyNames getOwnPropertySymbols getPrototypeOf is isExtensible isFrozen isSealed "
        "preventExtensions seal setPrototypeOf toString valueOf"
    ),
}
FUNCTIONS = ("arrow_function", "function_expression", "function_declaration")
HIDDEN = frozenset({"prototype", "__proto__", "constructor"})


def broken_rules(root: Node, names: Names) -> list[CodeError]:
    """Every use of what is forbidden, in the order of the text."""
    found: list[CodeError] = []
    for node in nodes(root):
        message = CONSTRUCTS.get(node.type) if node.is_named or node.type == "async" else None
        if message is not None:
            found.append(mistake("LINT_ERROR", node, message))
        check = CHECKS.get(node.type)
        if check is not None:
            found.extend(mistake("LINT_ERROR", place, words) for place, words in check(node, names))
    found.extend(mistake("LINT_ERROR", place, "Recursion is not supported.") for place in _recursions(names))
    return found


Found = Iterator[tuple[Node, str]]


def _operator(node: Node, names: Names) -> Found:
    operator = node.child_by_field_name("operator")
    if operator is not None and operator.type in OPERATORS:
        yield node, OPERATORS[operator.type]


def _call(node: Node, names: Names) -> Found:
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is not None and function.type == "import":
        yield node, "Dynamic imports are not supported."
    method = _method(function)
    if method is not None:
        name, owner = text(method), _owner(function)
        if name in METHODS or name in STATICS.get(owner, ()):
            yield method, f"Method {name} is not implemented"
        if name == "sort" and arguments is not None and arguments.named_child_count:
            yield arguments, "Method sort does not accept a comparator"
    for each in arguments.named_children if arguments is not None else ():
        if each.type == "identifier" and text(each) in names.functions:
            yield each, "passing a function as an argument is not allowed"


def _method(function: Node | None) -> Node | None:
    if function is None or function.type != "member_expression":
        return None
    return function.child_by_field_name("property")


def _owner(function: Node | None) -> str:
    owner = function.child_by_field_name("object") if function is not None else None
    return text(owner) if owner is not None and owner.type == "identifier" else ""


def _member(node: Node, names: Names) -> Found:
    member = node.child_by_field_name("property")
    if member is not None and text(member) in HIDDEN:
        yield member, f"Property {text(member)} is not supported"


def _return(node: Node, names: Names) -> Found:
    value = node.named_children[0] if node.named_child_count else None
    if value is not None and _is_function(value, names):
        yield value, "returning a function is not allowed"


def _arrow(node: Node, names: Names) -> Found:
    body = node.child_by_field_name("body")
    if body is not None and body.type != "statement_block" and _is_function(body, names):
        yield body, "returning a function is not allowed"


def _is_function(node: Node, names: Names) -> bool:
    return node.type in FUNCTIONS or (node.type == "identifier" and text(node) in names.functions)


def _assignment(node: Node, names: Names) -> Found:
    left = node.child_by_field_name("left")
    if left is None:
        return
    if left.type == "identifier" and text(left) in names.functions:
        yield left, "re-assigning function is not allowed"
    if left.type == "identifier" and text(left) in names.contexts:
        yield left, f"re-assigning {text(left)} is not allowed"
    if left.type == "member_expression" and _owner(left) in names.contexts:
        yield left, f"re-assigning {text(left)} is not allowed"


def _recursions(names: Names) -> Iterator[Node]:
    for name, node in names.functions.items():
        reached: set[str] = set()
        pending = list(names.calls(name))
        while pending:
            callee = pending.pop()
            if callee not in reached:
                reached.add(callee)
                pending.extend(names.calls(callee))
        if name in reached:
            yield node


CHECKS: dict[str, Callable[[Node, Names], Found]] = {
    "call_expression": _call,
    "member_expression": _member,
    "return_statement": _return,
    "arrow_function": _arrow,
    "assignment_expression": _assignment,
    "augmented_assignment_expression": _assignment,
    **dict.fromkeys(OPERATIONS, _operator),
}
