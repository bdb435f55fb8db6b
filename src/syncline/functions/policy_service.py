"""The Lambda operations on resource policies: read the request, ask the catalog, shape the answer."""

from __future__ import annotations

from syncline.core import json
from syncline.functions.base import Group, Shape
from syncline.functions.errors import AliasNotFound, FunctionNotFound, ParameterInvalid, ResourceConflict
from syncline.functions.model import LATEST, Function
from syncline.functions.names import ALIAS, parse_reference
from syncline.functions.policy import policy_text, statement_of


class PolicyOperations(Group):
    """The policies of functions, of their versions and of their aliases."""

    async def add_permission(self, request: Shape) -> Shape:
        function, qualifier = self._holder(request)
        if qualifier == LATEST:
            raise ParameterInvalid("We currently do not support adding policies for $LATEST.")
        statements, sid = function.policy(qualifier), request["StatementId"]
        if any(statement["Sid"] == sid for statement in statements):
            raise ResourceConflict(
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement."
            )
        statement = statement_of(request, self._catalog.arn(function.name, qualifier))
        expected = request.get("RevisionId")
        await self._catalog.set_policy(function.name, qualifier, [*statements, statement], expected=expected)
        return {"Statement": json.encode(statement).decode()}

    async def get_policy(self, request: Shape) -> Shape:
        named = parse_reference(request["FunctionName"], self._catalog.region, request.get("Qualifier"))
        function = self._catalog.get(named.name)
        statements = function.policy(named.qualifier) if function is not None else []
        if function is None or not statements:
            raise FunctionNotFound("The resource you requested does not exist.")
        revision = self._catalog.policy_revision(function, named.qualifier)
        return {"Policy": policy_text(statements), "RevisionId": revision}

    async def remove_permission(self, request: Shape) -> Shape:
        name = parse_reference(request["FunctionName"], self._catalog.region).name
        if self._catalog.get(name) is None:
            raise FunctionNotFound(f"No policy found for: {self._catalog.arn(name)}")
        function, qualifier = self._holder(request)
        statements, sid = function.policy(qualifier), request["StatementId"]
        kept = [statement for statement in statements if statement["Sid"] != sid]
        if len(kept) == len(statements):
            missing = "No policy is associated with the given resource."
            raise FunctionNotFound(f"Statement {sid} is not found in resource policy." if kept else missing)
        await self._catalog.set_policy(function.name, qualifier, kept, expected=request.get("RevisionId"))
        return {}

    def _holder(self, request: Shape) -> tuple[Function, str | None]:
        """The function that keeps the policy, and the qualifier whose policy it is."""
        function = self._catalog.latest(request["FunctionName"])
        named = parse_reference(request["FunctionName"], self._catalog.region, request.get("Qualifier"))
        if named.qualifier and not self._catalog.has(function.name, named.qualifier):
            kind = AliasNotFound if ALIAS.fullmatch(named.qualifier) else FunctionNotFound
            raise kind(arn=self._catalog.arn(function.name, named.qualifier))
        return function, named.qualifier
