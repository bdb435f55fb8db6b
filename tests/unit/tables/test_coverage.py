"""What is said of parameters is so: what is refused is refused, and what is kept is given back."""

from typing import Any

import pytest

from support.coverage import request_with, undeclared, unknown
from syncline.tables import Tables, TableStreams
from syncline.wire import Operations

SERVICES: dict[str, type[Tables] | type[TableStreams]] = {"dynamodb": Tables, "dynamodbstreams": TableStreams}
REFUSED = [(operation, name) for operation, coverage in Tables.coverage.items() for name in coverage.refused]


@pytest.mark.rule("TBL-47")
@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_parameter_is_served_or_declared(service: str) -> None:
    served, _ = Operations(SERVICES).coverage()[service]
    assert undeclared(service, "tables", served, SERVICES[service].coverage) == []
    assert unknown(service, SERVICES[service].coverage) == []
    assert SERVICES[service].coverage.keys() <= set(served)


@pytest.mark.rule("TBL-47")
@pytest.mark.parametrize(("operation", "parameter"), REFUSED)
async def test_a_refused_parameter_is_refused_by_name(room: Any, refusal: Any, operation: str, parameter: str) -> None:
    request = request_with("dynamodb", operation, parameter)
    call = {"CreateTable": room.api.create_table, "UpdateTable": room.api.update_table}[operation]
    sentence = f"UnsupportedOperation: Syncline does not support {operation}'s {parameter}."
    assert await refusal(call({"TableName": "things", **request})) == sentence


@pytest.mark.rule("TBL-47")
async def test_a_parameter_that_is_kept_is_given_back(room: Any) -> None:
    units = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}
    index = {"IndexName": "by_k", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}
    index |= {"Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": units}
    request = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units, "TableClass": "STANDARD_INFREQUENT_ACCESS"}
    await room.create(attributes="k:S", GlobalSecondaryIndexes=[index], **request)
    more = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    changes = [{"Update": {"IndexName": "by_k", "ProvisionedThroughput": more}}]

    async def shown() -> list[Any]:
        table = (await room.api.describe_table({"TableName": "things"}))["Table"]
        described = [table["ProvisionedThroughput"], table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]]
        return [*({name: one[name] for name in units} for one in described), table["TableClassSummary"]["TableClass"]]

    assert await shown() == [units, units, "STANDARD_INFREQUENT_ACCESS"]
    update = {"TableName": "things", "ProvisionedThroughput": more, "TableClass": "STANDARD"}
    await room.api.update_table({**update, "GlobalSecondaryIndexUpdates": changes})
    assert await shown() == [more, more, "STANDARD"]
