"""Bad input: each gets the documented error in its protocol's shape and a log line with its id; nobody else notices."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed

from support.notes import Notes, deploy, make_function, make_table
from support.raw import UNSIGNED, Answer, AwsConnection, exchange
from support.server import Server, eventually
from support.subscriber import Subscriber

MEBIBYTE = 1024 * 1024
ON_TELL = "subscription { onTell { id text } }"
TELL = "mutation T($id: ID!, $text: String!) { tell(id: $id, text: $text) { id text } }"


@pytest.fixture(scope="module")
def bystander(notes: Notes) -> Iterator[Subscriber]:
    """Somebody who subscribed before, and whom none of this concerns."""
    with Subscriber(notes.url, notes.key) as subscriber:
        assert subscriber.init()["type"] == "connection_ack"
        assert subscriber.start('subscription { onPut(id: "bystander") { text } }')["type"] == "start_ack"
        yield subscriber


@pytest.fixture(autouse=True)
def others_are_unharmed(request: pytest.FixtureRequest, server: Server, notes: Notes, bystander: Subscriber) -> Any:
    """After each test the server answers, and what is published still arrives: that, and nothing else."""
    yield
    assert server.get("/healthz")
    name = request.node.name
    notes.ask('mutation M($t: String!) { putNote(id: "bystander", text: $t) { id text } }', t=name)
    assert bystander.receive()["payload"] == {"data": {"onPut": {"text": name}}}


def logged(server: Server, request_id: str) -> dict[str, Any]:
    """The server's event about the request."""
    return eventually(
        lambda: next((event for event in server.events() if event.get("request_id") == request_id), {}), seconds=3
    )


def graphql(notes: Notes, body: bytes, **headers: str) -> Answer:
    """The answer to a POST of bytes on the GraphQL endpoint."""
    lines = [
        f"POST /graphql/{notes.api_id} HTTP/1.1",
        f"host: 127.0.0.1:{notes.server.port}",
        "connection: close",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in ({"x-api-key": notes.key} | headers).items() if value),
    ]
    return parsed(exchange(notes.server.port, "\r\n".join([*lines, "", ""]).encode() + body))


