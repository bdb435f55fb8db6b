"""CreateTable's request, checked: keys, definitions, indexes, billing, stream.

For: control.py. Owns: AWS's sentences about schemas. Never: knows which tables exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from syncline.core import Invalid
from syncline.tables.catalog import ALL, INCLUDE, KEYS_ONLY, ON_DEMAND, PROVISIONED, Index, Table, Throughput
from syncline.tables.errors import invalid_values
from syncline.tables.registry import NAME_MIN, check_name

LOCAL_INDEXES_MAX = 5
GLOBAL_INDEXES_MAX = 20
INCLUDED_MAX = 100
KEY_PARTS_MAX = 4
KINDS = ("HASH", "RANGE")
UNITS_MAX = 10**12
TTL_NAME_MAX = 255
VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")

Request = Mapping[str, Any]


class Keys(msgspec.Struct, frozen=True):
    """A key schema: the attributes of the partition key, and of the sort key if there is one."""

    hashes: tuple[str, ...]
    ranges: tuple[str, ...]

    @property
    def hash(self) -> str:
        return self.hashes[0]

    @property
    def range(self) -> str | None:
        return self.ranges[0] if self.ranges else None

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.hashes, *self.ranges)


class Schema(msgspec.Struct, frozen=True):
    """A table as asked for."""

    name: str
    keys: Keys
    types: dict[str, str]
    indexes: tuple[Index, ...]
    billing: str
    throughput: Throughput
    view: str | None


def read_schema(request: Request) -> Schema:
    """The table that a CreateTable asks for. Raises Invalid with AWS's sentence, or Unsupported."""
    name = check_new_name(request)
    elements = request.get("KeySchema", ())
    _check_length(elements)
    billing, throughput = read_billing(request)
    types = {entry["AttributeName"]: entry["AttributeType"] for entry in request.get("AttributeDefinitions", ())}
    if len(elements) > len(types):
        raise Invalid("Invalid KeySchema: Some index key attribute have no definition")
    _require_defined([one["AttributeName"] for one in elements], types)
    keys = _key_schema(elements)
    indexes = (*_local_indexes(request, keys, types), *_global_indexes(request, billing, types))
    check_indexes(indexes)
    _refuse_unused(keys, indexes, types)
    return Schema(name, keys, types, indexes, billing, throughput, read_view(request))


def check_new_name(request: Request) -> str:
    """The name of a table to be made."""
    name = request.get("TableName")
    if not isinstance(name, str):
        raise Invalid("The parameter 'TableName' is required but was not present in the request")
    check_name(name, at_least=NAME_MIN)
    return name


