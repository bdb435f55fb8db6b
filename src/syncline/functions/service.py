"""The Lambda operations on functions: read the request, ask the engine, shape the answer."""

from __future__ import annotations

import base64
from typing import Any

from syncline.core import call, json
from syncline.functions import shapes
from syncline.functions.engine import FunctionEngine
from syncline.functions.errors import FunctionNotFound, ParameterInvalid, ResourceConflict, RevisionMismatch
from syncline.functions.mapping_service import MappingOperations, is_mapping
from syncline.functions.model import LATEST, Function
from syncline.functions.names import parse_reference
from syncline.functions.policy import policy_text, statement_of
from syncline.functions.settings_check import check_configuration, check_new, zip_of

Shape = dict[str, Any]

TAGS_MAX = 50
UNRESERVED_MIN = 100
ACCOUNT_CONCURRENCY = 1000
PAGE = 50


class Lambda:
    """Service `lambda` (2015-03-31)."""

    def __init__(self, engine: FunctionEngine) -> None:
        self._mappings = MappingOperations(engine.mappings, engine.new_id, engine.now)
        self._engine = engine
        self._catalog = engine.catalog

    async def create_function(self, request: Shape) -> Shape:
        check_new(request)
        check_configuration(request)
        name = parse_reference(request["FunctionName"], self._catalog.region).name
        if self._catalog.get(name) is not None:
            raise ResourceConflict(f"Function already exist: {name}")
        content = zip_of(request["Code"])
        sha256 = await self._engine.code.save(content)
        function = await self._catalog.add(self._new(name, request, sha256, len(content)))
        return shapes.created(self._shape(function), self._engine.new_id())

    async def get_function(self, request: Shape) -> Shape:
        function, qualifier = self._find(request)
        answer: Shape = {
            "Configuration": self._shape(function, qualifier),
            "Code": {"RepositoryType": "S3"},
        }
        if function.tags:
            answer["Tags"] = function.tags
        if function.reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
        return answer

    async def get_function_configuration(self, request: Shape) -> Shape:
        return self._shape(*self._find(request))

    async def list_functions(self, request: Shape) -> Shape:
        after, most = request.get("Marker", ""), request.get("MaxItems", PAGE)
        found = [function for function in self._catalog.all() if function.name > after]
        answer: Shape = {"Functions": [_listed(self._shape(function)) for function in found[:most]]}
        return answer if len(found) <= most else answer | {"NextMarker": found[most - 1].name}

    async def list_versions_by_function(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        return {"Versions": [_listed(self._shape(function, LATEST))]}

    async def update_function_code(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        check_configuration({"Publish": request.get("Publish")})
        content = zip_of(request)
        if request.get("RevisionId", function.revision) != function.revision:
            raise RevisionMismatch()
        sha256 = await self._engine.code.save(content)
        changes: Shape = {"code_sha256": sha256, "code_size": len(content)}
        if request.get("Architectures"):
            changes["architecture"] = request["Architectures"][0]
        if request.get("DryRun"):
            return self._shape(function) | {"CodeSize": len(content), "CodeSha256": shapes.sha256_text(sha256)}
        changed = await self._engine.deploy(function.name, changes, expected=request.get("RevisionId"))
        if function.code_sha256 != sha256 and not self._engine.invoker.pool.running(function.name):
            await self._engine.forget_code(function.code_sha256)
        return shapes.updating(self._shape(changed), self._engine.new_id())

    async def update_function_configuration(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        check_configuration(request)
        changed = await self._engine.deploy(
            function.name, _configuration_changes(request), expected=request.get("RevisionId")
        )
        return shapes.updating(self._shape(changed), self._engine.new_id())

    async def delete_function(self, request: Shape) -> Shape:
        named = parse_reference(request["FunctionName"], self._catalog.region, request.get("Qualifier"))
        if named.qualifier == LATEST:
            raise ParameterInvalid("$LATEST version cannot be deleted without deleting the function.")
        function, _ = self._find(request)
        await self._engine.delete(function)
        return {"StatusCode": 204}

    async def invoke(self, request: Shape) -> Shape:
        context = _client_context(request.get("ClientContext", ""))
        invocation = await self._engine.invoke(
            request["FunctionName"],
            bytes(request.get("Payload", b"")),
            kind=request.get("InvocationType", "RequestResponse"),
            qualifier=request.get("Qualifier"),
            client_context=context,
            request_id=_request_id(),
        )
        answer: Shape = {"StatusCode": invocation.status, "Payload": invocation.payload}
        if invocation.executed_version:
            answer["ExecutedVersion"] = invocation.executed_version
        if invocation.function_error:
            answer["FunctionError"] = invocation.function_error
        if request.get("LogType") == "Tail" and invocation.status == 200:
            answer["LogResult"] = base64.b64encode(invocation.log_tail).decode()
        return answer

    async def add_permission(self, request: Shape) -> Shape:
        function, qualifier = self._find(request)
        if qualifier == LATEST:
            raise ParameterInvalid("We currently do not support adding policies for $LATEST.")
        sid = request["StatementId"]
        if any(statement["Sid"] == sid for statement in function.statements):
            raise ResourceConflict(
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement."
            )
        statement = statement_of(request, function.arn)
        await self._change(function, request, statements=[*function.statements, statement])
        return {"Statement": json.encode(statement).decode()}

    async def get_policy(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        if not function.statements:
            raise FunctionNotFound("The resource you requested does not exist.")
        return {"Policy": policy_text(function.statements), "RevisionId": function.revision}

    async def remove_permission(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        sid = request["StatementId"]
        kept = [statement for statement in function.statements if statement["Sid"] != sid]
        if len(kept) == len(function.statements):
            missing = "No policy is associated with the given resource."
            raise FunctionNotFound(f"Statement {sid} is not found in resource policy." if kept else missing)
        await self._change(function, request, statements=kept)
        return {}

    async def get_function_code_signing_config(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        return {"FunctionName": function.name, "CodeSigningConfigArn": ""}

    async def get_function_concurrency(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        return {} if function.reserved is None else {"ReservedConcurrentExecutions": function.reserved}

    async def put_function_concurrency(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        reserved = request["ReservedConcurrentExecutions"]
        others = sum(one.reserved or 0 for one in self._catalog.all() if one.name != function.name)
        if ACCOUNT_CONCURRENCY - others - reserved < UNRESERVED_MIN:
            raise ParameterInvalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
            )
        await self._catalog.change(function.name, {"reserved": reserved})
        return {"ReservedConcurrentExecutions": reserved}

    async def delete_function_concurrency(self, request: Shape) -> Shape:
        function, _ = self._find(request)
        await self._catalog.change(function.name, {"reserved": None})
        return {}

    async def list_tags(self, request: Shape) -> Shape:
        resource = request["Resource"]
        return {"Tags": (self._mappings.tagged(resource) if is_mapping(resource) else self._tagged(resource)).tags}

    async def tag_resource(self, request: Shape) -> Shape:
        return await self._set_tags(request["Resource"], lambda tags: tags | request["Tags"])

    async def untag_resource(self, request: Shape) -> Shape:
        gone = set(request["TagKeys"])
        return await self._set_tags(request["Resource"], lambda tags: {k: tags[k] for k in tags if k not in gone})

    async def create_event_source_mapping(self, request: Shape) -> Shape:
        return await self._mappings.create(request)

    async def get_event_source_mapping(self, request: Shape) -> Shape:
        return await self._mappings.get(request)

    async def update_event_source_mapping(self, request: Shape) -> Shape:
        return await self._mappings.update(request)

    async def delete_event_source_mapping(self, request: Shape) -> Shape:
        return await self._mappings.delete(request)

    async def list_event_source_mappings(self, request: Shape) -> Shape:
        return await self._mappings.list(request)

    async def _set_tags(self, resource: str, change: Any) -> Shape:
        mapping = is_mapping(resource)
        tags = change((self._mappings.tagged(resource) if mapping else self._tagged(resource)).tags)
        if len(tags) > TAGS_MAX:
            raise ParameterInvalid("Number of tags exceeds resource tag limit.")
        if mapping:
            await self._mappings.set_tags(resource, tags)
        else:
            await self._catalog.change(self._tagged(resource).name, {"tags": tags})
        return {}

    def _tagged(self, resource: str) -> Function:
        if parse_reference(resource, self._catalog.region).qualifier:
            raise ParameterInvalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        return self._catalog.find(resource)

    async def _change(self, function: Function, request: Shape, **members: object) -> None:
        await self._catalog.change(function.name, members, expected=request.get("RevisionId"))

    def _find(self, request: Shape) -> tuple[Function, str | None]:
        name, qualifier = request["FunctionName"], request.get("Qualifier")
        function = self._catalog.find(name, qualifier)
        return function, parse_reference(name, self._catalog.region, qualifier).qualifier

    def _shape(self, function: Function, qualifier: str | None = None) -> Shape:
        return shapes.configuration(function, region=self._catalog.region, qualifier=qualifier)

    def _new(self, name: str, request: Shape, sha256: str, size: int) -> Function:
        return Function(
            name,
            self._catalog.arn(name),
            code_sha256=sha256,
            code_size=size,
            deployment=self._engine.new_id(),
            revision=self._engine.new_id(),
            modified=self._engine.now(),
            architecture=request.get("Architectures", ["x86_64"])[0],
            tags=request.get("Tags", {}),
            **_configuration_changes(request),
        )


_MEMBERS = {
    "Runtime": "runtime",
    "Role": "role",
    "Handler": "handler",
    "Description": "description",
    "Timeout": "timeout",
    "MemorySize": "memory",
}


def _configuration_changes(request: Shape) -> Shape:
    """The members of Function that a request sets; absent ones stay as they are."""
    changes: Shape = {ours: request[theirs] for theirs, ours in _MEMBERS.items() if theirs in request}
    if "Environment" in request:
        changes["environment"] = request["Environment"].get("Variables", {})
    if "EphemeralStorage" in request:
        changes["storage"] = request["EphemeralStorage"]["Size"]
    if "TracingConfig" in request:
        changes["tracing"] = request["TracingConfig"].get("Mode", "PassThrough")
    if "LoggingConfig" in request:
        changes["log_group"] = request["LoggingConfig"].get("LogGroup", "")
    return changes


def _listed(shape: Shape) -> Shape:
    """AWS does this: lists leave out the states."""
    return {name: value for name, value in shape.items() if name not in ("State", "LastUpdateStatus")}


def _client_context(text: str) -> str:
    if not text:
        return ""
    try:
        context = base64.b64decode(text, validate=True)
        json.decode(context)
    except (ValueError, json.NotJson):
        raise ParameterInvalid("Client context must be a valid Base64-encoded JSON object.") from None
    return context.decode("utf-8").replace("\r", " ").replace("\n", " ")


def _request_id() -> str:
    try:
        return call.current().request_id
    except LookupError:
        return ""
