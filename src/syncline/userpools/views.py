"""Records as Cognito's answers show them."""

from __future__ import annotations

from typing import Any

from syncline.userpools.attributes import to_list
from syncline.userpools.model import Client, Group, Pool, User

Members = dict[str, Any]


def pool(found: Pool, *, users: int = 0) -> Members:
    """UserPool."""
    shown = {**found.config, "Id": found.id, "Arn": found.arn, "EstimatedNumberOfUsers": users}
    shown |= {"CreationDate": found.created, "LastModifiedDate": found.modified}
    return shown | ({"UserPoolTags": found.tags} if found.tags else {})


def pool_row(found: Pool) -> Members:
    """A pool in a list."""
    return {
        "Id": found.id,
        "Name": found.config["Name"],
        "LambdaConfig": found.config.get("LambdaConfig") or {},
        "CreationDate": found.created,
        "LastModifiedDate": found.modified,
    }


def client(found: Client, secret: str | None) -> Members:
    """UserPoolClient."""
    shown = {**found.config, "UserPoolId": found.pool, "ClientId": found.id}
    shown |= {"CreationDate": found.created, "LastModifiedDate": found.modified}
    return shown | ({"ClientSecret": secret} if secret else {})


def group(found: Group) -> Members:
    """Group."""
    shown: Members = {"GroupName": found.name, "UserPoolId": found.pool}
    optional = {"Description": found.description, "RoleArn": found.role_arn, "Precedence": found.precedence}
    shown |= {name: value for name, value in optional.items() if value is not None}
    return shown | {"LastModifiedDate": found.modified, "CreationDate": found.created}


def user(found: User, wanted: list[str] | None = None) -> Members:
    """User, as lists show it; `wanted` are the attributes asked for."""
    every = to_list({"sub": found.sub, **found.attributes})
    shown = every if wanted is None else [each for each in every if each["Name"] in wanted]
    return {
        "Username": found.name,
        "Attributes": shown,
        "UserCreateDate": found.created,
        "UserLastModifiedDate": found.modified,
        "Enabled": found.enabled,
        "UserStatus": found.status,
    }


def user_whole(found: User) -> Members:
    """A user as AdminGetUser shows them."""
    shown = user(found)
    shown["UserAttributes"] = shown.pop("Attributes")
    return shown
