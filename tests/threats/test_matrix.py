"""The full matrix: every kind of credential at every door, on the API or pool it is for and on others.

A row of `EXPECTED` is a credential, a column a door: `+` opens, `-` does not. Whoever adds a door or a kind of
credential adds a column or a row.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials as Keys
from joserfc import jws
from joserfc.jwk import RSAKey

from support.functions import zipped
from support.house import HOST, House, opened
from syncline.core import Request, SynclineError, json
from syncline.datasources.outbound import Answer
from syncline.hub import Post, Start
from unit.graphql.conftest import Outbox

ACCOUNT = "000000000000"
SDL = b"""
type Query { who: String @aws_api_key @aws_iam @aws_cognito_user_pools @aws_oidc @aws_lambda }
type Mutation { put: String @aws_api_key @aws_iam @aws_cognito_user_pools @aws_oidc @aws_lambda }
type Subscription {
  onPut: String @aws_subscribe(mutations: ["put"]) @aws_api_key @aws_iam @aws_cognito_user_pools @aws_oidc @aws_lambda
}
"""
AUTHORIZER = "def handler(event, _):\n    c = event['requestContext']\n    return {'isAuthorized': event['authorizationToken'] == 'open-' + c['apiId']}\n"  # noqa: E501
DOORS = ("query", "mutation", "connect", "start", "sse", "own stream", "root's stream")
EVENT_DOORS = ("publish", "event connect", "event subscribe", "event publish")
"""Of one pair of APIs, a GraphQL and an Event one; then come the control plane and a user pool's own operations."""

EXPECTED = """
nothing                    ------- ----   ------- ----   - -
a key of the API           ++++++- ----   ------- ----   - -
a key of its Event API     ------- ++++   ------- ----   - -
a key of the other API     ------- ----   ++++++- ----   - -
a deleted key              ------- ----   ------- ----   - -
root's signature           +++++++ ++++   +++++++ ++++   + -
a signature for the API    ++++++- ++++   --+---- ----   - -
a signature for no API     --+---- ----   --+---- ----   - -
an unknown key's signature ------- ----   ------- ----   - -
a stolen signature         ------- ----   ------- ----   - -
an access token            ++++++- ++++   ------- ----   - +
an ID token                ++++++- ++++   ------- ----   - -
a refresh token            ------- ----   ------- ----   - -
the other pool's token     ------- ----   ++++++- ++++   - +
a revoked token            ------- ----   ------- ----   - -
an issuer's token          ++++++- ++++   ------- ----   - -
the other issuer's token   ------- ----   ++++++- ++++   - -
a token of one's own make  ------- ----   ------- ----   - -
a token without algorithm  ------- ----   ------- ----   - -
a token by a public key    ------- ----   ------- ----   - -
an authorizer's token      ++++++- ----   ------- ----   - -
the Event authorizer's     ------- ++++   ------- ----   - -
an expired token           ------- ----   ------- ----   - -
"""


Credential = Callable[[str, bytes], Mapping[str, str]]
"""The headers of a request with this path and body."""


