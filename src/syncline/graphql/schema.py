"""A schema document (SDL or introspection JSON) to a schema that can serve, or every reason why not.

For: `apis` at schema creation, and at start. Owns: the directives and scalars that AppSync declares implicitly.
Never: knows of resolvers; keeps the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    ListValueNode,
    NamedTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ScalarTypeDefinitionNode,
    StringValueNode,
    TypeDefinitionNode,
    Visitor,
    build_ast_schema,
    build_client_schema,
    get_named_type,
    parse,
    print_schema,
    validate_schema,
    visit,
)
from graphql.language import ast
from graphql.validation.validate import validate_sdl

from syncline.core import json
from syncline.graphql import scalars

DIRECTIVES = parse("""
directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION
directive @aws_publish(subscriptions: [String]) on FIELD_DEFINITION
directive @aws_auth(cognito_groups: [String!]!) on OBJECT | FIELD_DEFINITION
directive @aws_api_key on OBJECT | FIELD_DEFINITION | INTERFACE
directive @aws_iam on OBJECT | FIELD_DEFINITION | INTERFACE
directive @aws_oidc on OBJECT | FIELD_DEFINITION | INTERFACE
directive @aws_lambda on OBJECT | FIELD_DEFINITION | INTERFACE
directive @aws_cognito_user_pools(cognito_groups: [String!]) on OBJECT | FIELD_DEFINITION | INTERFACE
directive @canonical on OBJECT | FIELD_DEFINITION | INTERFACE | INPUT_OBJECT | UNION | ENUM | SCALAR
directive @hidden on OBJECT | FIELD_DEFINITION | INTERFACE | INPUT_OBJECT | UNION | ENUM | SCALAR
directive @renamed(to: String!) on OBJECT | FIELD_DEFINITION | INTERFACE | INPUT_OBJECT | UNION | ENUM | SCALAR
""")
DIRECTIVE_NAMES = frozenset(cast(ast.DirectiveDefinitionNode, node).name.value for node in DIRECTIVES.definitions)

MODE_DIRECTIVES = {
    "aws_api_key": "API_KEY",
    "aws_iam": "AWS_IAM",
    "aws_oidc": "OPENID_CONNECT",
    "aws_lambda": "AWS_LAMBDA",
    "aws_cognito_user_pools": "AMAZON_COGNITO_USER_POOLS",
    "aws_auth": "AMAZON_COGNITO_USER_POOLS",
}
"""Which directive opens a type or field to which mode."""

UNPARSABLE = "Failed to parse schema document - ensure it's a valid SDL-formatted document."

SYNTAX_ERRORS_MAX = 20
"""Places of one document that are told; its author mends these first."""
DEFINITION = re.compile(r"^(?:extend\s+)?(?:type|interface|union|enum|input|scalar|schema|directive)\b", re.MULTILINE)
BLANKED = re.compile(r"[^\n\r]")


class SchemaRefused(ValueError):
    """A schema document that cannot serve. Its text is what GetSchemaCreationStatus shows as `details`."""

    def __init__(self, problems: list[str]) -> None:
        count = f"Found {len(problems)} problem(s) with the schema:"
        super().__init__("\n".join([count, *problems]))


class Access(msgspec.Struct, frozen=True):
    """Which modes may see a field, and for user pools which groups; None: the API's default mode only."""

    modes: dict[str, tuple[str, ...]] | None = None

    def admits(self, grants: Any, default: str) -> bool:
        """Whether a caller with these `grants` (mode, groups, perhaps a FieldRule) may see the field."""
        mode, *held = grants
        if self.modes is None:
            return bool(mode == default)
        if mode not in self.modes:
            return False
        wanted = self.modes[mode]
        return not wanted or any(group in held for group in wanted)


def admitted(grants: Any, access: Access | None, default: str, *, parent: str, name: str) -> bool:
    """Whether a caller with these `grants` may see a field: by its directives, and by the caller's own rule."""
    opened = access.admits(grants, default) if access is not None else grants[0] == default
    rule = grants[-1]
    return opened and (isinstance(rule, str) or rule.admits_field(parent, name))