def read_billing(request: Request) -> tuple[str, Throughput]:
    """Billing mode and provisioned figures, which must fit each other."""
    billing = request.get("BillingMode", PROVISIONED)
    given = request.get("ProvisionedThroughput")
    if billing == ON_DEMAND:
        if given is not None:
            raise invalid_values(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        return ON_DEMAND, Throughput()
    if given is None:
        raise invalid_values(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
    return PROVISIONED, read_throughput(given)


def read_throughput(given: Mapping[str, Any]) -> Throughput:
    """Provisioned figures within bounds."""
    for name in ("ReadCapacityUnits", "WriteCapacityUnits"):
        if not 1 <= given.get(name, 0) <= UNITS_MAX:
            raise Invalid(f"Given value {given.get(name, 0)} for {name} is out of bounds")
    return Throughput(given["ReadCapacityUnits"], given["WriteCapacityUnits"])


def unchanged_throughput(what: str, units: Throughput) -> Invalid:
    """The refusal of figures that are the same already."""
    return Invalid(
        f"The provisioned throughput for the {what} will not change. The requested value equals the current value. "
        f"Current ReadCapacityUnits provisioned for the {what}: {units.read_units}. "
        f"Requested ReadCapacityUnits: {units.read_units}. "
        f"Current WriteCapacityUnits provisioned for the {what}: {units.write_units}. "
        f"Requested WriteCapacityUnits: {units.write_units}. "
        "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    )


def read_view(request: Request) -> str | None:
    """The stream view asked for; None for no stream."""
    wanted = request.get("StreamSpecification")
    if wanted is None:
        return None
    view = wanted.get("StreamViewType")
    if not wanted.get("StreamEnabled"):
        if view is not None:
            raise invalid_values(
                "Table is being created with a stream disabled, UpdateViewType should not be specified"
            )
        return None
    if view not in VIEWS:
        raise invalid_values("StreamViewType is required when the stream is enabled")
    return str(view)


def check_ttl_attribute(name: Any) -> str:
    """The attribute by which items are to expire."""
    if not isinstance(name, str) or not 1 <= len(name) <= TTL_NAME_MAX:
        bound = "less than or equal to 255" if name else "greater than or equal to 1"
        raise Invalid(
            f"1 validation error detected: Value '{name or ''}' at 'timeToLiveSpecification.attributeName' failed to "
            f"satisfy constraint: Member must have length {bound}"
        )
    return name


def refuse_ttl_change(table: Table, attribute: str, *, enable: bool) -> None:
    """Refuse what would change nothing, or the attribute of a table whose items expire already."""
    if not enable:
        if table.ttl is None:
            raise Invalid("TimeToLive is already disabled")
        if table.ttl == attribute:
            return
    elif table.ttl is None:
        return
    elif table.ttl == attribute:
        raise Invalid("TimeToLive is already enabled")
    raise Invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is {table.ttl}")


def _check_length(elements: Sequence[Mapping[str, str]]) -> None:
    if not 1 <= len(elements) <= 2:
        shown = ", ".join(
            f"KeySchemaElement(attributeName={one['AttributeName']}, keyType={one['KeyType']})" for one in elements
        )
        bound = "less than or equal to 2" if elements else "greater than or equal to 1"
        raise Invalid(
            f"1 validation error detected: Value '[{shown}]' at 'keySchema' failed to satisfy constraint: "
            f"Member must have length {bound}"
        )


def _key_schema(elements: Sequence[Mapping[str, str]]) -> Keys:
    names = [one["AttributeName"] for one in elements]
    if len(names) == 2 and names[0] == names[1]:
        raise Invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    if elements[0]["KeyType"] != "HASH":
        raise Invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(names) == 2 and elements[1]["KeyType"] != "RANGE":
        raise Invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    return Keys((names[0],), tuple(names[1:]))


def _composed_schema(elements: Sequence[Mapping[str, str]], index: str) -> Keys:
    """The key of a global index: up to four attributes for the partition, then up to four to sort by."""
    if elements[0]["KeyType"] != "HASH":
        raise Invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    hashes, ranges = ([one["AttributeName"] for one in elements if one["KeyType"] == kind] for kind in KINDS)
    if [one["KeyType"] for one in elements] != ["HASH"] * len(hashes) + ["RANGE"] * len(ranges):
        raise invalid_values(f"HASH key attributes must come before RANGE key attributes in the KeySchema of {index}")
    if len({*hashes, *ranges}) < len(elements):
        raise invalid_values(f"Two elements in the KeySchema of index {index} have the same name")
    for kind, names in zip(KINDS, (hashes, ranges), strict=True):
        if len(names) > KEY_PARTS_MAX:
            raise invalid_values(f"The KeySchema of index {index} has more than {KEY_PARTS_MAX} {kind} key attributes")
    return Keys(tuple(hashes), tuple(ranges))


def _local_indexes(request: Request, keys: Keys, types: Mapping[str, str]) -> list[Index]:
    given = request.get("LocalSecondaryIndexes")
    if given is None:
        return []
    if not given:
        raise invalid_values("List of LocalSecondaryIndexes is empty")
    if keys.range is None:
        raise invalid_values(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    indexes = [_local_index(one, number, keys, types) for number, one in enumerate(given)]
    if len(given) > LOCAL_INDEXES_MAX:
        raise invalid_values(f"Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}")
    return indexes


def _local_index(given: Mapping[str, Any], number: int, table_keys: Keys, types: Mapping[str, str]) -> Index:
    name, elements = given["IndexName"], given["KeySchema"]
    _check_length(elements)
    _require_defined([one["AttributeName"] for one in elements], types)
    keys = _key_schema(elements)
    if keys.range is None:
        raise invalid_values(f"Index KeySchema does not have a range key for index: {name}")
    if keys.hash != table_keys.hash:
        raise invalid_values(
            "Index KeySchema does not have the same leading hash key as table KeySchema "
            f"for index: {name}. index hash key: {keys.hash}, table hash key: {table_keys.hash}"
        )
    return _index(given, number, keys, is_global=False)


def _global_indexes(request: Request, billing: str, types: Mapping[str, str]) -> list[Index]:
    given = request.get("GlobalSecondaryIndexes")
    if given is None:
        return []
    if not given:
        raise invalid_values("List of GlobalSecondaryIndexes is empty")
    first = len(request.get("LocalSecondaryIndexes") or ())
    indexes = [read_global_index(one, first + number, billing, types) for number, one in enumerate(given)]
    if len(given) > GLOBAL_INDEXES_MAX:
        raise invalid_values(f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}")
    return indexes


def read_global_index(given: Mapping[str, Any], number: int, billing: str, types: Mapping[str, str]) -> Index:
    """A global index as asked for, whose keys are defined in `types` and whose figures fit the table's billing."""
    elements = given["KeySchema"]
    _require_defined([one["AttributeName"] for one in elements], types)
    is_composed = len(elements) > 2 or [one["KeyType"] for one in elements] == ["HASH", "HASH"]
    keys = _composed_schema(elements, given["IndexName"]) if is_composed else _key_schema(elements)
    index = _index(given, number, keys, is_global=True)
    units = given.get("ProvisionedThroughput")
    if billing == ON_DEMAND and units is not None:
        raise invalid_values(
            f"ProvisionedThroughput should not be specified for index: {given['IndexName']} "
            "when BillingMode is PAY_PER_REQUEST"
        )
    if billing == PROVISIONED and units is None:
        raise invalid_values(f"ProvisionedThroughput must be specified for index: {given['IndexName']}")
    return index


def _index(given: Mapping[str, Any], number: int, keys: Keys, *, is_global: bool) -> Index:
    projection = given.get("Projection") or {}
    kind, included = projection.get("ProjectionType"), projection.get("NonKeyAttributes")
    if kind not in (ALL, KEYS_ONLY, INCLUDE):
        raise invalid_values(f"Unknown ProjectionType: {'null' if kind is None else kind}")
    if kind == INCLUDE and not included:
        raise invalid_values("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if kind != INCLUDE and included is not None:
        raise invalid_values(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if included and len(set(included)) < len(included):
        raise invalid_values(f"Duplicate attribute names in NonKeyAttributes of index: {given['IndexName']}")
    units = given.get("ProvisionedThroughput")
    return Index(
        name=given["IndexName"],
        number=number,
        is_global=is_global,
        hash=keys.hash,
        range=keys.range,
        projection=kind,
        included=tuple(included or ()),
        throughput=Throughput() if units is None else read_throughput(units),
        further_hashes=keys.hashes[1:],
        further_ranges=keys.ranges[1:],
    )


def check_indexes(indexes: Sequence[Index]) -> None:
    """Refuse two indexes of one name, and too many attributes named for projections."""
    names: set[str] = set()
    for index in indexes:
        if index.name in names:
            raise invalid_values(f"Duplicate index name: {index.name}")
        names.add(index.name)
    if sum(len(index.included) for index in indexes) > INCLUDED_MAX:
        raise invalid_values(f"The number of NonKeyAttributes over all indexes exceeds the limit of {INCLUDED_MAX}")


def _require_defined(names: Sequence[str], types: Mapping[str, str]) -> None:
    """Refuse a key of which an attribute has no definition."""
    if any(name not in types for name in names):
        raise invalid_values(
            f"Some index key attributes are not defined in AttributeDefinitions. Keys: [{', '.join(names)}], "
            f"AttributeDefinitions: [{', '.join(types)}]"
        )


def _refuse_unused(keys: Keys, indexes: Sequence[Index], types: Mapping[str, str]) -> None:
    """Every definition is of a key attribute."""
    used = dict.fromkeys((*keys.names, *(name for index in indexes for name in index.key_names)))
    if len(used) == len(types):
        return
    if not indexes:
        raise invalid_values(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    raise invalid_values(
        f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(types)}], "
        f"keys used: [{', '.join(used)}]"
    )
