"""A user pool with two users, and a GraphQL API that its tokens open."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from support.server import Server, eventually
from support.srp import SrpClient

PASSWORD, TEMPORARY = "Corr3ct-horse", "Temp0rary-horse"
SDL = """
type Said { id: ID! }
type Query { me: String  staff: String @aws_cognito_user_pools(cognito_groups: ["staff"]) }
type Mutation { say(id: ID!): Said }
type Subscription { onSay: Said @aws_subscribe(mutations: ["say"]) }
"""
TEMPLATE = '{"version": "2018-05-29", "payload": %s}'


class People:
    """A pool with two users and an API that it opens."""

    def __init__(self, server: Server) -> None:
        self.server = server
        cognito = server.root("cognito-idp")
        self.pool: str = cognito.create_user_pool(PoolName="people", AutoVerifiedAttributes=["email"])["UserPool"]["Id"]
        flows = [f"ALLOW_{flow}" for flow in ("USER_SRP_AUTH", "USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH")]
        made = cognito.create_user_pool_client(UserPoolId=self.pool, ClientName="app", ExplicitAuthFlows=flows)
        self.client: str = made["UserPoolClient"]["ClientId"]
        named = {"UserPoolId": self.pool, "Username": "ada"}
        email = [{"Name": "email", "Value": "ada@example.com"}]
        cognito.admin_create_user(**named, UserAttributes=email, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**named, Password=PASSWORD, Permanent=True)
        cognito.create_group(UserPoolId=self.pool, GroupName="staff")
        cognito.admin_add_user_to_group(**named, GroupName="staff")
        cognito.admin_create_user(
            UserPoolId=self.pool, Username="bob", TemporaryPassword=TEMPORARY, MessageAction="SUPPRESS"
        )
        self.cognito = cognito
        self.api = self._api()

    def _api(self) -> str:
        appsync = self.server.root("appsync")
        config = {"userPoolId": self.pool, "awsRegion": "us-east-1", "defaultAction": "ALLOW"}
        made = appsync.create_graphql_api(
            name="people", authenticationType="AMAZON_COGNITO_USER_POOLS", userPoolConfig=config
        )
        api: str = made["graphqlApi"]["apiId"]
        appsync.start_schema_creation(apiId=api, definition=SDL.encode())
        eventually(lambda: appsync.get_schema_creation_status(apiId=api)["status"] == "SUCCESS")
        appsync.create_data_source(apiId=api, name="none", type="NONE")
        for kind, field, payload in (
            ("Query", "me", "$util.toJson($ctx.identity.username)"),
            ("Query", "staff", '"yes"'),
            ("Mutation", "say", "$util.toJson($ctx.args)"),
        ):
            appsync.create_resolver(
                apiId=api,
                typeName=kind,
                fieldName=field,
                dataSourceName="none",
                requestMappingTemplate=TEMPLATE % payload,
                responseMappingTemplate="$util.toJson($ctx.result)",
            )
        return api

    def sign_in(self, name: str = "ada", password: str = PASSWORD) -> dict[str, Any]:
        side = SrpClient(self.pool, password)
        given = {"USERNAME": name, "SRP_A": f"{side.public:x}"}
        asked = self.cognito.initiate_auth(ClientId=self.client, AuthFlow="USER_SRP_AUTH", AuthParameters=given)
        answer = self.cognito.respond_to_auth_challenge(
            ClientId=self.client, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=side.answer(asked)
        )
        tokens: dict[str, Any] = answer["AuthenticationResult"]
        return tokens

    def ask(self, query: str, token: str) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"query": query}).encode()
        request = Request(f"{self.server.url}/graphql/{self.api}", body, {"Authorization": token})
        try:
            with urlopen(request, timeout=10) as response:
                return response.status, json.loads(response.read())
        except HTTPError as refusal:
            return refusal.code, json.loads(refusal.read())
