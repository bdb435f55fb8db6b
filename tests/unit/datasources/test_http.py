"""HTTP data sources against a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as VendorCredentials

from syncline.core import SystemClock
from syncline.core.settings import Http
from syncline.datasources import Context, DataSource, DataSourceError, DataSourceRecord, Engines, Info, Outbound, build
from syncline.datasources.build import EndpointInvalid, SigningInvalid
from syncline.datasources.outbound import Guard, NetworkUnreadable
from syncline.wire import SigningKey, instants

CONTEXT = Context(arguments={}, info=Info("field", "Query"))
LOOPBACK = Http(seconds_max=1.0, response_bytes_max=1000, allowed_networks="127.0.0.0/8,::1/128")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\n{}"
ROLE = "arn:aws:iam::000000000000:role/r"


class Server:
    """Answers every request with the same bytes and keeps what it was sent."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.requests, self.port = answer, [], 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append((lines[0], headers, body))
                writer.write(self.answer)
        except asyncio.IncompleteReadError:
            writer.close()


@asynccontextmanager
async def serving(answer: bytes = OK) -> AsyncIterator[Server]:
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


@pytest.fixture
async def outbound() -> AsyncIterator[Callable[[Http], Outbound]]:
    made: list[Outbound] = []

    def make(settings: Http) -> Outbound:
        made.append(Outbound(settings))
        return made[-1]

    yield make
    for each in made:
        await each.close()


def source(endpoint: str, way: Outbound, **config: Any) -> DataSource:
    spec = DataSourceRecord(
        "h", "HTTP", service_role_arn=config.pop("role", None), http_config={"endpoint": endpoint, **config}
    )
    lend = lambda role, name: SigningKey("ASIAX", "secret", f"token of {role}")  # noqa: E731
    return build(spec, Engines(clock=SystemClock(), outbound=way, lend=lend))


async def ask(source: DataSource, **request: Any) -> Any:
    return await source.invoke({"version": "2018-05-29", "method": "GET", "resourcePath": "/", **request}, CONTEXT)


async def failure(source: DataSource, **request: Any) -> tuple[str, str]:
    with pytest.raises(DataSourceError) as failed:
        await ask(source, **request)
    return failed.value.error_type, failed.value.message


@pytest.mark.rule("DS-14")
async def test_a_request_is_sent_as_the_document_says(outbound: Any) -> None:
    async with serving() as server:
        found = await ask(
            source(f"http://127.0.0.1:{server.port}", outbound(LOOPBACK)),
            method="POST",
            resourcePath="/a b/c",
            params={
                "query": {"q": "x y&z", "n": 1},
                "headers": {"X-Own": "v", "Accept": "text/html"},
                "body": {"k": "é"},
            },
        )
    (line, headers, body) = server.requests[0]
    assert line == "POST /a%20b/c?q=x%20y%26z&n=1 HTTP/1.1"
    assert body == '{"k":"é"}'.encode()
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "syncline",
        "accept": "text/html",
        "x-own": "v",
        "content-type": "application/json",
        "content-length": "10",
    }
    assert found == {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json", "X-A": "1, 2", "Content-Length": "2"},
        "body": "{}",
    }


@pytest.mark.rule("DS-14")
async def test_text_is_sent_as_it_is_and_read_in_its_charset(outbound: Any) -> None:
    answer = b"HTTP/1.1 500 No\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Length: 1\r\n\r\n\xe9"
    async with serving(answer) as server:
        one = source(f"http://127.0.0.1:{server.port}", outbound(LOOPBACK))
        params = {"headers": {"Content-Type": "text/plain; charset=latin-1"}, "body": "é"}
        found = await ask(one, method="PUT", params=params)
    assert server.requests[0][2] == b"\xe9"
    assert (found["statusCode"], found["body"]) == (500, "é")


@pytest.mark.rule("DS-14")
async def test_a_redirect_is_a_result(outbound: Any) -> None:
    async with serving(
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    ) as server:
        found = await ask(source(f"http://127.0.0.1:{server.port}", outbound(LOOPBACK)))
    assert found["statusCode"] == 302
    assert len(server.requests) == 1


@pytest.mark.rule("DS-15")
@pytest.mark.parametrize(
    ("request_document", "message"),
    [
        ({"method": None}, "Value for field '$[method]' not found."),
        ({"method": "TRACE"}, "Unsupported method 'TRACE'. Supported methods are: GET, POST, PUT, DELETE, PATCH."),
        ({"resourcePath": "x"}, "The value of field '$[resourcePath]' must begin with '/'."),
        ({"resourcePath": None}, "Value for field '$[resourcePath]' not found."),
        ({"url": "x"}, "Unsupported element '$[url]'."),
        ({"params": {"cookies": {}}}, "Unsupported element '$[params][cookies]'."),
        ({"params": {"headers": {"Host": "x"}}}, "The header 'Host' cannot be set."),
        ({"params": {"headers": {"Content-Length": 1}}}, "The header 'Content-Length' cannot be set."),
        ({"params": {"headers": {"X": "a\r\nb"}}}, "The header 'X' is not valid."),
        ({"params": {"headers": {"content-type": "image/png"}}}, "Unsupported content type 'image/png'."),
        ({"version": "2017-02-28"}, "HTTP data sources need the template version 2018-05-29."),
    ],
)
async def test_what_cannot_be_sent_is_refused(request_document: Any, message: str, outbound: Any) -> None:
    async with serving() as server:
        one = source(f"http://127.0.0.1:{server.port}", outbound(LOOPBACK))
        assert await failure(one, **request_document) == ("MappingTemplate", message)
    assert server.requests == []


