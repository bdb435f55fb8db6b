"""The programs in tests/clients/node: what they say, and what they must have said – in Node and in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from support.notes import deploy
from support.people import People
from support.server import Server

Said = dict[str, list[dict[str, Any]]]

NOTES = {
    "query": '{ echo(text: "é") }',
    "mutation": 'mutation { tell(id: 1, text: "apollo") { id text } }',
    "subscription": "subscription { onTell { id text } }",
}
SAID = {
    "query": "{ me staff }",
    "mutation": "mutation { say(id: 1) { id } }",
    "subscription": "subscription { onSay { id } }",
}


def said_by(lines: Iterable[str]) -> Said:
    """What a program said, by step."""
    said: Said = {}
    for line in lines:
        if line.startswith("{"):
            step = json.loads(line)
            said.setdefault(step.pop("step"), []).append(step)
    return said


def secure(url: str) -> str:
    """The same over TLS, by a name that the certificate has."""
    return "https://localhost:" + url.split(":", 2)[2]


def check_notes(said: Said, mode: str) -> None:
    """notes.js did everything, and in order."""
    first = {"id": f"amplify-{mode}", "text": "first"}
    assert said["mutation"][0]["data"] == {"putNote": first}
    assert said["query"][0]["data"] == {"getNote": first}
    assert "Field 'nothing' in type 'Query' is undefined" in said["refusal"][0]["errors"][0]["message"]
    assert [event["data"]["onPut"]["text"] for event in said["event"]] == ["second", "third", "fourth"]
    assert "Connected" in [state["state"] for state in said["state"]]


def check_events(said: Said) -> None:
    """events.js did everything, and in order."""
    assert [each["event"] for each in said["event"]] == [{"i": 1}, {"i": 2}, "é\u2028<&>", {"i": 4}]
    assert said["wildcard"] == said["event"]
    assert [each.get("failed") or [] for each in said["posted"]] == [[], []]
    assert [each.get("failed") or [] for each in said["published"]] == [[]]
    assert said["refusal"][0]["message"]


def check_auth(said: Said) -> None:
    """auth.js signed in in every way."""
    steps = {step: each[0] for step, each in said.items()}
    wrong = {"refused": "NotAuthorizedException", "message": "Incorrect username or password."}
    assert steps["wrong password"] == wrong
    assert steps["srp"]["isSignedIn"]
    assert steps["srp"]["user"]["username"] == "ada"
    assert steps["srp"]["groups"] == ["staff"]
    assert steps["attributes"]["email"] == "ada@example.com"
    assert steps["graphql"] == {"me": "ada", "staff": "yes"}
    assert steps["subscription"] == {"onSay": {"id": "1"}}
    assert steps["refresh"] == {"renewed": True, "same": True}
    assert steps["after sign-out"]["refused"] == "UserUnAuthenticatedException"
    assert steps["password"]["isSignedIn"]
    assert steps["temporary"]["nextStep"]["signInStep"] == "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED"
    assert steps["new password"]["isSignedIn"]
    assert steps["sign-up"]["nextStep"]["signUpStep"] == "CONFIRM_SIGN_UP"
    assert steps["unconfirmed"]["refused"] == "CodeMismatchException"


def check_dialects(said: Said, stranger: dict[str, int]) -> None:
    """dialects.js asked, heard and was refused."""
    assert said["query"] == [{"data": {"echo": "hello"}}]
    assert said["heard"] == [{"heard": ["one", "two", "three"]}]
    assert said["refused"][0]["errors"]
    assert said["stranger"] == [stranger]


def check_transport(said: Said) -> None:
    """transport.js did everything, also after its connection was lost."""
    assert "failure" not in said
    assert said["query"] == [{"data": {"echo": "hello"}}]
    assert said["heard"] == [{"heard": ["one", "two", "three", "four"]}]
    assert "Field 'nothing' in type 'Query' is undefined" in str(said["refused"])
    assert said["stranger"] == [{"message": "You are not authorized to make this call."}]


def apollo_cases(guarded: Server) -> list[dict[str, Any]]:
    """What apollo.js is to do: every mode, plain and over TLS, on a server that verifies."""
    exported = guarded.environment()
    credentials = {"accessKeyId": exported["AWS_ACCESS_KEY_ID"], "secretAccessKey": exported["AWS_SECRET_ACCESS_KEY"]}
    key, iam, people = deploy(guarded, "ApolloKey"), deploy(guarded, "ApolloIam", mode="AWS_IAM"), People(guarded)
    pools = {"type": "AMAZON_COGNITO_USER_POOLS", "jwtToken": people.sign_in()["AccessToken"]}
    modes: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
        ("key", key.url, {"type": "API_KEY", "apiKey": key.key}, NOTES),
        ("iam", iam.url, {"type": "AWS_IAM", "credentials": credentials}, NOTES),
        ("pool", f"{guarded.url}/graphql/{people.api}", pools, SAID),
    ]
    return [
        {"name": f"{name} {scheme}", "url": secure(url) if scheme == "tls" else url, "auth": auth, **asked}
        for name, url, auth, asked in modes
        for scheme in ("plain", "tls")
    ]


def check_apollo(said: Said, cases: list[dict[str, Any]]) -> None:
    """apollo.js did the same in every case."""
    assert sorted(said) == sorted(case["name"] for case in cases)
    for name, (each,) in said.items():
        pool = name.startswith("pool")
        assert each.get("query") == ({"me": "ada", "staff": "yes"} if pool else {"echo": "é"}), (name, each)
        event = each["event"]["onSay" if pool else "onTell"]
        assert (event["id"], event.get("text")) == ("1", None if pool else "apollo"), name
        assert "'nothing'" in each["refused"], name
