"""The Lambda operations on event source mappings: read the request, ask the mappings, shape the answer."""

from __future__ import annotations

from typing import Any

import msgspec

from syncline.functions import shapes
from syncline.functions.destinations import check_destination
from syncline.functions.engine import FunctionEngine
from syncline.functions.errors import FunctionNotFound, NotBuilt, ParameterInvalid, ResourceConflict
from syncline.functions.filters import compile_filter
from syncline.functions.lane import EVENT_COUNT
from syncline.functions.model import Mapping
from syncline.functions.names import parse_reference

Shape = dict[str, Any]

FILTERS_MAX = 5
PAGE = 100
_INFIX = ":event-source-mapping:"
_MEMBERS = {
    "Enabled": "enabled",
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "window",
    "ParallelizationFactor": "lanes",
    "MaximumRetryAttempts": "retries",
    "MaximumRecordAgeInSeconds": "age",
    "TumblingWindowInSeconds": "tumbling",
    "BisectBatchOnFunctionError": "bisect",
    "FunctionResponseTypes": "responses",
}


class MappingOperations:
    """The operations on event source mappings; `service.Lambda` passes them on."""

    def __init__(self, engine: FunctionEngine) -> None:
        self._mappings = engine.mappings
        self._catalog = engine.catalog
        self._new_id, self._now = engine.new_id, engine.now

    async def create(self, request: Shape) -> Shape:
        """CreateEventSourceMapping."""
        changes = _changes(request)
        source, position = request.get("EventSourceArn"), request.get("StartingPosition")
        if not source:
            raise NotBuilt(what="An event source that is not an ARN")
        self._check_source(source, position)
        function = self._function_arn(request["FunctionName"])
        self._check_fresh(source, function)
        # The position is fixed here, in the record itself: what is written after the answer is never before it.
        start = await self._mappings.latest(source) if position == "LATEST" else 0
        mapping = Mapping(
            self._new_id(), function, source, start, str(position), self._now(), tags=request.get("Tags", {}), **changes
        )
        self._check(mapping)
        await self._mappings.put(mapping)
        return self._shape(mapping, "Creating")

    async def get(self, request: Shape) -> Shape:
        """GetEventSourceMapping."""
        return self._shape(self._mappings.get(request["UUID"]))

    async def update(self, request: Shape) -> Shape:
        """UpdateEventSourceMapping."""
        old = self._mappings.get(request["UUID"])
        changes = _changes(request)
        if "FunctionName" in request:
            changes["function"] = self._function_arn(request["FunctionName"])
        mapping = msgspec.structs.replace(old, modified=self._now(), **changes)
        self._check(mapping)
        await self._mappings.put(mapping)
        turned = {True: "Enabling", False: "Disabling"}[mapping.enabled]
        return self._shape(mapping, "Updating" if mapping.enabled == old.enabled else turned)

    async def delete(self, request: Shape) -> Shape:
        """DeleteEventSourceMapping."""
        mapping = self._mappings.get(request["UUID"])
        shape = self._shape(mapping, "Deleting")
        await self._mappings.delete(mapping)
        return shape

    async def list(self, request: Shape) -> Shape:
        """ListEventSourceMappings."""
        source, after, most = request.get("EventSourceArn"), request.get("Marker", ""), request.get("MaxItems", PAGE)
        function = self._named_arn(request["FunctionName"]) if request.get("FunctionName") else None
        found = [
            mapping
            for mapping in self._mappings.all()
            if mapping.id > after and source in (None, mapping.source) and function in (None, mapping.function)
        ]
        answer: Shape = {"EventSourceMappings": [self._shape(mapping) for mapping in found[:most]]}
        return answer if len(found) <= most else answer | {"NextMarker": found[most - 1].id}

    def tagged(self, arn: str) -> Mapping:
        """The mapping of this ARN."""
        mapping = next((one for one in self._mappings.all() if self._arn(one) == arn), None)
        if mapping is None:
            raise FunctionNotFound(f"Event source mapping not found: {arn}")
        return mapping

    async def set_tags(self, arn: str, tags: dict[str, str]) -> None:
        """Set the tags of the mapping of this ARN."""
        await self._mappings.set_tags(self.tagged(arn), tags)

    def _check_source(self, source: str, position: str | None) -> None:
        service = source.split(":")[2] if source.count(":") > 2 else ""
        if service in ("sqs", "kinesis", "kafka", "mq", "rds"):
            raise NotBuilt(what=f"An event source of {service}")
        if service != "dynamodb" or "/stream/" not in source:
            raise ParameterInvalid("Unrecognized event source.")
        if position is None:
            raise ParameterInvalid(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
                "Member must not be null."
            )
        if position == "AT_TIMESTAMP":
            raise ParameterInvalid(f"Unsupported starting position for arn type: {source}")
        self._mappings.shard_of(source)

    def _check(self, mapping: Mapping) -> None:
        if mapping.on_failure:
            check_destination(mapping.on_failure, self._catalog)
        if mapping.tumbling and mapping.lanes > 1:
            raise ParameterInvalid("A tumbling window needs a ParallelizationFactor of 1.")

    def _check_fresh(self, source: str, function: str) -> None:
        for mapping in self._mappings.all():
            if (mapping.source, mapping.function) == (source, function):
                raise ResourceConflict(
                    f'The event source arn (" {source} ") and function (" {function.rsplit(":", 1)[-1]} ") provided '
                    f"mapping already exists. Please update or delete the existing mapping with UUID {mapping.id}"
                )

    def _function_arn(self, name: str) -> str:
        try:
            found = self._catalog.find(name)
        except FunctionNotFound:
            raise ParameterInvalid("Function does not exist") from None
        return self._catalog.arn(found.name, parse_reference(name, self._catalog.region).qualifier)

    def _named_arn(self, name: str) -> str:
        try:
            named = parse_reference(name, self._catalog.region)
        except FunctionNotFound:
            return name
        return self._catalog.arn(named.name, named.qualifier)

    def _arn(self, mapping: Mapping) -> str:
        return f"arn:aws:lambda:{self._catalog.region}:{self._catalog.account}{_INFIX}{mapping.id}"

    def _shape(self, mapping: Mapping, state: str = "") -> Shape:
        steady = "Enabled" if mapping.enabled else "Disabled"
        shape = shapes.mapping_shape(mapping, state or steady, arn=self._arn(mapping))
        return shape | {"LastProcessingResult": self._mappings.result(mapping)}