def parsed(received: bytes) -> Answer:
    """Bytes as an HTTP answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(status.split()[1]), headers, body)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'"text"', b'{"query": 7}', b"\xff\xfe", b'{"query": "{ broken"}']
)
def test_graphql_that_is_no_json_or_no_document(notes: Notes, body: bytes) -> None:
    answer = graphql(notes, body)
    assert answer.status == 400
    assert answer.json["errors"][0]["errorType"] == "MalformedHttpRequestException"
    assert answer.json["errors"][0]["message"] == "Unable to parse GraphQL query."
    assert logged(notes.server, answer.request_id)


def test_graphql_without_a_body(notes: Notes) -> None:
    answer = graphql(notes, b"")
    assert (answer.status, answer.json["errors"][0]["message"]) == (400, "Request body is empty.")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"TableName": 7}'])
def test_aws_json_that_is_none(server: Server, body: bytes) -> None:
    answer = AwsConnection(server).post("DescribeTable", body)
    assert answer.status == 400
    assert answer.json["__type"].endswith("SerializationException")
    assert logged(server, answer.request_id)


def test_an_operation_that_no_service_has(server: Server) -> None:
    answer = AwsConnection(server).post("MakeCoffee", b"{}")
    assert (answer.status, answer.json["__type"].rpartition("#")[2]) == (400, "UnknownOperationException")
    assert logged(server, answer.request_id)


def test_an_operation_that_is_not_built_is_refused_for_good(server: Server) -> None:
    with pytest.raises(ClientError, match="CreateBackup") as refusal:
        server.client("dynamodb").create_backup(TableName="t", BackupName="b" * 3)
    assert refusal.value.response["Error"]["Code"] == "UnsupportedOperation"
    assert 400 <= refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


def test_a_field_that_is_not_there(notes: Notes) -> None:
    assert notes.ask("{ nothing }")["errors"][0] == {
        "path": None,
        "locations": [{"line": 1, "column": 3, "sourceName": None}],
        "message": "Validation error of type FieldUndefined: Field 'nothing' in type 'Query' is undefined @ 'nothing'",
    }


def test_a_bad_signature_is_logged(guarded: Server) -> None:
    answer = AwsConnection(guarded).post("ListTables", b"{}")
    assert answer.status == 400
    assert logged(guarded, answer.request_id)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("da2-zzzzzzzzzzzzzzzzzzzzzzzzzz", "You are not authorized to make this call."),
        ("", "Valid authorization header not provided."),
    ],
)
def test_a_key_that_nobody_gave(notes: Notes, key: str, message: str) -> None:
    answer = graphql(notes, b'{"query": "{ listNotes { id } }"}', **{"x-api-key": key})
    assert answer.status == 401
    assert answer.json == {"errors": [{"errorType": "UnauthorizedException", "message": message}]}
    assert answer.headers["x-amzn-errortype"].startswith("UnauthorizedException")
    assert logged(notes.server, answer.request_id)


def test_a_key_that_has_expired(tmp_path: Path) -> None:
    """The same data under a clock that is eight days ahead; the key was for seven."""
    server = Server(tmp_path / "data").start()
    notes = deploy(server, "Expiring")
    assert "data" in notes.ask('{ echo(text: "x") }')
    server.stop()
    server.start(ahead_seconds=8 * 86_400)
    try:
        answer = graphql(notes, b'{"query": "{ listNotes { id } }"}')
        assert answer.status == 401
        assert answer.json["errors"][0]["message"] == "You are not authorized to make this call."
        with Subscriber(notes.url, notes.key) as subscriber:
            assert subscriber.init()["type"] == "connection_error"
        with pytest.raises(ClientError, match="ApiKeyValidityOutOfBoundsException"):
            server.client("appsync").create_api_key(apiId=notes.api_id, expires=int(time.time()))
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("definition", "named"),
    [
        ("type Query { a: Missing }", "Missing"),
        ("type Query {", ""),
        ("type Note { id: ID! }", "schema"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_schema_that_is_invalid_fails_with_details(server: Server, notes: Notes, definition: str, named: str) -> None:
    api = server.client("appsync")
    try:
        api.start_schema_creation(apiId=notes.api_id, definition=definition.encode())
    except api.exceptions.BadRequestException as refusal:
        details = refusal.response["Error"]["Message"]
    else:
        status = eventually(
            lambda: (found := api.get_schema_creation_status(apiId=notes.api_id))["status"] != "PROCESSING" and found
        )
        assert status["status"] == "FAILED"
        details = status["details"]
    assert details
    assert named in details
    assert notes.ask('{ echo(text: "still") }') == {"data": {"echo": "still"}}


def resolver(notes: Notes, request: str) -> str | None:
    """Give the field `echo` another request template. Returns AWS's message when that is refused."""
    api = notes.server.client("appsync")
    try:
        api.update_resolver(
            apiId=notes.api_id,
            typeName="Query",
            fieldName="echo",
            dataSourceName="none",
            requestMappingTemplate=request,
            responseMappingTemplate="$util.toJson($ctx.result.text)",
        )
    except api.exceptions.BadRequestException as refusal:
        return str(refusal.response["Error"]["Message"])
    return None


@pytest.fixture
def mended(notes: Notes) -> Iterator[None]:
    """Afterwards `echo` has its template again."""
    yield
    resolver(notes, '{"version": "2017-02-28", "payload": $util.toJson($ctx.args)}')
    assert notes.ask('{ echo(text: "mended") }') == {"data": {"echo": "mended"}}


@pytest.mark.usefixtures("mended")
def test_a_template_that_does_not_parse_names_its_line(notes: Notes) -> None:
    message = resolver(notes, "{\n#if( $ctx.args.text \n}")
    if message is None:
        error = notes.ask('{ echo(text: "x") }')["errors"][0]
        assert error["errorType"] == "MappingTemplate"
        message = error["message"]
    assert "line" in message


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize("template", ["this is no JSON", '{"version": "2017-02-28", "payload": }', " "])
def test_a_template_that_yields_no_json(notes: Notes, template: str) -> None:
    assert resolver(notes, template) is None
    answer = graphql(notes, b'{"query": "{ echo(text: 1) }"}'.replace(b"1", b'\\"x\\"'))
    assert (answer.status, answer.json["data"]) == (200, {"echo": None})
    error = answer.json["errors"][0]
    assert (error["errorType"], error["path"]) == ("MappingTemplate", ["echo"])
    assert error["locations"] == [{"line": 1, "column": 3, "sourceName": None}]
    assert logged(notes.server, answer.request_id)["code"] == "MappingTemplate"


