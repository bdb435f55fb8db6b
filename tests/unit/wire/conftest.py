"""Services that remember what they were asked, for the wire's tests."""

from typing import Any

import pytest

from syncline.core import Conflict, NotFound, Throttled, call


class TableNotFound(NotFound):
    """Requested resource not found"""


class ConditionFailed(Conflict):
    """The conditional request failed"""

    code = "ConditionalCheckFailedException"


class Recorder:
    """Answers with what it is told to, or raises it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.calls: list[call.Call] = []
        self.answer: Any = {}

    async def respond(self, request: dict[str, Any]) -> Any:
        self.asked.append(request)
        self.calls.append(call.current())
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class TablesLike(Recorder):
    create_table = put_item = get_item = query = list_tables = update_item = delete_item = Recorder.respond
    batch_write_item = Recorder.respond


class FunctionsLike(Recorder):
    create_function = get_function = invoke = delete_function = list_functions = tag_resource = Recorder.respond


class GraphqlLike(Recorder):
    create_graphql_api = get_graphql_api = start_schema_creation = untag_resource = list_graphql_apis = Recorder.respond


class RolesLike(Recorder):
    create_role = get_role = list_roles = Recorder.respond


class TokensLike(Recorder):
    get_caller_identity = assume_role = assume_role_with_web_identity = Recorder.respond


class AlarmsLike(Recorder):
    put_metric_alarm = describe_alarms = put_metric_data = Recorder.respond


class LogsLike(Recorder):
    create_log_group = describe_log_groups = Recorder.respond


@pytest.fixture
def services() -> dict[str, Any]:
    return {
        "dynamodb": TablesLike(),
        "lambda": FunctionsLike(),
        "appsync": GraphqlLike(),
        "iam": RolesLike(),
        "sts": TokensLike(),
        "cloudwatch": AlarmsLike(),
        "logs": LogsLike(),
    }


@pytest.fixture
def errors() -> dict[str, Exception]:
    return {
        "missing": TableNotFound(),
        "condition": ConditionFailed(data={"Item": {"pk": {"S": "a"}}}),
        "throttled": Throttled("Rate exceeded"),
        "bug": ZeroDivisionError("our own"),
    }
