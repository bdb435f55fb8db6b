"""Alarms: judged by the tables of CloudWatch's guide, evaluated over real figures."""

import pytest

from syncline.core import SynclineError, Unsupported
from syncline.monitoring import Alarms, CloudWatchService
from syncline.monitoring.alarms import State, judge
from syncline.monitoring.errors import AlarmInvalid, AlarmNotFound
from syncline.monitoring.model import Alarm, Series

OK, ALARM, NONE, KEEP = State.OK, State.ALARM, State.INSUFFICIENT, State.KEEP
SEED_ALARM = {
    "AlarmName": "Lambda-ProcessingErrors",
    "AlarmDescription": "Lambda function processing errors",
    "MetricName": "Errors",
    "Namespace": "mine",
    "Statistic": "Sum",
    "Period": 60,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def alarm(needed: int, missing: str) -> Alarm:
    series = Series("n", "m")
    return Alarm("a", series, "Sum", 60, 3, needed, 0.5, "GreaterThanThreshold", {}, 0.0, missing)


@pytest.mark.rule("MON-16")
@pytest.mark.rule("MON-20")
@pytest.mark.parametrize(
    ("needed", "range_", "missing", "ignore", "breaching", "not_breaching"),
    [
        (3, "0-X-X", OK, OK, OK, OK),
        (3, "----0", OK, OK, OK, OK),
        (3, "-----", NONE, KEEP, ALARM, OK),
        (3, "0XX-X", ALARM, ALARM, ALARM, ALARM),
        (3, "--X--", ALARM, KEEP, ALARM, OK),
        (2, "0-X-X", ALARM, ALARM, ALARM, ALARM),
        (2, "00X0X", ALARM, ALARM, ALARM, ALARM),
        (2, "0-X--", OK, OK, ALARM, OK),
        (2, "----0", OK, OK, ALARM, OK),
        (2, "---X-", ALARM, KEEP, ALARM, OK),
    ],
)
def test_missing_figures_are_judged_as_the_guide_tells(
    needed, range_, missing, ignore, breaching, not_breaching
) -> None:
    figures = [1.0 if sign == "X" else 0.0 for sign in range_ if sign != "-"]
    wanted = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    assert {name: judge(alarm(needed, name), figures, 5) for name in wanted} == wanted


async def state(service: CloudWatchService) -> tuple[str, str]:
    found = (await service.describe_alarms({"AlarmNames": ["Lambda-ProcessingErrors"]}))["MetricAlarms"][0]
    return found["StateValue"], found["StateReason"]


async def count(service: CloudWatchService, at: float, value: float) -> None:
    datum = {"MetricName": "Errors", "Timestamp": at, "Value": value}
    await service.put_metric_data({"Namespace": "mine", "MetricData": [datum]})


@pytest.mark.rule("MON-15")
@pytest.mark.rule("MON-21")
async def test_an_alarm_goes_off_after_the_minute_and_comes_back(
    store, cloudwatch, alarms, metrics, hand, meter
) -> None:
    await cloudwatch.put_metric_alarm(SEED_ALARM)
    assert await state(cloudwatch) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    await count(cloudwatch, hand.at, 6.0)
    await alarms.evaluate()
    assert await state(cloudwatch) == ("INSUFFICIENT_DATA", "Insufficient Data: 1 datapoint was unknown.")
    hand.at += 60
    await alarms.evaluate()
    value, reason = await state(cloudwatch)
    assert value == "ALARM"
    assert reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [6.0 (14/11/23 22:14:00)] was greater than "
        "the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    reopened = Alarms(store, metrics, hand, meter)
    await reopened.load()
    assert reopened.alarm("Lambda-ProcessingErrors").state == "ALARM"
    await count(cloudwatch, hand.at, 1.0)
    hand.at += 60
    await alarms.evaluate()
    assert (await state(cloudwatch))[0] == "OK"


@pytest.mark.rule("MON-17")
async def test_actions_are_kept_and_shown(cloudwatch) -> None:
    action = "arn:aws:sns:us-east-1:000000000000:topic"
    await cloudwatch.put_metric_alarm(SEED_ALARM | {"AlarmActions": [action], "EvaluationPeriods": 2})
    shown = (await cloudwatch.describe_alarms({"StateValue": "INSUFFICIENT_DATA"}))["MetricAlarms"][0]
    assert (shown["AlarmActions"], shown["EvaluationPeriods"]) == ([action], 2)
    assert "DatapointsToAlarm" not in shown  # It was not given: Terraform would take it for a change.
    await cloudwatch.put_metric_alarm(SEED_ALARM | {"EvaluationPeriods": 2, "DatapointsToAlarm": 1})
    assert (await cloudwatch.describe_alarms({}))["MetricAlarms"][0]["DatapointsToAlarm"] == 1


@pytest.mark.rule("MON-18")
async def test_a_state_that_was_set_holds_until_the_next_evaluation(cloudwatch, alarms) -> None:
    await cloudwatch.put_metric_alarm(SEED_ALARM)
    request = {"AlarmName": "Lambda-ProcessingErrors", "StateValue": "ALARM", "StateReason": "drill"}
    await cloudwatch.set_alarm_state(request)
    assert await state(cloudwatch) == ("ALARM", "drill")
    await alarms.evaluate()
    assert (await state(cloudwatch))[0] == "INSUFFICIENT_DATA"


@pytest.mark.rule("MON-19")
async def test_deleting_with_an_unknown_name_deletes_none(cloudwatch) -> None:
    await cloudwatch.put_metric_alarm(SEED_ALARM | {"Tags": [{"Key": "a", "Value": "b"}]})
    with pytest.raises(AlarmNotFound):
        await cloudwatch.delete_alarms({"AlarmNames": ["Lambda-ProcessingErrors", "nobody"]})
    arn = (await cloudwatch.describe_alarms({}))["MetricAlarms"][0]["AlarmArn"]
    assert (await cloudwatch.list_tags_for_resource({"ResourceARN": arn}))["Tags"] == [{"Key": "a", "Value": "b"}]
    await cloudwatch.delete_alarms({"AlarmNames": ["Lambda-ProcessingErrors"]})
    assert (await cloudwatch.describe_alarms({}))["MetricAlarms"] == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"DatapointsToAlarm": 2}, AlarmInvalid),
        ({"Threshold": float("nan")}, AlarmInvalid),
        ({"Threshold": float("inf")}, AlarmInvalid),
        ({"TreatMissingData": "maybe"}, AlarmInvalid),
        ({"Period": 30}, Unsupported),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, Unsupported),
        ({"Period": 86400, "EvaluationPeriods": 8}, AlarmInvalid),
    ],
)
async def test_alarms_that_cannot_be_are_refused(cloudwatch, change: dict, kind: type[SynclineError]) -> None:
    with pytest.raises(kind):
        await cloudwatch.put_metric_alarm(SEED_ALARM | change)
