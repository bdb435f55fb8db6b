"""The real Apollo Client with AppSync's links, in Node: three modes on a server that verifies, plain and over TLS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from support.notes import deploy
from support.people import People
from support.server import Server

NODE = Path(__file__).parent / "node"
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


def cases(guarded: Server) -> list[dict[str, Any]]:
    """Every mode, plain and over TLS."""
    exported = guarded.environment()
    credentials = {"accessKeyId": exported["AWS_ACCESS_KEY_ID"], "secretAccessKey": exported["AWS_SECRET_ACCESS_KEY"]}
    key, iam, people = deploy(guarded, "ApolloKey"), deploy(guarded, "ApolloIam", mode="AWS_IAM"), People(guarded)
    pools = {"type": "AMAZON_COGNITO_USER_POOLS", "jwtToken": people.sign_in()["AccessToken"]}
    modes: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
        ("key", key.url, {"type": "API_KEY", "apiKey": key.key}, NOTES),
        ("iam", iam.url, {"type": "AWS_IAM", "credentials": credentials}, NOTES),
        ("pool", f"{guarded.url}/graphql/{people.api}", pools, SAID),
    ]
    plain = [{"name": f"{name} plain", "url": url, "auth": auth, **asked} for name, url, auth, asked in modes]
    secure = [
        {
            **each,
            "name": each["name"].replace("plain", "tls"),
            "url": each["url"].replace("http://127.0.0.1", "https://localhost"),
        }
        for each in plain
    ]
    return plain + secure


def test_apollo_asks_changes_subscribes_and_is_refused_in_every_mode(guarded: Server) -> None:
    assert (NODE / "node_modules" / "@apollo").is_dir(), "run `make setup` first: it installs the npm packages"
    asked = cases(guarded)
    done = subprocess.run(
        ["node", "apollo.js", json.dumps(asked)],
        cwd=NODE,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": guarded.environment()["SYNCLINE_CA"]},
        capture_output=True,
        text=True,
        timeout=40,
    )
    said = {(each := json.loads(line)).pop("name"): each for line in done.stdout.splitlines() if line.startswith("{")}
    assert [each for each in asked if each["name"] not in said] == [], (done.stdout, done.stderr)
    for name, each in said.items():
        pool = name.startswith("pool")
        assert each.get("query") == ({"me": "ada", "staff": "yes"} if pool else {"echo": "é"}), (name, each)
        event = each["event"]["onSay" if pool else "onTell"]
        assert (event["id"], event.get("text")) == ("1", None if pool else "apollo"), name
        assert "'nothing'" in each["refused"], name
