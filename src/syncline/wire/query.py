"""The `query` protocol: form fields in, XML out.

For: IAM, STS, and CloudWatch's older clients.
Owns: Action and Version, the result wrapper, ResponseMetadata, ErrorResponse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncline.core import Request, Response
from syncline.wire import forms
from syncline.wire.exchange import Arrival, Exchange, checked
from syncline.wire.failures import Failure, UnknownOperation
from syncline.wire.models import Model
from syncline.wire.readers import Readers
from syncline.wire.scalars import TEXT, NotConvertible
from syncline.wire.xml import XmlWriters, escape

CONTENT_TYPE = "text/xml"


class Query:
    """A service in the `query` protocol."""

    def __init__(self, service: str, model: Model) -> None:
        self._service = service
        self._model = model
        self._readers = Readers(model.shapes, TEXT)
        self._trees = forms.Trees(model.shapes)
        self._writers = XmlWriters(model.shapes)
        self._namespace = model.metadata.xml_namespace

    def operation_of(self, request: Request, body: bytes) -> tuple[str, Mapping[str, str]]:
        """The field Action, of the form or of the query string."""
        operation = fields_of(request, body).get("Action", "")
        if not operation:
            raise UnknownOperation("Could not find operation to perform: the parameter Action is missing.")
        return operation, {}

    def exchange(self, operation: str) -> Exchange:
        """The compiled operation."""
        modelled = self._model.operations[operation]
        shape = modelled.input.shape if modelled.input else ""
        tree = self._trees.of(shape) if shape else None
        reader = self._readers.of(shape) if shape else None

        def read(arrival: Arrival) -> dict[str, Any]:
            if tree is None or reader is None:
                return {}
            return checked(reader, tree(forms.grow(fields_of(arrival.request, arrival.body))))

        return Exchange(read, self._writer(operation))

    def _writer(self, operation: str) -> Callable[[dict[str, Any], Arrival], Response]:
        output = self._model.operations[operation].output
        members = self._writers.members(output.shape) if output else None
        wrapper = output.result_wrapper if output else ""
        head = f'<{operation}Response xmlns="{escape(self._namespace)}">'

        def write(answer: dict[str, Any], arrival: Arrival) -> Response:
            out = [head]
            if members is not None:
                out.append(f"<{wrapper}>" if wrapper else "")
                members(answer, out)
                out.append(f"</{wrapper}>" if wrapper else "")
            request_id = escape(arrival.request_id)
            out.append(
                f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
            )
            return _response(200, "".join(out), arrival.request_id)

        return write

    def refuse(self, failure: Failure, request_id: str) -> Response:
        """`<ErrorResponse>`."""
        return refuse_in_xml(failure, request_id, self._namespace)


def refuse_in_xml(failure: Failure, request_id: str, namespace: str) -> Response:
    """An error as the query protocol writes it."""
    fault = "Sender" if failure.sender else "Receiver"
    text = (
        f'<ErrorResponse xmlns="{escape(namespace)}"><Error><Type>{fault}</Type>'
        f"<Code>{escape(failure.query_code)}</Code><Message>{escape(failure.message)}</Message></Error>"
        f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
    )
    return _response(failure.status, text, request_id)


def fields_of(request: Request, body: bytes) -> dict[str, str]:
    """The fields of the query string, and over them those of the form. Raises NotConvertible."""
    try:
        form = body.decode() if request.method == "POST" else ""
    except UnicodeDecodeError:
        raise NotConvertible("The request body is not a valid form.") from None
    return forms.parse(request.query) | forms.parse(form)


def _response(status: int, text: str, request_id: str) -> Response:
    return Response(status, text.encode(), CONTENT_TYPE, [("x-amzn-requestid", request_id)])
