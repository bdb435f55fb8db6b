"""The demo's routes and its deployment's outcome, without a server."""

from syncline.app.demo import DemoConfig, demo_routes
from syncline.app.doors import Demonstration
from syncline.core import Meter, SystemClock, json

CONFIG = DemoConfig(
    graphql_path="/graphql/a",
    api_key="da2-k",
    region="us-east-1",
    table_name="t",
    stream_arn="arn",
    function_name="f",
    log_group="/aws/lambda/f",
)


def test_the_page_and_what_it_loads_are_there() -> None:
    respond = demo_routes(lambda: None)
    page = respond("/")
    assert page is not None
    assert page.content_type == "text/html; charset=utf-8"
    for path in ("/demo/app.js", "/demo/style.css", "/demo/icon.svg"):
        assert path.encode() in page.body
        assert respond(path) is not None


def test_other_paths_are_not_the_demos() -> None:
    respond = demo_routes(lambda: None)
    assert respond("/demo/../deploy.py") is None
    assert respond("/demo/index.html") is None


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = demo_routes(lambda: None)("/")
    assert page is not None
    assert b"https://" not in page.body
    assert dict(page.headers)["content-security-policy"].startswith("default-src 'self'")


def test_the_configuration_tells_how_far_the_deployment_is() -> None:
    states = {}
    for deployed in (None, "refused", CONFIG):
        answer = demo_routes(lambda deployed=deployed: deployed)("/demo/config.json")
        assert answer is not None
        states[json.decode(answer.body)["state"]] = json.decode(answer.body)
    assert list(states) == ["deploying", "failed", "ready"]
    assert states["failed"]["message"] == "refused"
    assert states["ready"]["config"]["graphqlPath"] == "/graphql/a"


async def test_a_deployment_that_fails_says_why() -> None:
    demonstration = Demonstration("http://127.0.0.1:9", SystemClock(), Meter(out=None), "us-east-1")
    await demonstration.run()
    assert isinstance(demonstration.deployed, str)
    assert "could not be deployed" in demonstration.deployed
    assert "http://127.0.0.1:9" in demonstration.deployed
