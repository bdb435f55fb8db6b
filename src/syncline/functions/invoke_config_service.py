"""The Lambda operations on what becomes of asynchronous events: read the request, keep it, shape the answer."""

from __future__ import annotations

import msgspec

from syncline.functions.base import Group, Shape, page
from syncline.functions.catalog import Catalog
from syncline.functions.destinations import check_destination
from syncline.functions.errors import FunctionNotFound, ParameterInvalid
from syncline.functions.model import LATEST, InvokeConfig
from syncline.functions.names import parse_reference


class InvokeConfigOperations(Group):
    """The operations on them."""

    async def put_function_event_invoke_config(self, request: Shape) -> Shape:
        name, qualifier = self._named(request)
        if not self._catalog.has(name, qualifier):
            raise FunctionNotFound("The function doesn't exist.")
        members = _members(request, self._catalog, self._catalog.arn(name))
        if not members:
            raise ParameterInvalid("You must specify at least one of error handling or destination setting.")
        return await self._keep(InvokeConfig(name, qualifier, self._engine.now(), **members))

    async def update_function_event_invoke_config(self, request: Shape) -> Shape:
        old = self._config(request)
        members = _members(request, self._catalog, self._catalog.arn(old.function))
        if not members:
            raise ParameterInvalid("You must specify at least one of error handling or destination setting.")
        return await self._keep(msgspec.structs.replace(old, modified=self._engine.now(), **members))

    async def get_function_event_invoke_config(self, request: Shape) -> Shape:
        return self._config_shape(self._config(request))

    async def delete_function_event_invoke_config(self, request: Shape) -> Shape:
        config = self._config(request)
        await self._engine.configs.delete(config.function, config.qualifier)
        return {}

    async def list_function_event_invoke_configs(self, request: Shape) -> Shape:
        found = self._engine.configs.of(self._catalog.latest(request["FunctionName"]).name)
        return page([self._config_shape(one) for one in found], request, "FunctionEventInvokeConfigs")

    async def _keep(self, config: InvokeConfig) -> Shape:
        await self._engine.configs.put(config)
        return self._config_shape(config)

    def _named(self, request: Shape) -> tuple[str, str]:
        named = parse_reference(request["FunctionName"], self._catalog.region, request.get("Qualifier"))
        return named.name, named.qualifier or LATEST

    def _config(self, request: Shape) -> InvokeConfig:
        name, qualifier = self._named(request)
        config = self._engine.configs.get(name, qualifier)
        if config is None:
            arn = self._catalog.arn(name, qualifier)
            raise FunctionNotFound(f"The function {arn} doesn't have an EventInvokeConfig")
        return config

    def _config_shape(self, config: InvokeConfig) -> Shape:
        shape: Shape = {
            "LastModified": config.modified,
            "FunctionArn": self._catalog.arn(config.function, config.qualifier),
            "DestinationConfig": {
                "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
                "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
            },
        }
        if config.retries is not None:
            shape["MaximumRetryAttempts"] = config.retries
        if config.age is not None:
            shape["MaximumEventAgeInSeconds"] = config.age
        return shape


def _members(request: Shape, catalog: Catalog, own: str) -> Shape:
    members: Shape = {}
    if "MaximumRetryAttempts" in request:
        members["retries"] = request["MaximumRetryAttempts"]
    if "MaximumEventAgeInSeconds" in request:
        members["age"] = request["MaximumEventAgeInSeconds"]
    for side, ours in (("OnSuccess", "on_success"), ("OnFailure", "on_failure")):
        if side in request.get("DestinationConfig", {}):
            destination = request["DestinationConfig"][side].get("Destination", "")
            if destination:
                check_destination(destination, catalog, own)
            members[ours] = destination
    return members
