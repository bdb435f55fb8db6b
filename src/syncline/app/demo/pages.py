"""The demo page's files and its configuration, as answers to paths.

Owns: the page's static files, read once. Never: does what the page could ask a public operation for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from syncline.app.demo.deploy import DemoConfig
from syncline.core import Response, json

PAGE = Path(__file__).parent / "page"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# The page loads nothing from elsewhere, and says so; sockets may go to this server under any of its names.
POLICY = "default-src 'self'; connect-src 'self' ws: wss:; style-src 'self'; img-src 'self'; base-uri 'none'"


def demo_routes(deployed: Callable[[], DemoConfig | str | None]) -> Callable[[str], Response | None]:
    """What answers a GET of a path: the page under `/`, its files and its configuration under `/demo/`, else None.

    `deployed` tells how far the deployment is: its configuration, the sentence that says why it failed, or None.
    """
    files = {_path_of(file): _file_response(file) for file in sorted(PAGE.iterdir())}

    def respond(path: str) -> Response | None:
        if path == "/demo/config.json":
            return _config_response(deployed())
        return files.get(path)

    return respond


def _path_of(file: Path) -> str:
    return "/" if file.name == "index.html" else f"/demo/{file.name}"


def _file_response(file: Path) -> Response:
    headers = [
        ("cache-control", "no-cache"),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
    ]
    return Response(body=file.read_bytes(), content_type=CONTENT_TYPES[file.suffix], headers=headers)


def _config_response(deployed: DemoConfig | str | None) -> Response:
    if deployed is None:
        answer: dict[str, object] = {"state": "deploying", "message": "Deploying the API…"}
    elif isinstance(deployed, str):
        answer = {"state": "failed", "message": deployed}
    else:
        answer = {"state": "ready", "config": deployed}
    return Response(body=json.encode(answer), headers=[("cache-control", "no-store")])