def is_mapping(arn: str) -> bool:
    """Whether an ARN is an event source mapping's."""
    return _INFIX in arn


def _changes(request: Shape) -> Shape:
    """The members of Mapping that a request sets. Raises for what is out of range or not built."""
    for metric in request.get("MetricsConfig", {}).get("Metrics", []):
        if metric != EVENT_COUNT:
            raise ParameterInvalid(f"{metric} is not a metric of an event source mapping of a stream.")
    age = request.get("MaximumRecordAgeInSeconds", -1)
    if age != -1 and age < 60:
        raise ParameterInvalid(
            f"1 validation error detected: Value '{age}' at 'maximumRecordAgeInSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 60"
        )
    changes: Shape = {ours: request[theirs] for theirs, ours in _MEMBERS.items() if theirs in request}
    if "MetricsConfig" in request:
        changes["metrics"] = request["MetricsConfig"].get("Metrics", [])
    if "FilterCriteria" in request:
        changes["patterns"] = _patterns(request["FilterCriteria"])
    if request.get("DestinationConfig", {}).get("OnSuccess", {}).get("Destination"):
        raise ParameterInvalid("OnSuccess is not a valid destination of an event source mapping of a stream.")
    if "OnFailure" in request.get("DestinationConfig", {}):
        changes["on_failure"] = request["DestinationConfig"]["OnFailure"].get("Destination", "")
    return changes


def _patterns(criteria: Shape) -> list[str]:
    patterns = [entry["Pattern"] for entry in criteria.get("Filters", [])]
    if len(patterns) > FILTERS_MAX:
        raise ParameterInvalid(f"A mapping has at most {FILTERS_MAX} filters.")
    for pattern in patterns:
        compile_filter(pattern)
    return patterns
