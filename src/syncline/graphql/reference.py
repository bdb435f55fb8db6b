"""The reference executor: graphql-core runs what plans do not cover, which is introspection.

For: `serve`, and the tests that compare plans with it. Owns: the way from graphql-core's hooks to our resolvers and
from its errors to AppSync's shapes. Never: publishes (only queries come here).
"""

from __future__ import annotations

import inspect
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, OperationDefinitionNode, execute
from graphql.language import FieldNode

from syncline.core import SynclineError
from syncline.graphql import errors
from syncline.graphql.documents import Document
from syncline.graphql.errors import FieldFailed, denied
from syncline.graphql.execute import FAILURES_MAX, Failure, Run, Surroundings, as_field_failure
from syncline.graphql.plan import Plan
from syncline.graphql.schema import admitted
from syncline.graphql.selection import FieldPlan, PlanTooLarge, Selector


class Reference:
    """One execution by graphql-core."""

    def __init__(self, document: Document, surroundings: Surroundings) -> None:
        self._document = document
        self._surroundings = surroundings
        self._run = Run(Plan(document.operation, [], document.settled.schema), surroundings)
        self.errors: list[dict[str, Any]] = []
        self.run = self._run

    async def data(self) -> dict[str, Any] | None:
        """The answer's `data`; its `errors` are in `errors` then."""
        operation: OperationDefinitionNode = self._document.operation
        result = execute(
            self._document.settled.schema.core,
            self._document.tree,
            None,
            variable_values=self._surroundings.given,
            operation_name=operation.name.value if operation.name else None,
            field_resolver=self._resolve,
            type_resolver=lambda value, *_: value.get("__typename") if isinstance(value, dict) else None,
        )
        done = await result if inspect.isawaitable(result) else result
        assert isinstance(done, ExecutionResult), "nothing is delivered incrementally"
        self.errors = [*self._run.errors, *[self._entry(error) for error in done.errors or ()]]
        return done.data

    def _resolve(self, source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        parent, name = info.parent_type.name, info.field_name
        settled = self._document.settled
        grants = self._surroundings.identity.grants
        access = settled.schema.access.get((parent, name))
        if not admitted(grants, access, settled.default_mode, parent=parent, name=name):
            raise denied(name, parent)
        if (parent, name) not in settled.resolvers:
            return source.get(name) if isinstance(source, dict) else None
        return self._await(source, info, arguments)

    async def _await(self, source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Any:
        try:
            field = self._field(info)
        except PlanTooLarge as refusal:
            raise FieldFailed(str(refusal), "BadRequest") from None
        assert field.resolver is not None, "asked only for fields with a resolver"
        self._run.resolved += 1
        if self._run.resolved > self._surroundings.resolvers_max:
            raise FieldFailed("Resolver execution limit reached.", "ResolverExecutionLimitReached")
        context = self._run.context(field, arguments, source)
        if self._surroundings.log is not None:
            context.log = self._surroundings.log.field(tuple(info.path.as_list()), field)
        try:
            return await field.resolver.resolve(context)
        except SynclineError as failure:
            if len(self._run.failures) < FAILURES_MAX:
                self._run.failures.append(Failure(tuple(info.path.as_list()), field, context, failure))
            raise as_field_failure(failure, field) from None

    def _field(self, info: GraphQLResolveInfo[Any]) -> FieldPlan:
        settled = self._document.settled
        selector = Selector(
            settled.schema,
            info.fragments,
            {name: bool(self._surroundings.variables.get(name)) for name in self._document.conditions},
            resolvers=settled.resolvers,
            grants=self._surroundings.identity.grants,
            default_mode=settled.default_mode,
            depth_max=0,
        )
        return selector.field(info.parent_type, info.path.key, list(info.field_nodes))

    def _entry(self, error: GraphQLError) -> dict[str, Any]:
        path = tuple(error.path or ())
        original = error.original_error
        node = error.nodes[0] if error.nodes else None
        if isinstance(original, FieldFailed) and isinstance(node, FieldNode):
            return errors.field(original, path, node)
        if error.message.startswith("Cannot return null for non-nullable field "):
            parent, _, name = error.message.rpartition(" ")[2].rstrip(".").partition(".")
            field = self._document.settled.schema.field(parent, name)
            kind = str(field.type).strip("[]!") if field else name
            return errors.null_for_non_null(kind, parent, path)
        if path:
            return errors.unserializable(error.message, path)
        return errors.document(error.message, node)