class Issuer:
    """An OpenID Connect issuer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = RSAKey.generate_key(2048, {"kid": "k1"}, private=True)

    def token(self, *, key: RSAKey | None = None, **claims: Any) -> str:
        now = int(time.time())
        whole = {"iss": self.url, "sub": "ada", "aud": "app", "iat": now, "exp": now + 600, **claims}
        return jws.serialize_compact({"alg": "RS256", "kid": "k1"}, json.encode(whole), key or self.key)


class Site:
    """One pair of APIs with everything that opens them."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.name = house, name
        self.issuer = Issuer(f"https://{name}.issuer.test")
        self.graphql = self.events = self.key = self.event_key = self.pool = self.client = ""

    async def make(self, authorizer: str) -> None:
        aws = self.house.aws
        self.pool = (await aws("cognito-idp", "create_user_pool", PoolName=self.name))["UserPool"]["Id"]
        made = {"UserPoolId": self.pool, "ClientName": "app", "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]}
        made["ExplicitAuthFlows"].append("ALLOW_REFRESH_TOKEN_AUTH")  # type: ignore[attr-defined]
        self.client = (await aws("cognito-idp", "create_user_pool_client", **made))["UserPoolClient"]["ClientId"]
        ada = {"UserPoolId": self.pool, "Username": "ada"}
        await aws("cognito-idp", "admin_create_user", **ada, MessageAction="SUPPRESS")
        await aws("cognito-idp", "admin_set_user_password", **ada, Password="Passw0rd!", Permanent=True)
        providers = [
            {"authenticationType": "AWS_IAM"},
            {
                "authenticationType": "AMAZON_COGNITO_USER_POOLS",
                "userPoolConfig": {"userPoolId": self.pool, "awsRegion": "us-east-1"},
            },
            {"authenticationType": "OPENID_CONNECT", "openIDConnectConfig": {"issuer": self.issuer.url}},
            {"authenticationType": "AWS_LAMBDA", "lambdaAuthorizerConfig": {"authorizerUri": authorizer}},
        ]
        graphql = await aws(
            "appsync",
            "create_graphql_api",
            name=self.name,
            authenticationType="API_KEY",
            additionalAuthenticationProviders=providers,
        )
        self.graphql = graphql["graphqlApi"]["apiId"]
        await aws("appsync", "start_schema_creation", apiId=self.graphql, definition=SDL)
        await aws("appsync", "create_data_source", apiId=self.graphql, name="none", type="NONE")
        for kind, field in (("Query", "who"), ("Mutation", "put")):
            place = {"apiId": self.graphql, "typeName": kind, "fieldName": field, "dataSourceName": "none"}
            template = '{"version": "2018-05-29", "payload": "yes"}'
            answer = "$util.toJson($ctx.result)"
            await aws(
                "appsync", "create_resolver", **place, requestMappingTemplate=template, responseMappingTemplate=answer
            )
        self.events = await self._events(providers)
        self.key = (await aws("appsync", "create_api_key", apiId=self.graphql))["apiKey"]["id"]
        self.event_key = (await aws("appsync", "create_api_key", apiId=self.events))["apiKey"]["id"]

    async def _events(self, providers: list[dict[str, Any]]) -> str:
        names = {"userPoolConfig": "cognitoConfig", "openIDConnectConfig": "openIDConnectConfig"}
        names["lambdaAuthorizerConfig"] = "lambdaAuthorizerConfig"
        shown = [
            {"authType" if name == "authenticationType" else names[name]: value for name, value in each.items()}
            for each in ({"authenticationType": "API_KEY"}, *providers)
        ]
        modes = [{"authType": each["authType"]} for each in shown]
        lists = ("connectionAuthModes", "defaultPublishAuthModes", "defaultSubscribeAuthModes")
        config = {"authProviders": shown, **dict.fromkeys(lists, modes)}
        made = (await self.house.aws("appsync", "create_api", name=self.name, eventConfig=config))["api"]["apiId"]
        await self.house.aws("appsync", "create_channel_namespace", apiId=made, name="room")
        return str(made)

    async def tokens(self) -> dict[str, str]:
        """A sign-in's."""
        given = {"USERNAME": "ada", "PASSWORD": "Passw0rd!"}
        asked = {"ClientId": self.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": given}
        found: dict[str, str] = (await self.house.aws("cognito-idp", "initiate_auth", **asked))["AuthenticationResult"]
        return found

    # --- doors

    async def query(self, credential: Credential) -> bool:
        return await self._asked(credential, "{ who }")

    async def mutation(self, credential: Credential) -> bool:
        return await self._asked(credential, "mutation { put }")

    async def _asked(self, credential: Credential, query: str) -> bool:
        path, body = f"/graphql/{self.graphql}", json.encode({"query": query})
        answer = await self.house.ask(path, body, credential(path, body))
        return b'"errors"' not in answer.body and answer.status == 200

    async def connect(self, credential: Credential) -> bool:
        path = f"/graphql/{self.graphql}"
        return await opens(self._endpoint(path).connect(upgrade(path), credential(f"{path}/connect", b"{}")))

    async def start(self, credential: Credential) -> bool:
        path = f"/graphql/{self.graphql}"
        endpoint = self._endpoint(path)
        await endpoint.connect(upgrade(path), {"x-api-key": self.key})
        payload = {"query": "subscription { onPut }"}
        raw = json.encode(payload)
        return await opens(endpoint.subscribe(start(path, payload, credential(path, raw))))

    async def sse(self, credential: Credential) -> bool:
        path = f"/graphql/{self.graphql}"
        payload = {"query": "subscription { onPut }"}
        headers = {"host": HOST, "accept": "text/event-stream", **credential(path, json.encode(payload))}
        request = Request("POST", path, "", list(headers.items()), json.encode(payload))
        endpoint = self.house.doors.endpoint(request)
        assert endpoint is not None
        if not await opens(endpoint.connect(request, None)):
            return False
        return await opens(endpoint.subscribe(start(path, payload, headers, operations=True)))

    async def own_stream(self, credential: Credential) -> bool:
        """A stream of the single connection mode, and an operation on it."""
        return await self._on_stream(credential, credential)

    async def roots_stream(self, credential: Credential) -> bool:
        """An operation on a stream that root has reserved."""
        return await self._on_stream(signing(self.house, self.house.root), credential)

    async def _on_stream(self, reserving: Credential, asking: Credential) -> bool:
        path = f"/graphql/{self.graphql}"
        payload = {"query": "subscription { onPut }"}
        body = json.encode(payload)
        reserved = Request("PUT", path, "", list(reserving(f"PUT {path}", b"").items()))
        asked = Request("POST", path, "", list(asking(path, body).items()), body)
        endpoint: Any = self.house.doors.endpoint(reserved)
        try:
            await endpoint.connect(reserved, None)
            caller = await endpoint.admit(asked)
            await endpoint.subscribe(start(path, payload, {}, operations=True, caller=caller))
        except SynclineError:
            return False
        return True

    async def publish(self, credential: Credential) -> bool:
        path, body = f"/event/{self.events}", json.encode({"channel": "/room/a", "events": ["1"]})
        return (await self.house.ask(path, body, credential(path, body))).status == 200

    async def event_connect(self, credential: Credential) -> bool:
        path = f"/event/{self.events}"
        return await opens(self._endpoint(path).connect(upgrade(path), credential(path, b"{}")))

    async def event_subscribe(self, credential: Credential) -> bool:
        path = f"/event/{self.events}"
        endpoint = self._endpoint(path)
        await endpoint.connect(upgrade(path), {"x-api-key": self.event_key})
        payload = {"channel": "/room/*"}
        return await opens(endpoint.subscribe(start(path, payload, credential(path, json.encode(payload)))))

    async def event_publish(self, credential: Credential) -> bool:
        path = f"/event/{self.events}"
        endpoint: Any = self._endpoint(path)
        await endpoint.connect(upgrade(path), {"x-api-key": self.event_key})
        body = json.encode({"channel": "/room/a", "events": ["1"]})
        return await opens(endpoint.publish(Post("/room/a", ["1"], credential(path, body), Outbox(), upgrade(path))))

    def _endpoint(self, path: str) -> Any:
        return self.house.doors.endpoint(upgrade(path))

    async def seen(self, credential: Credential) -> str:
        doors = (self.query, self.mutation, self.connect, self.start, self.sse, self.own_stream, self.roots_stream)
        event_doors = (self.publish, self.event_connect, self.event_subscribe, self.event_publish)
        parts = [[await door(credential) for door in each] for each in (doors, event_doors)]
        return " ".join("".join("+" if yes else "-" for yes in part) for part in parts)


def upgrade(path: str) -> Request:
    return Request("GET", f"{path}/realtime", "", [("host", HOST)])


def start(path: str, payload: dict[str, Any], headers: Mapping[str, str], **more: Any) -> Start:
    raw = json.encode(payload).decode()
    return Start("1", payload, raw, headers, Outbox(), b"", b"", upgrade(path), **more)


async def opens(call: Awaitable[Any]) -> bool:
    try:
        await call
    except SynclineError:
        return False
    return True


async def control(house: House, credential: Credential) -> bool:
    """ListGraphqlApis with this credential."""
    headers = {"host": HOST, **credential("/v1/apis", b"")}
    if headers.get("authorization", "").startswith("AWS4"):
        headers |= credential("GET /v1/apis", b"")
    request = Request("GET", "/v1/apis", "", list(headers.items()))
    return (await house.rooms.aws.respond(request)).status == 200


async def own_account(house: House, credential: Credential) -> bool:
    """GetUser with this credential as its token."""
    token = credential("/", b"").get("authorization") or "nothing"
    headers = {
        "x-amz-target": "AWSCognitoIdentityProviderService.GetUser",
        "content-type": "application/x-amz-json-1.1",
    }
    body = json.encode({"AccessToken": token})
    request = Request("POST", "/", "", [("host", HOST), *headers.items()], body)
    return (await house.rooms.aws.respond(request)).status == 200


def bearing(token: str) -> Credential:
    return lambda path, body: {"host": HOST, "authorization": token}


def keyed(key: str) -> Credential:
    return lambda path, body: {"host": HOST, "x-api-key": key}


def signing(house: House, keys: Keys) -> Credential:
    def headers(path: str, body: bytes) -> Mapping[str, str]:
        method, _, address = path.rpartition(" ")
        return house.signed(address, body, keys, method=method or "POST")

    return headers


def stolen(house: House) -> Credential:
    """A root's signature of another request."""
    return lambda path, body: house.signed("/graphql/another", b'{"query":"{ other }"}')


def forged(token: str, **header: Any) -> tuple[str, str]:
    """A token's claims under a header of one's own."""
    first, claims, _ = token.split(".")
    whole = {**json.decode(base64.urlsafe_b64decode(first + "==")), **header}
    return base64.urlsafe_b64encode(json.encode(whole)).decode().rstrip("="), claims


def by_public_key(house: House, pool: str, token: str) -> str:
    """Algorithm confusion: the published key taken for an HMAC secret."""
    jwks = house.rooms.userpools.jwks(pool)
    assert jwks is not None
    pem = RSAKey.import_key(jwks["keys"][1]).as_pem(private=False)
    head, claims = forged(token, alg="HS256")
    mac = hmac.digest(pem, f"{head}.{claims}".encode(), hashlib.sha256)
    return f"{head}.{claims}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


async def user(house: House, name: str, *resources: str) -> Keys:
    await house.aws("iam", "create_user", UserName=name)
    statement = {"Effect": "Allow", "Action": "appsync:*", "Resource": list(resources) or "arn:aws:appsync:::none"}
    document = json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
    await house.aws("iam", "put_user_policy", UserName=name, PolicyName="p", PolicyDocument=document)
    made = (await house.aws("iam", "create_access_key", UserName=name))["AccessKey"]
    return Keys(made["AccessKeyId"], made["SecretAccessKey"])


async def credentials(house: House, own: Site, other: Site) -> dict[str, Credential]:
    """One of each kind."""
    mine, theirs, revoked = await own.tokens(), await other.tokens(), await own.tokens()
    await house.aws("cognito-idp", "revoke_token", ClientId=own.client, Token=revoked["RefreshToken"])
    gone = (await house.aws("appsync", "create_api_key", apiId=own.graphql))["apiKey"]["id"]
    await house.aws("appsync", "delete_api_key", apiId=own.graphql, id=gone)
    arns = [
        f"arn:aws:appsync:us-east-1:{ACCOUNT}:apis/{api}{end}"
        for api in (own.graphql, own.events)
        for end in ("", "/*")
    ]
    head, claims = forged(mine["AccessToken"], alg="none")
    return {
        "nothing": lambda path, body: {"host": HOST},
        "a key of the API": keyed(own.key),
        "a key of its Event API": keyed(own.event_key),
        "a key of the other API": keyed(other.key),
        "a deleted key": keyed(gone),
        "root's signature": signing(house, house.root),
        "a signature for the API": signing(house, await user(house, "ada", *arns)),
        "a signature for no API": signing(house, await user(house, "eve")),
        "an unknown key's signature": signing(house, Keys("AKIANOBODYSKEY000000", "secret")),
        "a stolen signature": stolen(house),
        "an access token": bearing(mine["AccessToken"]),
        "an ID token": bearing(mine["IdToken"]),
        "a refresh token": bearing(mine["RefreshToken"]),
        "the other pool's token": bearing(theirs["AccessToken"]),
        "a revoked token": bearing(revoked["AccessToken"]),
        "an issuer's token": bearing(own.issuer.token()),
        "the other issuer's token": bearing(other.issuer.token()),
        "a token of one's own make": bearing(own.issuer.token(key=RSAKey.generate_key(2048, {"kid": "k1"}))),
        "a token without algorithm": bearing(f"{head}.{claims}."),
        "a token by a public key": bearing(by_public_key(house, own.pool, mine["AccessToken"])),
        "an authorizer's token": bearing(f"open-{own.graphql}"),
        "the Event authorizer's": bearing(f"open-{own.events}"),
        "an expired token": bearing(own.issuer.token(exp=int(time.time()) - 1)),
    }


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "data") as made:
        yield made


async def test_threat_no_credential_opens_a_door_that_it_is_not_for(house: House) -> None:
    own, other = Site(house, "own"), Site(house, "other")
    issuers = {each.issuer.url: each.issuer for each in (own, other)}

    async def published(method: str, url: str, headers: Any, body: Any) -> Answer:
        issuer = issuers[url.partition("/.well-known")[0]]
        if url.endswith("openid-configuration"):
            return Answer(200, [], json.encode({"jwks_uri": f"{issuer.url}/.well-known/keys"}))
        return Answer(200, [], json.encode({"keys": [issuer.key.as_dict(private=False)]}))

    house.rooms.outbound.send = published  # type: ignore[method-assign]
    code = zipped(index__py=AUTHORIZER)
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    made = {"FunctionName": "gate", "Runtime": "python3.12", "Role": role, "Handler": "index.handler"}
    authorizer = (await house.aws("lambda", "create_function", **made, Code={"ZipFile": code}))["FunctionArn"]
    await own.make(authorizer)
    await other.make(authorizer)
    seen = []
    for name, credential in (await credentials(house, own, other)).items():
        apis = [await site.seen(credential) for site in (own, other)]
        rest = [await control(house, credential), await own_account(house, credential)]
        seen.append(f"{name:26} {'   '.join(apis)}   {' '.join('+' if yes else '-' for yes in rest)}")
    assert seen == EXPECTED.strip().splitlines()
