"""Attributes: the schema of a pool, what a value must be, who may read and write it, and how a destination is shown.

For: sign-up, administration, tokens. Owns: the standard attributes. Never: reads the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncline.userpools.errors import NotAuthorized, ParameterInvalid
from syncline.userpools.model import Client, Pool, User

STANDARD = (
    *("profile", "address", "birthdate", "gender", "preferred_username", "updated_at", "website", "picture"),
    *("identities", "sub", "phone_number", "phone_number_verified", "zoneinfo", "locale", "email", "email_verified"),
    *("given_name", "family_name", "middle_name", "name", "nickname"),
)
BOOLEANS = ("email_verified", "phone_number_verified")
READ_ONLY = ("sub", "identities")
ALIASES = ("email", "phone_number")
CUSTOM_MAX = 50
VALUE_MAX = 2048

ANY_LENGTH = {"MinLength": "0", "MaxLength": str(VALUE_MAX)}
LENGTHS: Mapping[str, dict[str, str]] = {
    "sub": {"MinLength": "1", "MaxLength": str(VALUE_MAX)},
    "birthdate": {"MinLength": "10", "MaxLength": "10"},
    "identities": {},
}
"""Of the standard attributes that differ. Terraform takes what is shown otherwise for a change of its own."""

Attributes = dict[str, str]


def schema_of(given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`SchemaAttributes` of a pool made with these `Schema` entries."""
    named = {each["Name"].removeprefix("custom:"): dict(each) for each in given}
    shown = [_standard(name, named.pop(name, {})) for name in STANDARD]
    return shown + [custom(each) for each in named.values()]


def custom(given: Mapping[str, Any]) -> dict[str, Any]:
    """A custom attribute as it is shown."""
    kind = given.get("AttributeDataType", "String")
    shown: dict[str, Any] = {
        "Name": "custom:" + given["Name"].removeprefix("custom:"),
        "AttributeDataType": kind,
        "DeveloperOnlyAttribute": given.get("DeveloperOnlyAttribute", False),
        "Mutable": given.get("Mutable", True),
        "Required": False,
    }
    if given.get("Required"):
        raise ParameterInvalid("Required custom attributes are not supported currently.")
    for member in ("StringAttributeConstraints", "NumberAttributeConstraints"):
        if member.startswith(kind):
            shown[member] = given.get(member) or {}
    return shown


def _standard(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    kind = "Boolean" if name in BOOLEANS else "Number" if name == "updated_at" else "String"
    shown: dict[str, Any] = {
        "Name": name,
        "AttributeDataType": kind,
        "DeveloperOnlyAttribute": False,
        "Mutable": name != "sub" and given.get("Mutable", True),
        "Required": name == "sub" or bool(given.get("Required", False)),
    }
    if kind == "String":
        lengths = LENGTHS.get(name, ANY_LENGTH)
        shown["StringAttributeConstraints"] = lengths | (given.get("StringAttributeConstraints") or {})
    if kind == "Number":
        shown["NumberAttributeConstraints"] = {"MinValue": "0"} | (given.get("NumberAttributeConstraints") or {})
    return shown


def from_list(given: Iterable[Mapping[str, Any]] | None) -> Attributes:
    """Cognito's list of names and values as a map."""
    return {each["Name"]: each.get("Value", "") for each in given or ()}


def to_list(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """The map as Cognito's list."""
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def check(pool: Pool, given: Attributes, *, old: Attributes | None = None) -> None:
    """Raise unless these attributes may be set; `old` are the user's own when the user is there already."""
    schema = {each["Name"]: each for each in pool.config["SchemaAttributes"]}
    for name, value in given.items():
        row = schema.get(name)
        if row is None:
            raise ParameterInvalid(
                f"Attributes did not conform to the schema: {name}: Attribute does not exist in the schema.\n"
            )
        if name in READ_ONLY or (old is not None and not row["Mutable"] and old.get(name) not in (None, value)):
            raise ParameterInvalid(f"user.{name}: Attribute cannot be updated.\n")
        _check_value(name, value, row)


def check_required(pool: Pool, attributes: Attributes) -> None:
    """Raise unless every required attribute is there."""
    missing = missing_of(pool, attributes)
    if missing:
        lines = "".join(f"{name}: The attribute {name} is required\n" for name in missing)
        raise ParameterInvalid(f"Attributes did not conform to the schema: {lines}")


def missing_of(pool: Pool, attributes: Attributes) -> list[str]:
    """The required attributes that are not there."""
    schema = pool.config["SchemaAttributes"]
    return [row["Name"] for row in schema if row["Required"] and row["Name"] != "sub" and row["Name"] not in attributes]


def _check_value(name: str, value: str, row: Mapping[str, Any]) -> None:
    if len(value) > VALUE_MAX:
        raise _not_conforming(name, "String must be no longer than 2048 characters")
    if row["AttributeDataType"] == "Number" and value:
        if not value.lstrip("-").isdigit():
            raise _not_conforming(name, "Attribute must be a number")
        low, high = (row["NumberAttributeConstraints"].get(edge) for edge in ("MinValue", "MaxValue"))
        if (low and int(value) < int(low)) or (high and int(value) > int(high)):
            raise _not_conforming(name, "Number is out of its bounds")
    if row["AttributeDataType"] == "String":
        limits = row.get("StringAttributeConstraints") or {}
        if len(value) < int(limits.get("MinLength") or 0) or len(value) > int(limits.get("MaxLength") or VALUE_MAX):
            raise _not_conforming(name, "String is not of the length that the schema asks for")
    if name == "email" and value and not _is_email(value):
        raise ParameterInvalid("Invalid email address format.")
    if (
        name == "phone_number"
        and value
        and not (value.startswith("+") and value[1:].isdigit() and 5 <= len(value) <= 16)
    ):
        raise ParameterInvalid("Invalid phone number format.")


def _is_email(text: str) -> bool:
    local, at, host = text.rpartition("@")
    return bool(at and local and host) and not any(part.isspace() or ord(part) < 32 for part in text)


def _not_conforming(name: str, reason: str) -> ParameterInvalid:
    return ParameterInvalid(f"Attributes did not conform to the schema: {name}: {reason}\n")


def check_writable(client: Client, given: Iterable[str]) -> None:
    """Raise unless the client may write these."""
    allowed = client.config.get("WriteAttributes")
    if allowed is not None and any(name not in allowed for name in given):
        raise NotAuthorized("A client attempted to write unauthorized attribute")


def readable(client: Client | None, user: User) -> Attributes:
    """The user's attributes that the client may read, `sub` first."""
    allowed = client.config.get("ReadAttributes") if client else None
    shown = {"sub": user.sub, **user.attributes}
    return (
        shown if allowed is None else {name: value for name, value in shown.items() if name in allowed or name == "sub"}
    )


def delivery(attribute: str, destination: str) -> dict[str, str]:
    """CodeDeliveryDetails: where a code went, masked."""
    if attribute == "phone_number":
        return {"Destination": "+" + "*" * 7 + destination[-4:], "DeliveryMedium": "SMS", "AttributeName": attribute}
    local, _, host = destination.partition("@")
    return {"Destination": f"{local[:1]}***@{host[:1]}***", "DeliveryMedium": "EMAIL", "AttributeName": attribute}
