"""Custom domains: the control plane's verbs.

For: `service`. Owns: what a domain name may be told. Never: serves a certificate; the
server's own does that for every host.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from syncline.graphql.engine import GraphqlEngine
from syncline.graphql.errors import BadRequest
from syncline.graphql.model import ApiAssociation, DomainName
from syncline.graphql.parts import PartNotFound
from syncline.wire import page, record_from, shown

Members = dict[str, Any]
HOSTED_ZONE = "Z2FDTNDATAQYW2"
"""CloudFront's, which AppSync names for every domain."""


class Domains:
    """The verbs over custom domains."""

    def __init__(self, engine: GraphqlEngine) -> None:
        self._engine = engine

    async def create(self, request: Members) -> Members:
        name = request["domainName"].lower()
        if name in self._engine.catalog.domains:
            raise BadRequest(f"The domain name {name} already exists.")
        domain = record_from(
            DomainName,
            request,
            domain_name=name,
            appsync_domain_name=urlsplit(self._engine.public_url()).hostname or "localhost",
            hosted_zone_id=HOSTED_ZONE,
            domain_name_arn=self._engine.arn(f"domainnames/{name}"),
        )
        await self._engine.catalog.put_domain(domain)
        return {"domainNameConfig": shown(domain)}

    def get(self, request: Members) -> Members:
        return {"domainNameConfig": shown(self._domain(request))}

    def list(self, request: Members) -> Members:
        found = self._engine.catalog.domains
        return page("domainNameConfigs", [found[name] for name in sorted(found)], request)

    async def update(self, request: Members) -> Members:
        domain = msgspec.structs.replace(self._domain(request), description=request.get("description"))
        await self._engine.catalog.put_domain(domain)
        return {"domainNameConfig": shown(domain)}

    async def delete(self, request: Members) -> Members:
        name = self._domain(request).domain_name
        if name in self._engine.catalog.associations:
            raise BadRequest(f"The domain name {name} is associated with an API; disassociate it first.")
        await self._engine.catalog.delete_domain(name)
        return {}

    async def associate(self, request: Members) -> Members:
        """From now on requests to this host are the API's: an earlier API of it loses it."""
        domain = self._domain(request)
        api = self._engine.catalog.entry(request["apiId"]).api
        association = ApiAssociation(domain.domain_name, api.api_id)
        await self._engine.catalog.put_association(association)
        self._engine.refresh_domains()
        return {"apiAssociation": shown(association)}

    def association(self, request: Members) -> Members:
        return {"apiAssociation": shown(self._association(request))}

    async def disassociate(self, request: Members) -> Members:
        await self._engine.catalog.delete_association(self._association(request).domain_name)
        self._engine.refresh_domains()
        return {}

    def _domain(self, request: Members) -> DomainName:
        found = self._engine.catalog.domains.get(request["domainName"].lower())
        if found is None:
            raise PartNotFound(f"Domain name {request['domainName']} not found.")
        return found

    def _association(self, request: Members) -> ApiAssociation:
        found = self._engine.catalog.associations.get(self._domain(request).domain_name)
        if found is None:
            raise PartNotFound(f"Domain name {request['domainName']} is associated with no API.")
        return found