@pytest.mark.rule("DS-16")
async def test_loopback_is_not_reached_unless_the_settings_say_so(outbound: Any) -> None:
    async with serving() as server:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"):
            one = source(f"http://{host}:{server.port}", outbound(Http()))
            kind, message = await failure(one)
            assert kind in ("Http:AccessDeniedException", "Http:ServiceUnavailableException"), (host, message)
    assert server.requests == []


@pytest.mark.rule("DS-16")
async def test_a_name_is_resolved_once_and_connected_to_where_it_was_checked(
    outbound: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if host == "good.test" and len(asked) == 1 else "10.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with serving() as server:
        one = source(f"http://good.test:{server.port}", outbound(LOOPBACK))
        assert (await ask(one))["statusCode"] == 200
        assert server.requests[0][1]["host"] == f"good.test:{server.port}"
        other = source(f"http://bad.test:{server.port}", outbound(LOOPBACK))
        assert await failure(other) == ("Http:AccessDeniedException", "The address of bad.test is not allowed.")
    assert asked == ["good.test", "bad.test"]


@pytest.mark.rule("DS-16")
@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("169.254.169.254", False),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.1.1", False),
        ("172.16.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:a9fe:a9fe::1", False),
    ],
)
def test_only_public_addresses_are_admitted(address: str, admitted: bool) -> None:
    assert Guard("", "").admits(address) is admitted


@pytest.mark.rule("DS-16")
async def test_a_list_of_hosts_leaves_out_all_others(outbound: Any) -> None:
    guard = Guard("10.0.0.0/8", "api.example.com,*.example.org")
    guard.check_host("A.example.org")
    with pytest.raises(DataSourceError, match=r"The host example\.org is not allowed\."):
        guard.check_host("example.org")
    assert guard.admits("10.2.3.4")
    with pytest.raises(NetworkUnreadable, match="10/33"):
        Guard("10/33", "")


@pytest.mark.rule("DS-17")
@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (b"", "Http:ExecutionTimeoutException", "Execution timed out."),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "Http:ExecutionTimeoutException", "Execution timed out."),
        (b"nonsense\r\n\r\n", "Http:ServiceUnavailableException", "The request failed: illegal status line: "),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
            "Http:ResponseTooLargeException",
            "The response has more than 1000 bytes.",
        ),
    ],
)
async def test_a_server_that_hangs_or_answers_garbage_is_an_error(
    answer: bytes, kind: str, message: str, outbound: Any
) -> None:
    settings = Http(seconds_max=0.1, response_bytes_max=1000, allowed_networks="127.0.0.0/8")
    async with serving(answer) as server:
        found = await failure(source(f"http://127.0.0.1:{server.port}", outbound(settings)))
    assert found[0] == kind
    assert found[1].startswith(message)


@pytest.mark.rule("DS-17")
async def test_nobody_listening_is_an_error(outbound: Any) -> None:
    async with serving() as server:
        pass
    assert (await failure(source(f"http://127.0.0.1:{server.port}", outbound(LOOPBACK))))[0] == (
        "Http:ServiceUnavailableException"
    )


@pytest.mark.rule("DS-18")
async def test_a_signed_request_is_signed_as_botocore_signs_it(outbound: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        "authorizationType": "AWS_IAM",
        "awsIamConfig": {"signingRegion": "eu-west-1", "signingServiceName": "states"},
    }
    async with serving() as server:
        one = source(f"http://127.0.0.1:{server.port}", outbound(LOOPBACK), role=ROLE, authorizationConfig=config)
        headers = {"Content-Type": "application/x-amz-json-1.0", "x-amz-target": "AWSStepFunctions.StartExecution"}
        await ask(
            one, method="POST", params={"query": {"b": "2 3", "a": "1"}, "headers": headers, "body": {"input": 1}}
        )
    sent = server.requests[0][1]
    assert sent["x-amz-security-token"] == f"token of {ROLE}"
    path = server.requests[0][0].split(" ")[1]
    asked = AWSRequest("POST", f"http://127.0.0.1:{server.port}{path}", data=b'{"input":1}')
    for name in ("content-type", "x-amz-target", "x-amz-content-sha256"):
        asked.headers[name] = sent[name]
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: _date(sent["x-amz-date"]))
    key = VendorCredentials("ASIAX", "secret", f"token of {ROLE}")
    SigV4Auth(key, "states", "eu-west-1").add_auth(asked)
    assert sent["authorization"] == asked.headers["Authorization"]


def _date(text: str) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(instants.from_basic(text), UTC).replace(tzinfo=None)


@pytest.mark.rule("DS-13")
@pytest.mark.parametrize("endpoint", ["ftp://x", "http://", "https://x/?q=1", "http://u:p@x", "x", "http://x:99999"])
def test_an_endpoint_that_is_no_url_of_a_host_is_refused(endpoint: str) -> None:
    with pytest.raises(EndpointInvalid):
        source(endpoint, Outbound(Http()))


@pytest.mark.rule("DS-13")
def test_signing_needs_a_role_a_region_and_a_service() -> None:
    with pytest.raises(SigningInvalid, match=r"awsIamConfig\.signingRegion"):
        source("https://x", Outbound(Http()), authorizationConfig={"authorizationType": "AWS_IAM"})