def test_an_item_over_400_kb(server: Server, notes: Notes) -> None:
    text = "x" * 410_000
    with pytest.raises(ClientError) as refusal:
        server.client("dynamodb").put_item(TableName=notes.table, Item={"id": {"S": "big"}, "text": {"S": text}})
    assert refusal.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Item size has exceeded the maximum allowed size",
    }
    answer = notes.ask('mutation M($t: String!) { putNote(id: "big", text: $t) { id } }', t=text)
    assert answer["data"] == {"putNote": None}
    assert answer["errors"][0]["errorType"].startswith("DynamoDB:")
    assert notes.ask('{ getNote(id: "big") { id } }') == {"data": {"getNote": None}}


@pytest.mark.parametrize("path", ["/", "/graphql/{api}"])
def test_a_body_of_100_mb(notes: Notes, path: str) -> None:
    size = 100 * MEBIBYTE
    head = (
        f"POST {path.format(api=notes.api_id)} HTTP/1.1\r\nhost: x\r\nx-api-key: {notes.key}\r\n"
        f"content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.PutItem\r\n"
        f"authorization: {UNSIGNED.format(service='dynamodb')}\r\n"
    )
    answer = parsed(exchange(notes.server.port, (head + f"content-length: {size}\r\n\r\n").encode()))
    assert answer.status == 413
    assert logged(notes.server, answer.request_id)
    chunk = b"100000\r\n" + b"x" * MEBIBYTE + b"\r\n"
    sent = (head + "transfer-encoding: chunked\r\n\r\n").encode() + chunk * 100
    answer = parsed(exchange(notes.server.port, sent))
    assert answer.status == 413
    assert logged(notes.server, answer.request_id)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"POST / HTTP/9.9\r\n\r\n",
        b"\xff" * 100_000,
    ],
)
def test_garbage_on_a_socket(server: Server, garbage: bytes) -> None:
    started = time.monotonic()
    received = exchange(server.port, garbage, seconds=5)
    assert received[:9] in (b"", b"HTTP/1.1 ") or received[:1] == b"\x15"
    assert received[9:10] in (b"", b"4", b"5") or received[:1] == b"\x15"
    assert time.monotonic() - started < 4, "hung up, not timed out"


def test_garbage_on_a_websocket(notes: Notes) -> None:
    with Subscriber(notes.url, notes.key) as subscriber:
        subscriber.init()
        for message in ("no JSON", "[]", '{"type": 7}', '{"type": "dance"}'):
            subscriber.send_text(message)
            refusal = subscriber.receive()
            assert refusal["type"] == "error"
            assert refusal["payload"]["errors"][0]["errorType"] == "UnsupportedOperation"
        refusal = subscriber.start("subscription { onNothing { id } }", id="n")
        assert (refusal["type"], refusal["id"]) == ("error", "n")
        assert subscriber.start(ON_TELL)["type"] == "start_ack"
        told = [event for event in notes.server.events() if event.get("request_id") == subscriber.request_id]
        assert [event["event"] for event in told] == ["socket message refused"] * 5


def test_a_broken_frame_closes_its_own_socket_only(notes: Notes) -> None:
    with Subscriber(notes.url, notes.key) as subscriber:
        subscriber.init()
        subscriber.send_bytes(b"\xff" * 64)
        with pytest.raises(ConnectionClosed) as closed:
            subscriber.receive()
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1002
        assert logged(notes.server, subscriber.request_id)["event"] == "socket garbage"


