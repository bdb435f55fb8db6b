"""The services through unmodified boto3 and the whole wire, as the recipes call them."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from support.aws import called, client


@pytest.mark.rule("MON-5")
async def test_logs_through_boto3(logs_service, logs) -> None:
    boto = client({"logs": logs_service}, "logs")
    await called(boto.create_log_group, logGroupName="/aws/lambda/f", tags={"a": "1"})
    await called(boto.create_log_stream, logGroupName="/aws/lambda/f", logStreamName="s")
    events = [
        {"timestamp": 1_700_000_000_000, "message": "first"},
        {"timestamp": 1_700_000_000_001, "message": "second"},
    ]
    await called(boto.put_log_events, logGroupName="/aws/lambda/f", logStreamName="s", logEvents=events)
    groups = (await called(boto.describe_log_groups, logGroupNamePrefix="/aws/lambda/"))["logGroups"]
    assert [(group["logGroupName"], group["metricFilterCount"]) for group in groups] == [("/aws/lambda/f", 0)]
    streams = (await called(boto.describe_log_streams, logGroupName="/aws/lambda/f"))["logStreams"]
    assert streams[0]["lastEventTimestamp"] == 1_700_000_000_001
    read = await called(boto.get_log_events, logGroupName="/aws/lambda/f", logStreamName="s", startFromHead=True)
    assert [event["message"] for event in read["events"]] == ["first", "second"]
    found = await called(boto.filter_log_events, logGroupName="/aws/lambda/f", filterPattern="sec")
    assert [event["message"] for event in found["events"]] == ["second"]
    await called(boto.put_retention_policy, logGroupName="/aws/lambda/f", retentionInDays=7)
    assert (await called(boto.describe_log_groups))["logGroups"][0]["retentionInDays"] == 7
    arn = groups[0]["logGroupArn"]
    assert (await called(boto.list_tags_for_resource, resourceArn=arn))["tags"] == {"a": "1"}
    with pytest.raises(ClientError, match="UnsupportedOperation"):
        await called(boto.start_live_tail, logGroupIdentifiers=[arn])
    with pytest.raises(ClientError) as refusal:
        await called(boto.get_log_events, logGroupName="nobody", logStreamName="s")
    assert refusal.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.rule("MON-12")
async def test_metrics_and_alarms_through_boto3(cloudwatch, hand) -> None:
    boto = client({"cloudwatch": cloudwatch}, "cloudwatch")
    now = datetime.fromtimestamp(hand.at, UTC)
    data = [
        {
            "MetricName": "m",
            "Timestamp": now,
            "Value": 4.0,
            "Unit": "Count",
            "Dimensions": [{"Name": "d", "Value": "v"}],
        }
    ]
    await called(boto.put_metric_data, Namespace="mine", MetricData=data)
    asked = {"Namespace": "mine", "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "v"}], "Period": 60}
    times = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}
    points = (await called(boto.get_metric_statistics, **asked, **times, Statistics=["Average"]))["Datapoints"]
    assert points == [{"Timestamp": now, "Average": 4.0, "Unit": "Count"}]
    query = {
        "Metric": {name: asked[name] for name in ("Namespace", "MetricName", "Dimensions")},
        "Period": 60,
        "Stat": "Sum",
    }
    got = await called(boto.get_metric_data, MetricDataQueries=[{"Id": "q", "MetricStat": query}], **times)
    assert got["MetricDataResults"][0]["Values"] == [4.0]
    with pytest.raises(ClientError, match="UnsupportedOperation"):
        await called(boto.get_metric_data, MetricDataQueries=[{"Id": "q", "Expression": "m1+m2"}], **times)
    listed = (await called(boto.list_metrics, Namespace="mine"))["Metrics"]
    assert listed == [{"Namespace": "mine", "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "v"}]}]
    await called(
        boto.put_metric_alarm,
        AlarmName="AppSync-HighErrorRate",
        AlarmDescription="AppSync 4XX/5XX error rate is high",
        MetricName="4XXError",
        Namespace="AWS/AppSync",
        Statistic="Sum",
        Period=300,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
    )
    alarm = (await called(boto.describe_alarms))["MetricAlarms"][0]
    assert (alarm["StateValue"], alarm["EvaluationPeriods"], alarm["Threshold"]) == ("INSUFFICIENT_DATA", 1, 10.0)
    assert alarm["AlarmConfigurationUpdatedTimestamp"] == now
    await called(boto.delete_alarms, AlarmNames=["AppSync-HighErrorRate"])
    with pytest.raises(ClientError, match="ResourceNotFound"):
        await called(boto.delete_alarms, AlarmNames=["AppSync-HighErrorRate"])
