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
METHODS = {
    **{name: f"Array.{name}" for name in words("copyWithin group groupToMap toLocaleString")},
    **{
        name: f"String.{name}"
        for name in words(
            "charCodeAt fromCharCode fromCodePoint localeCompare matchAll padEnd padStart repeat search "
            "toLocaleLowerCase toLocaleUpperCase"
        )
    },
    **{
        name: f"Date.{name}"
        for name in words(
            "setDate setFullYear setHours setMilliseconds setMinutes setMonth setSeconds setTime setUTCDate "
            "setUTCFullYear setUTCHours setUTCMilliseconds setUTCMinutes setUTCMonth setUTCSeconds setYear toGMTString "
            "toLocaleDateString toLocaleTimeString"
        )
    },
    **{name: name for name in words("apply bind call")},
    "hasOwnProperty": "ObjectConstructor.hasOwnProperty",
}
"""Methods that no value has, as AWS's lint names them; the types of values are not known here."""

STATICS = {
    "Array": {name: f"Array.{name}" for name in words("from of")},
    "Object": {
        name: f"ObjectConstructor.{name}"
        for name in words(
            "create defineProperty defineProperties freeze getOwnPropertyDescriptor getOwnPropertyDescriptors "
            "getOwnPropertyNames getOwnPropertySymbols getPrototypeOf is isExtensible isFrozen isSealed "
            "preventExtensions seal setPrototypeOf toString valueOf"
        )
    },
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
    found.extend(mistake("LINT_ERROR", place, words) for place, words in _recursions(names))
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
        missing = METHODS.get(name) or STATICS.get(owner, {}).get(name)
        if missing is not None:
            yield method, f"Method {missing} is not implemented"
        if name == "sort" and arguments is not None and arguments.named_child_count:
            yield arguments, "Method sort does not accept a comparator"
    for each in arguments.named_children if arguments is not None else ():
        if each.type == "identifier" and text(each) in names.functions:
            yield each, "Functions can not be passed as an argument"


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
        yield left, f"{text(left)} is readonly and re-assignment is not supported."
    member = left.child_by_field_name("property")
    if left.type == "member_expression" and member is not None and _owner(left) in names.contexts:
        yield left, f"{_owner(left)} is readonly. Adding/Updating {text(member)} is not supported."


def _recursions(names: Names) -> Found:
    """Functions that call themselves, and the shortest way on which they do."""
    for name, node in names.functions.items():
        ways = {callee: [name, callee] for callee in sorted(names.calls(name))}
        pending = list(ways)
        while pending and name not in ways:
            last = pending.pop(0)
            for callee in sorted(names.calls(last) - ways.keys()):
                ways[callee] = [*ways[last], callee]
                pending.append(callee)
        if name in ways:
            way = " <-".join(ways[name])
            yield node, f"Recursive function calls not supported. Detected cycle in {way}"


CHECKS: dict[str, Callable[[Node, Names], Found]] = {
    "call_expression": _call,
    "member_expression": _member,
    "return_statement": _return,
    "arrow_function": _arrow,
    "assignment_expression": _assignment,
    "augmented_assignment_expression": _assignment,
    **dict.fromkeys(OPERATIONS, _operator),
}
