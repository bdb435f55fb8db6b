"""What is said of the parameters of every AWS operation is so: nothing is accepted and ignored in silence."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore import xform_name

from support.coverage import request_with, undeclared, unknown
from syncline.account import Iam, SecretsManager, Sts
from syncline.app.appsync import AppSync
from syncline.events import Events
from syncline.functions import Lambda
from syncline.graphql import Graphql
from syncline.monitoring import CloudWatchService, LogsService
from syncline.tables import Tables, TableStreams
from syncline.userpools import UserPools
from syncline.wire import Operations
from syncline.wire.coverage import ParameterUnsupported

APPSYNC = "graphql events datasources auth resolvers wire"
SERVICES: list[tuple[str, Any, str]] = [
    ("appsync", Graphql, APPSYNC),
    ("appsync", Events, APPSYNC),
    ("cloudwatch", CloudWatchService, "monitoring"),
    ("cognito-idp", UserPools, "userpools"),
    ("dynamodb", Tables, "tables"),
    ("dynamodbstreams", TableStreams, "tables"),
    ("iam", Iam, "account"),
    ("lambda", Lambda, "functions"),
    ("logs", LogsService, "monitoring"),
    ("secretsmanager", SecretsManager, "account"),
    ("sts", Sts, "account"),
]
REFUSED = [
    (service, operation, parameter)
    for service, kind, _ in SERVICES
    for operation, coverage in kind.coverage.items()
    for parameter in coverage.refused
]


@pytest.mark.rule("TBL-47")
@pytest.mark.rule("GQL-69")
@pytest.mark.parametrize(("service", "kind", "rooms"), SERVICES)
def test_every_parameter_is_served_or_declared(service: str, kind: Any, rooms: str) -> None:
    declared = AppSync.coverage if service == "appsync" else kind.coverage
    served, _ = Operations({service: kind}).coverage()[service]
    assert undeclared(service, rooms, served, declared) == []
    assert unknown(service, kind.coverage) == []
    assert kind.coverage.keys() <= set(served)


@pytest.mark.rule("TBL-47")
@pytest.mark.rule("GQL-69")
@pytest.mark.parametrize(("service", "operation", "parameter"), REFUSED)
async def test_a_refused_parameter_is_refused_by_name(service: str, operation: str, parameter: str) -> None:
    reached: list[Any] = []

    async def method(request: dict[str, Any]) -> None:
        reached.append(request)

    kind = next(kind for name, kind, _ in SERVICES if name == service and operation in kind.coverage)
    there = SimpleNamespace(coverage=kind.coverage, **{xform_name(operation): method})
    call = Operations({service: there}).method(service, operation)
    with pytest.raises(ParameterUnsupported, match=f"^Syncline does not support {operation}'s {parameter}.$"):
        await call(request_with(service, operation, parameter))
    assert reached == []
    await call({parameter.partition(".")[0]: {}})
    assert len(reached) == 1
