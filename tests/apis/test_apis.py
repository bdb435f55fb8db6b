"""A set of different APIs, each a folder: schema, data sources, resolvers in VTL and JavaScript, and cases.

They are deployed on a real server with boto3 and asked over plain HTTP. `api.json` names tables, sources, functions and
which source each field has; the code of a field or function is in `<name>.js` or `<name>.request.vtl`. In `cases.json`
`"*"` matches anything and `{"JSON": …}` text that holds this JSON. `TABLE(name)` in code is the deployed table's name.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from support.notes import make_function
from support.server import Server
from support.subscriber import Subscriber

FOLDERS = sorted(each.parent for each in Path(__file__).parent.glob("*/api.json"))
ROLE = "arn:aws:iam::000000000000:role/apis"
RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
PASSING = "export const request = (ctx) => ({})\nexport const response = (ctx) => ctx.prev.result"
RESULT = "$util.toJson($ctx.result)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"SYNCLINE_HTTP_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128"}
    server = Server(tmp_path_factory.mktemp("apis") / "data", settings=settings).start()
    yield server
    server.stop()


class Web(BaseHTTPRequestHandler):
    """The service that the API `weather` asks."""

    def do_GET(self) -> None:
        assert self.headers["x-from"] == "tests"
        found = self.path == "/weather/Bern?unit=C"
        self.answer(200 if found else 404, {"city": "Bern", "degrees": 3.5, "hours": [1, 2]} if found else {"error": 1})

    def do_POST(self) -> None:
        self.answer(200, self.rfile.read(int(self.headers["content-length"])))

    def answer(self, status: int, body: Any) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    service = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{service.server_port}"
    service.shutdown()
    service.server_close()


class Deployed:
    """One API of the set on a server."""

    def __init__(self, server: Server, folder: Path, web: str) -> None:
        self.server, self.folder, self.web = server, folder, web
        self.spec: dict[str, Any] = json.loads((folder / "api.json").read_text())
        self.appsync = server.client("appsync")
        made = self.appsync.create_graphql_api(name=folder.name, authenticationType="API_KEY")["graphqlApi"]
        self.api_id, self.url = made["apiId"], made["uris"]["GRAPHQL"]
        self.key = self.appsync.create_api_key(apiId=self.api_id)["apiKey"]["id"]
        self.appsync.start_schema_creation(apiId=self.api_id, definition=(folder / "schema.graphql").read_bytes())
        status = self.appsync.get_schema_creation_status(apiId=self.api_id)
        assert status["status"] == "SUCCESS", status
        self._sources()
        self._resolvers()

    def table(self, name: str) -> str:
        return f"{self.folder.name}-{name}"

    def _sources(self) -> None:
        for name, shape in self.spec.get("tables", {}).items():
            self._table(name, shape["key"], shape.get("indexes", {}))
            config = {"tableName": self.table(name), "awsRegion": "us-east-1"}
            self._source(name, "AMAZON_DYNAMODB", dynamodbConfig=config, serviceRoleArn=ROLE)
        for name, file in self.spec.get("lambdas", {}).items():
            code = (self.folder / file).read_text()
            arn = make_function(self.server, f"{self.folder.name}-{name}", code)
            self._source(name, "AWS_LAMBDA", lambdaConfig={"lambdaFunctionArn": arn}, serviceRoleArn=ROLE)
        for name, kind in self.spec.get("sources", {}).items():
            self._source(name, kind, **({"httpConfig": {"endpoint": self.web}} if kind == "HTTP" else {}))

    def _source(self, name: str, kind: str, **config: Any) -> None:
        self.appsync.create_data_source(apiId=self.api_id, name=name, type=kind, **config)

    def _table(self, name: str, key: list[str], indexes: dict[str, list[str]]) -> None:
        parts = [*key, *[part for named in indexes.values() for part in named]]
        kinds = {part.partition(":")[0]: part.partition(":")[2] or "S" for part in parts}
        made: dict[str, Any] = {
            "TableName": self.table(name),
            "AttributeDefinitions": [{"AttributeName": part, "AttributeType": kind} for part, kind in kinds.items()],
            "KeySchema": self._key(key),
            "BillingMode": "PAY_PER_REQUEST",
        }
        if indexes:
            made["GlobalSecondaryIndexes"] = [
                {"IndexName": index, "KeySchema": self._key(parts), "Projection": {"ProjectionType": "ALL"}}
                for index, parts in indexes.items()
            ]
        self.server.client("dynamodb").create_table(**made)

    @staticmethod
    def _key(parts: list[str]) -> list[dict[str, str]]:
        return [
            {"AttributeName": part.partition(":")[0], "KeyType": kind}
            for part, kind in zip(parts, ("HASH", "RANGE"), strict=False)
        ]

    def _resolvers(self) -> None:
        ids = {}
        for name, source in self.spec.get("functions", {}).items():
            code = self._code(name)
            version = {} if "code" in code else {"functionVersion": "2018-05-29"}
            made = self.appsync.create_function(apiId=self.api_id, name=name, dataSourceName=source, **code, **version)
            ids[name] = made["functionConfiguration"]["functionId"]
        for field, way in self.spec["resolvers"].items():
            type_name, _, field_name = field.partition(".")
            place = {"apiId": self.api_id, "typeName": type_name, "fieldName": field_name}
            code = self._code(field)
            if isinstance(way, list):
                steps = {"functions": [ids[name] for name in way]}
                self.appsync.create_resolver(**place, kind="PIPELINE", pipelineConfig=steps, **code)
            elif isinstance(way, dict):
                batch = {"maxBatchSize": way["batch"]}
                self.appsync.create_resolver(**place, dataSourceName=way["source"], **batch, **code)
            else:
                self.appsync.create_resolver(**place, dataSourceName=way, **code)

    def _code(self, name: str) -> dict[str, Any]:
        def read(file: Path) -> str:
            text = file.read_text()
            for table in self.spec.get("tables", {}):
                text = text.replace(f"TABLE({table})", self.table(table))
            return text

        script, request, response = (self.folder / f"{name}.{end}" for end in ("js", "request.vtl", "response.vtl"))
        if script.exists():
            return {"runtime": RUNTIME, "code": read(script)}
        after = read(response) if response.exists() else RESULT
        return {"requestMappingTemplate": read(request), "responseMappingTemplate": after}

    def ask(self, query: str, variables: dict[str, Any]) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        with urlopen(Request(self.url, body, {"x-api-key": self.key}), timeout=30) as answer:
            return json.load(answer)


def fits(found: Any, expected: Any) -> bool:
    """Whether an answer is what a case expects."""
    if expected == "*":
        return found is not None
    if isinstance(expected, dict) and set(expected) == {"JSON"}:
        return bool(json.loads(found) == expected["JSON"])
    if isinstance(expected, dict) and isinstance(found, dict):
        return list(found) == list(expected) and all(fits(found[name], expected[name]) for name in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(fits, found, expected))
    return bool(found == expected and type(found) is type(expected))


class Session:
    """A case list under way: what was kept, and who is subscribed."""

    def __init__(self, deployed: Deployed, stack: ExitStack) -> None:
        self._deployed, self._stack = deployed, stack
        self._kept: dict[str, Any] = {}
        self._subscribers: dict[str, Subscriber] = {}

    def step(self, case: dict[str, Any]) -> None:
        given = {name: self._known(value) for name, value in case.get("variables", {}).items()}
        if "subscribe" in case:
            self._subscribe(case, given)
        elif "received" in case:
            for id, expected in case["received"].items():
                found = [self._subscribers[id].receive()["payload"] for _ in expected]
                assert fits(found, expected), (id, found)
        else:
            answer = self._deployed.ask(case["ask"], given)
            assert fits(answer, case["expect"]), json.dumps(answer, indent=1)
            for name, path in case.get("keep", {}).items():
                value = answer["data"]
                for part in path:
                    value = value[part]
                self._kept[name] = value

    def _known(self, value: Any) -> Any:
        return self._kept[value[1:]] if isinstance(value, str) and value.startswith("$") else value

    def _subscribe(self, case: dict[str, Any], variables: dict[str, Any]) -> None:
        deployed = self._deployed
        subscriber = self._stack.enter_context(Subscriber(deployed.url, deployed.key))
        subscriber.send(type="connection_init")
        assert subscriber.receive()["type"] == "connection_ack"
        data = json.dumps({"query": case["subscribe"], "variables": variables})
        extensions = {"authorization": subscriber.authorization}
        subscriber.send(id=case["id"], type="start", payload={"data": data, "extensions": extensions})
        assert subscriber.receive()["type"] == "start_ack"
        self._subscribers[case["id"]] = subscriber


def test_the_set_is_of_ten_and_more() -> None:
    assert len(FOLDERS) >= 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_api_answers_as_its_cases_say(server: Server, web: str, folder: Path) -> None:
    deployed = Deployed(server, folder, web)
    with ExitStack() as stack:
        session = Session(deployed, stack)
        for case in json.loads((folder / "cases.json").read_text()):
            session.step(case)