class Schema(msgspec.Struct):
    """A schema that can serve: graphql-core's, and what AppSync's directives say.

    `access` is by (type, field); `topics` says for a mutation field which subscription fields hear of it.
    """

    core: GraphQLSchema
    text: str
    access: dict[tuple[str, str], Access]
    subscriptions: dict[str, tuple[str, ...]]
    topics: dict[str, tuple[str, ...]]

    @property
    def groups(self) -> frozenset[str]:
        """The groups that directives name."""
        lists = (names for access in self.access.values() for names in (access.modes or {}).values())
        return frozenset(name for names in lists for name in names)

    def field(self, type_name: str, field_name: str) -> GraphQLField | None:
        """The field's definition, or None."""
        found = self.core.type_map.get(type_name)
        return found.fields.get(field_name) if isinstance(found, GraphQLObjectType) else None


def build(text: str) -> Schema:
    """The schema that `text` (SDL or introspection JSON) describes. Raises SchemaRefused with every problem found."""
    document = parse_document(text)
    problems = list(_own_rules(document))
    declared = _with_implicit_declarations(document)
    problems += [_located(error) for error in validate_sdl(declared)]
    if problems:
        raise SchemaRefused(problems)
    core = build_ast_schema(declared, assume_valid_sdl=True)
    for named in core.type_map.values():
        if isinstance(named, GraphQLScalarType) and named.name in scalars.NAMES:
            scalars.equip(named)
    if core.query_type is None:
        raise SchemaRefused(["There is no top level schema object defined."])
    problems = [_located(error) for error in validate_schema(core)] or list(_subscription_problems(core))
    if problems:
        raise SchemaRefused(problems)
    subscriptions = {name: _mutations_of(field) for name, field in _fields(core.subscription_type)}
    return Schema(core, text, dict(_accesses(core)), subscriptions, _topics(subscriptions))


def parse_document(text: str) -> DocumentNode:
    """The document's syntax tree, whichever of the two forms it has. Raises SchemaRefused."""
    if text.lstrip().startswith("{"):
        text = _sdl_of_introspection(text)
    try:
        return parse(text)
    except RecursionError:
        raise SchemaRefused([UNPARSABLE, "It is nested too deep."]) from None
    except GraphQLError as mistake:
        raise SchemaRefused([UNPARSABLE, *_syntax_errors(text, mistake)]) from None


def _syntax_errors(text: str, first: GraphQLError) -> list[str]:
    """The places where the document does not parse: after each, reading goes on at the next definition."""
    mistake, found = first, [_located(first)]
    while len(found) < SYNTAX_ERRORS_MAX and mistake.positions:
        following = DEFINITION.search(text, next(iter(mistake.positions)) + 1)
        if following is None:
            break
        # What was read is blanked, so that lines and columns stay true.
        text = BLANKED.sub(" ", text[: following.start()]) + text[following.start() :]
        try:
            parse(text)
        except GraphQLError as another:
            mistake = another
            found.append(_located(another))
        else:
            break
    return found


def _sdl_of_introspection(text: str) -> str:
    try:
        found = json.decode(text)
        found = found.get("data", found)
        return print_schema(build_client_schema(found))
    except (json.NotJson, GraphQLError, TypeError, AttributeError, KeyError) as mistake:
        raise SchemaRefused([f"Failed to parse the introspection document: {mistake}"]) from None


def _with_implicit_declarations(document: DocumentNode) -> DocumentNode:
    """The document with AppSync's directives, and with those AWS scalars that it names."""
    named = _Names()
    visit(document, named)
    wanted = " ".join(f"scalar {name}" for name in sorted(scalars.NAMES & named.found))
    kept = [node for node in document.definitions if not _declares_appsync(node)]
    added = parse(wanted).definitions if wanted else ()
    return DocumentNode(definitions=(*kept, *DIRECTIVES.definitions, *added))


