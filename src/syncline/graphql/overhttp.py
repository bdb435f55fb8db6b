"""GraphQL over HTTP as its draft has it, for requests that accept `application/graphql-response+json`.

For: `serve`. Owns: when a request is in this mode, and what differs from AppSync's own answers: statuses, content
type, no `data` where nothing was executed, no null `path` or `locations`. Never: executes.
"""

from __future__ import annotations

from typing import Any

import msgspec
from graphql import OperationType

from syncline.core import Invalid, Request, Response, json
from syncline.graphql.errors import MalformedRequest

MEDIA_TYPE = "application/graphql-response+json"
CONTENT_TYPE = f"{MEDIA_TYPE}; charset=utf-8"


class MediaTypeUnsupported(Invalid):
    """A request's body is application/json, not {media_type}."""

    code = "UnsupportedMediaTypeException"


class MutationByGet(Invalid):
    """Mutations are asked for with POST."""

    code = "MethodNotAllowedException"


class _Extended(msgspec.Struct):
    extensions: dict[str, Any] | None = None


_check_extensions = msgspec.json.Decoder(_Extended).decode


def asked(request: Request) -> bool:
    """Whether the client would rather have this mode than plain JSON (RFC 9110, 12.5.1)."""
    accept = request.index.get("accept", "")
    if MEDIA_TYPE not in accept:
        return False
    qualities = dict(map(_range, accept.split(",")))
    return qualities.get(MEDIA_TYPE, 0.0) > 0 and qualities[MEDIA_TYPE] >= qualities.get("application/json", 0.0)


def _range(text: str) -> tuple[str, float]:
    name, *parameters = [part.strip().lower() for part in text.split(";")]
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0


def check(request: Request) -> None:
    """Refuse what AppSync lets pass. Raises MediaTypeUnsupported, MalformedRequest."""
    if request.method == "GET":
        return
    given = request.header("content-type").partition(";")[0].strip().lower()
    if given != "application/json":
        raise MediaTypeUnsupported(media_type=given or "one without a name")
    try:
        _check_extensions(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest from None


def check_kind(request: Request, kind: OperationType) -> None:
    """A GET changes nothing. Raises MutationByGet."""
    if request.method == "GET" and kind is OperationType.MUTATION:
        raise MutationByGet


def shaped(response: Response, *, executed: bool) -> Response:
    """AppSync's answer in this mode; `executed`: whether the request got as far as its first field."""
    body = response.body
    if not executed:
        body = json.encode(_plain(json.decode(body), data=False))
    elif b'"errors":' in body:
        body = json.encode(_plain(json.decode(body), data=True))
    status = 400 if response.status == 200 and not executed else response.status
    return Response(status, body, CONTENT_TYPE, response.headers)


def _plain(answer: dict[str, Any], *, data: bool) -> dict[str, Any]:
    if "errors" not in answer:
        return answer
    entries = [
        {name: value for name, value in entry.items() if value is not None or name not in ("path", "locations")}
        for entry in answer["errors"]
    ]
    kept = {name: value for name, value in answer.items() if data or name != "data"}
    return {**kept, "errors": entries}
