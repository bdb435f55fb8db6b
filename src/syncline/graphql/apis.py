"""APIs, their keys, schemas, variables and tags: the control plane's verbs.

For: `service`. Owns: what AppSync checks and fills in before a record is kept. Never: serves a request.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec

from syncline.auth import check_origins
from syncline.core import Invalid, Unsupported, arns
from syncline.graphql import schema as schemas
from syncline.graphql.catalog import Entry
from syncline.graphql.engine import GraphqlEngine
from syncline.graphql.errors import BadRequest
from syncline.graphql.introspection import introspection
from syncline.graphql.live_api import CONFIGS
from syncline.graphql.model import Api, Environment, SchemaRecord
from syncline.wire import page, record_from, shown

SINGLE = ("API_KEY", "AWS_IAM", "AWS_LAMBDA")
"""Modes that an API has at most once; several pools and issuers are fine, but none twice."""
TTL_SECONDS_MAX = 3600
SCHEMA_BYTES_MAX = 1_000_000
SCHEMA_BYTES_INLINE = 64 * 1024
"""A larger document is built on another thread, so that it does not hold up the loop."""
VARIABLES_MAX = 50
VARIABLE_NAME = re.compile(r"[A-Za-z]+\w*", re.ASCII)
TAGS_MAX = 50


class MergedApisUnsupported(Unsupported):
    """Merged APIs are not supported; apiType GRAPHQL is."""


class SchemaMissing(Invalid):
    """No schema definition exists."""

    code = "GraphQLSchemaException"


class Apis:
    """The verbs over APIs."""

    def __init__(self, engine: GraphqlEngine) -> None:
        self._engine = engine

    # --- APIs

    async def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """A new API."""
        self._check(request)
        api_id = self._engine.ids.short()
        api = record_from(
            Api,
            request,
            api_id=api_id,
            arn=self._engine.arn(f"apis/{api_id}"),
            owner=self._engine.settings.account,
        )
        self._engine.start(await self._engine.catalog.put_api(api))
        await self._engine.settle_durability(api_id)
        return {"graphqlApi": self.shown(api)}

    async def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """An API described anew: what the request leaves out is reset to its default."""
        entry = self._entry(request)
        self._check(request)
        old = entry.api
        api = record_from(
            Api,
            request,
            api_id=old.api_id,
            arn=old.arn,
            owner=old.owner,
            tags=old.tags,
            api_type=old.api_type,
            visibility=old.visibility,
        )
        await self._engine.catalog.put_api(api)
        await self._engine.resettle(api.api_id)
        return {"graphqlApi": self.shown(api)}

    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"graphqlApi": self.shown(self._entry(request).api)}

    async def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(request)
        # What its publications kept goes first: nothing would know of it after a crash in between.
        await self._engine.hub.make_durable(entry.api.api_id, durable=False)
        await self._engine.catalog.delete_api(entry)
        await self._engine.stop(entry.api.api_id)
        return {}

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        kind, others = request.get("apiType"), request.get("owner") == "OTHER_ACCOUNTS"
        found: list[Api] = [
            entry.api
            for entry in (() if others else self._engine.catalog.entries.values())
            if kind is None or entry.api.api_type == kind
        ]
        found.sort(key=_api_id)
        answer = page("graphqlApis", found, request)
        answer["graphqlApis"] = [self._with_uris(each) for each in answer["graphqlApis"]]
        return answer

    def shown(self, api: Api) -> dict[str, Any]:
        """The API as answers show it."""
        return self._with_uris(shown(api))

    def _with_uris(self, members: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._engine.public_url().rstrip('/')}/graphql/{members['apiId']}"
        host = url.partition("://")[2].partition("/")[0].partition(":")[0]
        realtime = f"ws{url.removeprefix('http')}/realtime"
        return {
            **members,
            "uris": {"GRAPHQL": url, "REALTIME": realtime},
            "dns": {"GRAPHQL": host, "REALTIME": host},
        }

    def _check(self, request: dict[str, Any]) -> None:
        if request.get("apiType", "GRAPHQL") != "GRAPHQL":
            raise MergedApisUnsupported
        given = [request, *(request.get("additionalAuthenticationProviders") or ())]
        modes = [each["authenticationType"] for each in given]
        for mode in SINGLE:
            if modes.count(mode) > 1:
                raise BadRequest(f"Multiple {mode} authentication providers are not allowed.")
        seen = [_checked_provider(each) for each in given]
        named = [each for each in seen if each]
        if len(named) != len(set(named)):
            raise BadRequest("The same user pool or issuer cannot be given twice.")
        _check_tags(request.get("tags") or {})

    def _entry(self, request: dict[str, Any]) -> Entry:
        return self._engine.catalog.entry(request["apiId"])

    # --- schema

    async def start_schema_creation(self, request: dict[str, Any]) -> dict[str, Any]:
        """Build the schema at once; the answer still says PROCESSING, as clients expect to ask again."""
        entry = self._entry(request)
        definition: bytes = request["definition"]
        if len(definition) > SCHEMA_BYTES_MAX:
            raise BadRequest(f"Schema document is too large: {len(definition)} bytes, the limit is {SCHEMA_BYTES_MAX}.")
        try:
            text = definition.decode()
            if len(definition) > SCHEMA_BYTES_INLINE:
                schema = await asyncio.to_thread(schemas.build, text)
            else:
                schema = schemas.build(text)
        except (schemas.SchemaRefused, UnicodeDecodeError) as refusal:
            details = str(refusal) if isinstance(refusal, schemas.SchemaRefused) else schemas.UNPARSABLE
            await self._engine.catalog.put_schema(entry, SchemaRecord("FAILED", details, entry.schema.text))
            return {"status": "PROCESSING"}
        count = len([name for name in schema.core.type_map if not name.startswith("__")])
        details = f"Successfully created schema with {count} types."
        await self._engine.catalog.put_schema(entry, SchemaRecord("SUCCESS", details, text))
        self._engine.live(entry.api.api_id).schema = schema
        await self._engine.resettle(entry.api.api_id)
        return {"status": "PROCESSING"}

    def schema_creation_status(self, request: dict[str, Any]) -> dict[str, Any]:
        schema = self._entry(request).schema
        return {"status": schema.status, "details": schema.details}

    async def introspection_schema(self, request: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(request)
        schema = self._engine.live(entry.api.api_id).schema
        if schema is None:
            raise SchemaMissing
        # A schema of a megabyte takes seconds to print.
        directives = request.get("includeDirectives", True)
        return {"schema": await asyncio.to_thread(introspection, schema, request["format"], directives)}

    # --- environment and tags

    async def put_environment(self, request: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(request)
        given: dict[str, str] = request["environmentVariables"]
        if len(given) > VARIABLES_MAX:
            raise BadRequest(f"An API has at most {VARIABLES_MAX} environment variables.")
        for name, value in given.items():
            if not VARIABLE_NAME.fullmatch(name) or not 2 <= len(name) <= 64 or len(value) > 512:
                raise BadRequest(f"Invalid environment variable: {name}.")
        await self._engine.catalog.put_environment(entry, Environment(given))
        return {"environmentVariables": given}

    def get_environment(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"environmentVariables": self._entry(request).environment.environment_variables}

    async def tag(self, request: dict[str, Any]) -> dict[str, Any]:
        entry = self._tagged(request["resourceArn"])
        tags = {**entry.api.tags, **request["tags"]}
        _check_tags(tags)
        await self._engine.catalog.put_api(msgspec.structs.replace(entry.api, tags=tags))
        await self._engine.settle_durability(entry.api.api_id)
        return {}

    async def untag(self, request: dict[str, Any]) -> dict[str, Any]:
        entry = self._tagged(request["resourceArn"])
        tags = {name: value for name, value in entry.api.tags.items() if name not in request["tagKeys"]}
        await self._engine.catalog.put_api(msgspec.structs.replace(entry.api, tags=tags))
        await self._engine.settle_durability(entry.api.api_id)
        return {}

    def tags(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"tags": self._tagged(request["resourceArn"]).api.tags}

    def _tagged(self, arn: str) -> Entry:
        try:
            kind, _, api_id = arns.parse(arn).resource.partition("/")
        except ValueError:
            raise BadRequest(f"Invalid ARN: {arn}") from None
        if kind != "apis":
            raise BadRequest(f"Invalid ARN: {arn}")
        return self._engine.catalog.entry(api_id)


def _checked_provider(given: dict[str, Any]) -> str:
    """What a provider is told apart by; empty for keys and signatures. Raises BadRequest."""
    mode = str(given["authenticationType"])
    member = CONFIGS.get(mode)
    if member is None:
        return ""
    config = given.get(member)
    if not config:
        raise BadRequest(f"{member} is required for the authentication type {mode}.")
    if mode == "AMAZON_COGNITO_USER_POOLS":
        _check_expression(config.get("appIdClientRegex"))
        return str(config["userPoolId"])
    if mode == "OPENID_CONNECT":
        if not config["issuer"].startswith(("https://", "http://")):
            raise BadRequest("The issuer must be a URL.")
        _check_expression(config.get("clientId"))
        return str(config["issuer"])
    _check_expression(config.get("identityValidationExpression"))
    if not 0 <= (config.get("authorizerResultTtlInSeconds") or 0) <= TTL_SECONDS_MAX:
        raise BadRequest(f"authorizerResultTtlInSeconds is from 0 to {TTL_SECONDS_MAX}.")
    return mode


def _check_expression(text: str | None) -> None:
    try:
        re.compile(text or "")
    except (re.error, RecursionError, OverflowError):
        raise BadRequest(f"{text} is not a regular expression.") from None


def _api_id(api: Api) -> str:
    return api.api_id


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX or any(name.startswith("aws:") for name in tags):
        raise BadRequest("Invalid tags: at most 50, and no key may begin with aws:.")
    check_origins(tags)
