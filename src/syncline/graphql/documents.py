"""Documents: parsed and validated once, with the plans compiled for them.

For: `execute` and `subscribe`. Owns: the cache of one API's documents, least recently used first out.
Never: runs a plan.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.validation import ASTValidationRule, SingleFieldSubscriptionsRule

from syncline.graphql import wordings
from syncline.graphql.codegen import PROJECT
from syncline.graphql.coerce import Variables
from syncline.graphql.errors import BadRequest, MalformedRequest
from syncline.graphql.plan import Plan, Settled, compile_plan
from syncline.graphql.selection import PlanTooLarge

DOCUMENTS_MAX = 1000
"""Documents kept per API; a plan is worth about 2 ms."""
TOKENS_MAX = 10_000
"""Tokens of a document: validation takes time that grows with the square of the fields of one selection."""
PLANS_MAX = 32
"""Plans kept per document: one per kind of caller and set of @skip/@include values."""

RULES = tuple(rule for rule in specified_rules if rule is not SingleFieldSubscriptionsRule)
"""A subscription with several root fields is refused at start, in AppSync's own words (graphql-api reference, 2.6)."""


class Document:
    """One operation of a document. `errors`: why it cannot run."""

    def __init__(self, settled: Settled, tree: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.settled = settled
        self.tree = tree
        self.operation = operation
        self.kind: OperationType = operation.operation
        self.errors: list[dict[str, Any]] = []
        self.fragments = {
            node.name.value: node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)
        }
        found = _Reading()
        visit(tree, found)
        self.introspects = found.introspects
        self.conditions = tuple(sorted(found.conditions))
        self._plans: dict[Any, Plan | None] = {}
        self._deliveries: dict[Any, Plan] = {}

    def check(self, *, introspection: bool) -> None:
        """Validate; compile the variables' coercers."""
        core = self.settled.schema.core
        rules = RULES if introspection else (*RULES, NoIntrospection)
        found = validate(core, self.tree, rules, hide_suggestions=True)
        if found:
            self.errors = wordings.translate(found, self.tree, core)
        else:
            self.variables = Variables(core, self.operation)

    def plan(self, grants: Any, variables: Mapping[str, Any]) -> Plan | None:
        """The plan for this caller and these variables; None: the reference executor has to do it.

        Raises BadRequest for an operation beyond our limits.
        """
        key = (grants, *[variables.get(name) for name in self.conditions]) if self.conditions else grants
        try:
            return self._plans[key]
        except KeyError:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            plan = self._plans[key] = self._compile(grants, variables)
            return plan

    def delivery(self, grants: Any, variables: Mapping[str, Any]) -> Plan:
        """The plan of what a subscriber gets of a publication: no resolver runs."""
        key = (grants, *[variables.get(name) for name in self.conditions])
        plan = self._deliveries.get(key)
        if plan is None:
            settled = self.settled
            bare = Settled(settled.schema, {}, default_mode=settled.default_mode, depth_max=settled.depth_max)
            if len(self._deliveries) >= PLANS_MAX:
                self._deliveries.clear()
            try:
                plan = compile_plan(
                    bare,
                    self.operation,
                    self.fragments,
                    conditions={name: bool(variables.get(name)) for name in self.conditions},
                    grants=grants,
                    mode=PROJECT,
                )
            except PlanTooLarge as refusal:
                raise BadRequest(str(refusal)) from None
            self._deliveries[key] = plan
        return plan

    def _compile(self, grants: Any, variables: Mapping[str, Any]) -> Plan | None:
        if self.introspects:
            return None
        conditions = {name: bool(variables.get(name)) for name in self.conditions}
        try:
            return compile_plan(self.settled, self.operation, self.fragments, conditions=conditions, grants=grants)
        except PlanTooLarge as refusal:
            raise BadRequest(str(refusal)) from None


class NoIntrospection(ASTValidationRule):
    """`__schema` and `__type` are as unknown as any field that is not there."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        name = node.name.value
        if name in ("__schema", "__type"):
            self.report_error(GraphQLError(f"Cannot query field '{name}' on type 'Query'.", node))


class _Reading(Visitor):
    """Which variables decide what is selected, and whether the schema itself is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.conditions: set[str] = set()
        self.introspects = False

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if node.name.value in ("skip", "include") and isinstance(argument.value, VariableNode):
                self.conditions.add(argument.value.name.value)

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.introspects = self.introspects or node.name.value in ("__schema", "__type")


class Documents:
    """The documents of one API in one state of its configuration."""

    def __init__(self, settled: Settled, *, introspection: bool) -> None:
        self.settled = settled
        self._introspection = introspection
        self._kept: OrderedDict[tuple[str, str | None], Document] = OrderedDict()

    def find(self, text: str, operation_name: str | None) -> Document:
        """The document's operation of this name, or its only one. Raises MalformedRequest, BadRequest."""
        key = text, operation_name
        document = self._kept.get(key)
        if document is not None:
            self._kept.move_to_end(key)
            return document
        document = self._read(text, operation_name)
        if len(self._kept) >= DOCUMENTS_MAX:
            self._kept.popitem(last=False)
        self._kept[key] = document
        return document

    def _read(self, text: str, operation_name: str | None) -> Document:
        try:
            tree = parse(text, max_tokens=TOKENS_MAX)
        except (GraphQLError, RecursionError):
            raise MalformedRequest from None
        operations = [node for node in tree.definitions if isinstance(node, OperationDefinitionNode)]
        document = Document(self.settled, tree, _chosen(operations, operation_name))
        document.check(introspection=self._introspection)
        return document


def _chosen(operations: list[OperationDefinitionNode], name: str | None) -> OperationDefinitionNode:
    if not operations:
        raise MalformedRequest
    if not name:
        if len(operations) > 1:
            raise BadRequest("Missing operation name.")
        return operations[0]
    for operation in operations:
        if operation.name is not None and operation.name.value == name:
            return operation
    raise BadRequest(f"Unknown operation named '{name}'.")
