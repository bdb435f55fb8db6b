"""From code as it was sent to a module that can be run, or every reason why not."""

from __future__ import annotations

from syncline.js.model import MEMBERS, CodeError, CodeRefused, Module
from syncline.js.modules import Rewriting
from syncline.js.names import CHANCE, SELECTIONS, Names
from syncline.js.positions import calls
from syncline.js.rules import broken_rules
from syncline.js.source_map import inline_map
from syncline.js.syntax import parse, syntax_errors

HANDLERS = ("request", "response")
CODE_CHARACTERS_MAX = 32_768
"""AppSync's bound."""


def read(
    code: str,
    *,
    relaxed: bool = False,
    required: tuple[str, ...] = HANDLERS,
    functions: tuple[str, ...] = (),
    objects: tuple[str, ...] = (),
) -> Module:
    """The module. `relaxed` leaves out the rules that APPSYNC_JS has beyond JavaScript's own grammar.

    `required`: handlers that it has to export. `functions`: exports that are handlers, too, if they are there;
    `objects`: exports that hold two, which are then called `name_request` and `name_response`. Raises CodeRefused.
    """
    root = parse(code)
    errors = syntax_errors(root)
    if errors:
        raise CodeRefused(errors)
    names = Names(root)
    rewriting = Rewriting(code, root, names)
    errors = list(rewriting.errors)
    if not relaxed:
        errors += _size(code) + broken_rules(root, names) + names.undeclared()
    for name in required:
        if name not in rewriting.exports:
            sentence = f"The function '{name}' is not exported."
            errors.append(CodeError("PARSE_ERROR", f"code.js(1,1): error: {sentence}\n", 1, 1))
    if errors:
        raise CodeRefused(sorted(errors, key=lambda each: (each.line, each.column)))
    for name in (each for each in objects if each in rewriting.exports):
        rewriting.exports |= {f"{name}_{part}": f"{rewriting.exports[name]}.{part}" for part in HANDLERS}
    named = (*HANDLERS, *functions, *(f"{name}_{part}" for name in objects for part in HANDLERS))
    handlers = frozenset(named) & rewriting.exports.keys()
    known = rewriting.handlers()
    return Module(
        rewriting.script(handlers),
        handlers,
        tuple(sorted(rewriting.libraries)),
        # A handler that is not a function by its syntax may hand its context anywhere.
        names.members(known) if len(known) == len(handlers) else frozenset(MEMBERS),
        bool(SELECTIONS & names.mentioned),
        bool(CHANCE & names.mentioned),
        "authType" in names.mentioned,
        rewriting.plain(),
        calls(root),
        inline_map(code),
    )


def _size(code: str) -> list[CodeError]:
    if len(code) <= CODE_CHARACTERS_MAX:
        return []
    sentence = f"The code has {len(code)} characters; the limit is {CODE_CHARACTERS_MAX}."
    return [CodeError("PARSE_ERROR", f"code.js(1,1): error: {sentence}\n", 1, 1)]