class _Names(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_named_type(self, node: NamedTypeNode, *_: Any) -> None:
        self.found.add(node.name.value)


def _declares_appsync(node: Any) -> bool:
    # Amplify and introspection output declare what AppSync declares anyway; ours stand.
    if isinstance(node, ast.DirectiveDefinitionNode):
        return node.name.value in DIRECTIVE_NAMES
    return isinstance(node, ScalarTypeDefinitionNode) and node.name.value in scalars.NAMES


def _own_rules(document: DocumentNode) -> Iterator[str]:
    for node in document.definitions:
        if not isinstance(node, TypeDefinitionNode) or _declares_appsync(node):
            continue
        name = node.name.value
        if name.startswith("AWS"):
            yield _located(GraphQLError(f"Type names may not start with AWS: '{name}'.", node))
        elif isinstance(node, ScalarTypeDefinitionNode):
            yield _located(GraphQLError(f"User-defined scalars are not supported: '{name}'.", node))


def _subscription_problems(core: GraphQLSchema) -> Iterator[str]:
    mutations = dict(_fields(core.mutation_type))
    for name, field in _fields(core.subscription_type):
        for mutation in _mutations_of(field):
            if mutation not in mutations:
                text = f"Subscription field '{name}' names mutation '{mutation}', which is not defined."
                yield _located(GraphQLError(text, field.ast_node))
            elif get_named_type(mutations[mutation].type) is not get_named_type(field.type):
                text = (
                    f"Subscription field '{name}' must have the type of mutation '{mutation}': "
                    f"'{mutations[mutation].type}' and not '{field.type}'."
                )
                yield _located(GraphQLError(text, field.ast_node))


def _located(error: GraphQLError) -> str:
    place = error.locations[0] if error.locations else None
    message = error.message.removeprefix("Syntax Error: ")
    return f"{message} at line {place.line}, column {place.column}" if place else message


def _fields(named: GraphQLObjectType | None) -> Iterator[tuple[str, GraphQLField]]:
    yield from named.fields.items() if named else ()


def _directives(node: Any) -> Iterator[DirectiveNode]:
    yield from (node.directives or ()) if node is not None else ()


def _strings(directive: DirectiveNode, argument: str) -> tuple[str, ...]:
    for given in directive.arguments or ():
        if given.name.value == argument:
            values = given.value.values if isinstance(given.value, ListValueNode) else (given.value,)
            return tuple(value.value for value in values if isinstance(value, StringValueNode))
    return ()


def _mutations_of(field: GraphQLField) -> tuple[str, ...]:
    found = [_strings(each, "mutations") for each in _directives(field.ast_node) if each.name.value == "aws_subscribe"]
    return tuple(name for names in found for name in names)


def _topics(subscriptions: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    topics: dict[str, tuple[str, ...]] = {}
    for subscription, mutations in subscriptions.items():
        for mutation in mutations:
            topics[mutation] = (*topics.get(mutation, ()), subscription)
    return topics


def _accesses(core: GraphQLSchema) -> Iterator[tuple[tuple[str, str], Access]]:
    for named in core.type_map.values():
        if not isinstance(named, GraphQLObjectType) or named.name.startswith("__"):
            continue
        nodes: list[ObjectTypeDefinitionNode | ObjectTypeExtensionNode | None]
        nodes = [named.ast_node, *(named.extension_ast_nodes or ())]
        of_type = _modes([directive for node in nodes for directive in _directives(node)])
        for name, field in named.fields.items():
            node: FieldDefinitionNode | None = field.ast_node
            modes = _modes(list(_directives(node))) or of_type
            if modes:
                yield (named.name, name), Access(modes)


def _modes(directives: list[DirectiveNode]) -> dict[str, tuple[str, ...]]:
    return {
        MODE_DIRECTIVES[each.name.value]: _strings(each, "cognito_groups")
        for each in directives
        if each.name.value in MODE_DIRECTIVES
    }
