"""User pools by their real clients: aws-amplify Auth in Node, the AWS CLI, and tokens on a real server's every door."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from support.people import PASSWORD, TEMPORARY, People
from support.programs import check_auth, said_by
from support.server import Server
from support.subscriber import Subscriber

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def people(guarded: Server) -> People:
    return People(guarded)


def test_amplify_signs_in_in_every_way_and_uses_the_tokens(people: People) -> None:
    assert (NODE / "node_modules").is_dir(), "run `make setup` first: it installs the npm packages"
    url = people.server.url.replace("127.0.0.1", "localhost")
    done = subprocess.run(
        ["node", "auth.js", url, people.pool, people.client, f"{url}/graphql/{people.api}"],
        cwd=NODE,
        env={
            **os.environ,
            "NODE_EXTRA_CA_CERTS": people.server.environment()["SYNCLINE_CA"],
            "PASSWORD": PASSWORD,
            "TEMPORARY": TEMPORARY,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    check_auth(said_by(done.stdout.splitlines()))


def test_the_cli_administers_a_pool(aws: Callable[..., Any]) -> None:
    pool = aws("cognito-idp", "create-user-pool", "--pool-name", "cli")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = aws(
        *("cognito-idp", "create-user-pool-client", "--user-pool-id", pool, "--client-name", "c"),
        *("--explicit-auth-flows", *flows),
    )
    client = made["UserPoolClient"]["ClientId"]
    user = ("--user-pool-id", pool, "--username", "ada")
    aws("cognito-idp", "admin-create-user", *user, "--message-action", "SUPPRESS")
    aws("cognito-idp", "admin-set-user-password", *user, "--password", PASSWORD, "--permanent")
    given = f"USERNAME=ada,PASSWORD={PASSWORD}"
    answer = aws(
        *("cognito-idp", "initiate-auth", "--client-id", client, "--auth-flow", "USER_PASSWORD_AUTH"),
        *("--auth-parameters", given),
    )
    token = answer["AuthenticationResult"]["AccessToken"]
    assert aws("cognito-idp", "get-user", "--access-token", token)["Username"] == "ada"
    assert aws("cognito-idp", "list-users", "--user-pool-id", pool)["Users"][0]["UserStatus"] == "CONFIRMED"


@pytest.mark.rule("UPL-6")
def test_the_keys_are_published_where_tokens_say(people: People) -> None:
    keys = json.loads(people.server.get(f"/{people.pool}/.well-known/jwks.json"))["keys"]
    found = json.loads(people.server.get(f"/{people.pool}/.well-known/openid-configuration"))
    head = json.loads(base64.urlsafe_b64decode(people.sign_in()["AccessToken"].split(".")[0] + "=="))
    assert head["kid"] in [key["kid"] for key in keys]
    assert found["jwks_uri"].endswith(f"/{people.pool}/.well-known/jwks.json")


@pytest.mark.rule("AUTH-7")
def test_threat_every_token_at_the_wrong_door(people: People) -> None:
    other = People(people.server)
    tokens, theirs = people.sign_in(), other.sign_in()
    assert people.ask("{me staff}", tokens["AccessToken"]) == (200, {"data": {"me": "ada", "staff": "yes"}})
    assert people.ask("{me}", tokens["IdToken"])[0] == 200
    for wrong in (
        theirs["AccessToken"],
        theirs["IdToken"],
        tokens["RefreshToken"],
        tokens["AccessToken"][:-6] + "AAAAAA",
    ):
        status, answer = people.ask("{me}", wrong)
        assert status == 401
        assert answer["errors"][0]["errorType"] == "UnauthorizedException"
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        other.cognito.get_tokens_from_refresh_token(ClientId=other.client, RefreshToken=tokens["RefreshToken"])
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        people.cognito.get_user(AccessToken=tokens["IdToken"])


@pytest.mark.rule("AUTH-7")
def test_a_global_sign_out_is_in_force_on_the_data_plane(people: People) -> None:
    tokens = people.sign_in()
    people.cognito.global_sign_out(AccessToken=tokens["AccessToken"])
    status, answer = people.ask("{me}", tokens["AccessToken"])
    assert (status, answer["errors"][0]["message"]) == (401, "Token has been revoked.")


@pytest.mark.rule("AUTH-7")
@pytest.mark.rule("UPL-8")
def test_a_deleted_pool_ends_what_its_tokens_opened(guarded: Server) -> None:
    people = People(guarded)
    token = people.sign_in()["AccessToken"]
    assert people.ask("{me}", token)[0] == 200
    api = guarded.root("appsync").get_graphql_api(apiId=people.api)["graphqlApi"]
    with Subscriber(api["uris"]["GRAPHQL"], "", token=token) as live:
        assert live.init()["type"] == "connection_ack"
        assert live.start("subscription { onSay { id } }")["type"] == "start_ack"
        people.cognito.delete_user_pool(UserPoolId=people.pool)
        refusal = live.receive()
        assert (refusal["type"], refusal["payload"]["errors"][0]["message"]) == ("error", "Token has been revoked.")
    assert people.ask("{me}", token)[0] == 401


@pytest.mark.rule("ACC-22")
def test_a_user_may_do_what_a_policy_allows_and_no_more(guarded: Server) -> None:
    iam = guarded.root("iam")
    iam.create_user(UserName="limited")
    key = iam.create_access_key(UserName="limited")["AccessKey"]
    mine = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    dynamodb = guarded.client("dynamodb", **mine)
    with pytest.raises(ClientError, match="is not authorized to perform: dynamodb:ListTables"):
        dynamodb.list_tables()
    statement = {"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="limited", PolicyName="p", PolicyDocument=document)
    assert "TableNames" in dynamodb.list_tables()
    assert guarded.client("sts", **mine).get_caller_identity()["Arn"].endswith(":user/limited")


@pytest.mark.rule("UPL-2")
def test_neither_log_nor_database_holds_a_secret(people: People) -> None:
    iam = people.server.root("iam")
    iam.create_user(UserName="armed")
    key = iam.create_access_key(UserName="armed")["AccessKey"]["SecretAccessKey"]
    tokens = people.sign_in()
    secrets = [
        key,
        PASSWORD,
        TEMPORARY,
        tokens["AccessToken"],
        tokens["RefreshToken"],
        tokens["IdToken"],
        "PRIVATE KEY",
    ]
    secrets.append(people.server.environment()["AWS_SECRET_ACCESS_KEY"])
    secrets.append((people.server.data / "master.key").read_text().strip())
    files = [people.server.log, *people.server.data.glob("syncline.db*")]
    every = b"".join(path.read_bytes() for path in files)
    assert people.pool.encode() in every, "what is looked through is the data"
    assert [secret[:12] for secret in secrets if secret.encode() in every] == []
    assert (people.server.data / "master.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.rule("AUTH-2")
def test_threat_the_matrix_of_credentials_and_apis(people: People) -> None:
    """Every credential at every API: it opens its own and nothing else."""
    appsync = people.server.root("appsync")
    config = {"userPoolId": people.pool, "awsRegion": "us-east-1", "defaultAction": "ALLOW"}
    apis = {}
    for name, members in (
        ("pool", {"authenticationType": "AMAZON_COGNITO_USER_POOLS", "userPoolConfig": config}),
        ("key", {"authenticationType": "API_KEY"}),
        ("key2", {"authenticationType": "API_KEY"}),
        ("iam", {"authenticationType": "AWS_IAM"}),
    ):
        apis[name] = appsync.create_graphql_api(name=name, **members)["graphqlApi"]["apiId"]
        appsync.start_schema_creation(apiId=apis[name], definition=b"type Query { a: Int }")
    keys = {name: appsync.create_api_key(apiId=apis[name])["apiKey"]["id"] for name in ("key", "key2")}
    credentials = {
        "pool": {"Authorization": people.sign_in()["AccessToken"]},
        "key": {"x-api-key": keys["key"]},
        "key2": {"x-api-key": keys["key2"]},
        "nobody": {},
        "stranger": {"x-api-key": "da2-" + "a" * 26},
    }

    def status(api: str, headers: dict[str, str]) -> int:
        request = Request(f"{people.server.url}/graphql/{apis[api]}", b'{"query":"{ __typename }"}', headers)
        try:
            with urlopen(request, timeout=10) as response:
                return int(response.status)
        except HTTPError as refusal:
            return refusal.code

    opened = {(who, api) for who, headers in credentials.items() for api in apis if status(api, headers) == 200}
    assert opened == {("pool", "pool"), ("key", "key"), ("key2", "key2")}


@pytest.mark.rule("AUTH-9")
def test_threat_an_issuer_on_this_machine_is_not_reached(people: People) -> None:
    """SSRF by an OpenID Connect issuer: the guard of outgoing requests refuses what is not public."""
    appsync = people.server.root("appsync")
    config = {"issuer": people.server.url}
    made = appsync.create_graphql_api(name="ssrf", authenticationType="OPENID_CONNECT", openIDConnectConfig=config)
    api = made["graphqlApi"]["apiId"]
    head = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"k"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(b'{"iss":"x","iat":1,"exp":99999999999}').decode().rstrip("=")
    request = Request(f"{people.server.url}/graphql/{api}", b"{}", {"Authorization": f"{head}.{body}.AAAA"})
    with pytest.raises(HTTPError) as refusal:
        urlopen(request, timeout=10)
    assert refusal.value.code == 401
    reasons = [event["reason"] for event in people.server.events() if event["event"] == "issuer unreachable"]
    assert any("not allowed" in reason for reason in reasons)
