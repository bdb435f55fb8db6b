"""What is said of parameters is so: what is kept is given back."""

from typing import Any

import pytest


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