def test_a_client_that_stops_reading_is_let_go(notes: Notes) -> None:
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect(("127.0.0.1", notes.server.port))
    before = len(notes.server.events())
    with (
        Subscriber(notes.url, notes.key, sock=peer, max_queue=1, compression=None) as slow,
        Subscriber(notes.url, notes.key) as reader,
    ):
        for subscriber in (slow, reader):
            subscriber.init()
            assert subscriber.start(ON_TELL)["type"] == "start_ack"
        for number in range(60):
            notes.ask(TELL, id=str(number), text="x" * 200_000)
            assert reader.receive()["payload"]["data"]["onTell"]["id"] == str(number)
        assert eventually(
            lambda: [event for event in notes.server.events()[before:] if "slow" in str(event)], seconds=5
        )
        with pytest.raises(ConnectionClosed):
            read_all(slow)


def read_all(subscriber: Subscriber) -> None:
    """Read until the socket is closed, which raises."""
    while True:
        subscriber.receive(5)


FUNCTIONS = {
    "no-handler": ("x = 1\n", "Runtime.HandlerNotFound", "Handler 'handle' missing on module 'handler'"),
    "no-module": ("raise ImportError('nope')\n", "Runtime.ImportModuleError", "nope"),
    "no-python": ("def handle(:\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'handler'"),
    "dies": ("import os\ndef handle(event, context):\n    os._exit(3)\n", "Runtime.ExitError", "exit status 3"),
    "loops": ("def handle(event, context):\n    while True: pass\n", None, "Task timed out after 1.00 seconds"),
}


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_a_function_that_cannot_do_its_work(server: Server, name: str) -> None:
    source, kind, message = FUNCTIONS[name]
    make_function(server, f"bad-{name}", source, Timeout=1 if name == "loops" else 10)
    functions = server.client("lambda")
    for _ in range(2):
        answer = functions.invoke(FunctionName=f"bad-{name}", Payload=b"{}")
        failure = json.loads(answer["Payload"].read())
        assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
        assert kind is None or failure["errorType"] == kind
        assert message in failure["errorMessage"]
        told = logged(server, answer["ResponseMetadata"]["RequestId"])
        assert (told["event"], told["function"]) == ("function failed", f"bad-{name}")


def test_a_function_that_prints_20_mb(server: Server) -> None:
    source = "def handle(event, context):\n    for _ in range(20):\n        print('x' * 1048576)\n    return 'done'\n"
    make_function(server, "bad-chatter", source, Timeout=30)
    answer = server.client("lambda").invoke(FunctionName="bad-chatter", Payload=b"{}", LogType="Tail")
    assert json.loads(answer["Payload"].read()) == "done"
    kept = sum(
        len(event["message"])
        for page in server.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName="/aws/lambda/bad-chatter")
        for event in page["events"]
    )
    assert 100_000 < kept < 3 * MEBIBYTE


def test_a_zip_that_is_none(server: Server) -> None:
    functions = server.client("lambda")
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match="Could not unzip uploaded file"):
        functions.create_function(
            FunctionName="bad-zip",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/r",
            Handler="handler.handle",
            Code={"ZipFile": b"this is no zip"},
        )
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function(FunctionName="bad-zip")


def test_a_function_that_fails_on_one_record_does_not_lose_the_next(server: Server) -> None:
    tables = server.client("dynamodb")
    arn = make_table(tables, "BadRecords")
    source = (
        "def handle(event, context):\n"
        "    for record in event['Records']:\n"
        "        name = record['dynamodb']['Keys']['id']['S']\n"
        "        print('saw', name)\n"
        "        if name == 'poison': raise ValueError(name)\n"
    )
    make_function(server, "bad-record", source)
    server.client("lambda").create_event_source_mapping(
        FunctionName="bad-record",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        MaximumRetryAttempts=1,
    )
    for name in ("first", "poison", "last"):
        tables.put_item(TableName="BadRecords", Item={"id": {"S": name}})
    logs = server.client("logs")

    def said() -> list[str]:
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/bad-record", filterPattern="saw")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"].strip() for event in found]

    assert eventually(lambda: "saw last" in said() and said(), seconds=20) == [
        "saw first",
        "saw poison",
        "saw poison",
        "saw last",
    ]
