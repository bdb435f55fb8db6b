"""Custom domains: kept, associated, and the way to an API."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Request, SynclineError, json

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0123456789"
PAYLOAD = '{"version": "2018-05-29", "payload": {"d": $util.toJson($ctx.request.domainName)}}'


async def domain(world: Any, name: str, **members: Any) -> Any:
    given = {"domainName": name, "certificateArn": CERTIFICATE, **members}
    return (await world.operations.call("appsync", "CreateDomainName", given))["domainNameConfig"]


async def call(world: Any, operation: str, **request: Any) -> Any:
    return await world.operations.call("appsync", operation, request)


async def api(world: Any) -> str:
    await world.create("type Query { domain: String }")
    await world.local("Query", "domain", PAYLOAD, "$util.toJson($ctx.result.d)")
    return str(world.api_id)


async def ask(world: Any, host: str, key: str, **headers: str) -> Any:
    given = [("host", host), ("x-api-key", key), *headers.items()]
    request = Request("POST", "/graphql", "", given, b'{"query": "{domain}"}')
    response = await world.engine.respond(world.engine.api_of(request), request)
    return json.decode(response.body)


@pytest.mark.rule("GQL-73")
async def test_a_domain_is_kept_and_given_back(world: Any) -> None:
    made = await domain(world, "api.example.com", description="d", tags={"a": "b"})
    assert made == {
        "domainName": "api.example.com",
        "certificateArn": CERTIFICATE,
        "appsyncDomainName": "localhost",
        "hostedZoneId": "Z2FDTNDATAQYW2",
        "domainNameArn": "arn:aws:appsync:us-east-1:000000000000:domainnames/api.example.com",
        "description": "d",
        "tags": {"a": "b"},
    }
    await call(world, "UpdateDomainName", domainName="api.example.com", description="e")
    await domain(world, "b.example.com")
    await world.engine.load()
    first = await call(world, "ListDomainNames", maxResults=1)
    assert first["domainNameConfigs"] == [{**made, "description": "e"}]
    rest = await call(world, "ListDomainNames", nextToken=first["nextToken"])
    assert [each["domainName"] for each in rest["domainNameConfigs"]] == ["b.example.com"]
    await call(world, "DeleteDomainName", domainName="api.example.com")
    for operation in ("GetDomainName", "UpdateDomainName", "DeleteDomainName", "GetApiAssociation", "DisassociateApi"):
        with pytest.raises(SynclineError) as refusal:
            await call(world, operation, domainName="api.example.com")
        assert refusal.value.code == "NotFoundException"
    with pytest.raises(SynclineError) as refusal:
        await domain(world, "B.example.com")
    assert refusal.value.code == "BadRequestException"


@pytest.mark.rule("GQL-73")
async def test_a_host_leads_to_its_api(world: Any) -> None:
    first, key = await api(world), world.key
    second, other = await api(world), world.key
    await domain(world, "one.example.com")
    await domain(world, "*.example.com")
    for name, api_id in (("one.example.com", first), ("*.example.com", second)):
        made = await call(world, "AssociateApi", domainName=name, apiId=api_id)
        expected = {"domainName": name, "apiId": api_id, "associationStatus": "SUCCESS"}
        assert made["apiAssociation"] == expected
        assert (await call(world, "GetApiAssociation", domainName=name))["apiAssociation"] == expected
    await world.engine.load()
    assert await ask(world, "ONE.example.com:4000", key) == {"data": {"domain": "one.example.com"}}
    assert await ask(world, "b.two.example.com", other) == {"data": {"domain": "b.two.example.com"}}
    assert "errors" in await ask(world, "one.example.com", other)
    assert await ask(world, "localhost:4000", key) == {"data": {"domain": None}}
    with pytest.raises(SynclineError):
        await call(world, "DeleteDomainName", domainName="one.example.com")
    await call(world, "AssociateApi", domainName="one.example.com", apiId=second)
    assert await ask(world, "one.example.com", other) == {"data": {"domain": "one.example.com"}}
    await call(world, "DisassociateApi", domainName="one.example.com")
    assert (await ask(world, "one.example.com", other))["data"] == {"domain": "one.example.com"}
    await call(world, "DeleteGraphqlApi", apiId=second)
    with pytest.raises(SynclineError):
        await call(world, "GetApiAssociation", domainName="*.example.com")
