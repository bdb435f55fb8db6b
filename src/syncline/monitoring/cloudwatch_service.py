"""The CloudWatch operations: read the request, ask metrics or alarms, shape the answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from syncline.core import Clock, Unsupported, arns
from syncline.monitoring.alarms import COMPARISONS, MISSING, Alarms
from syncline.monitoring.coverage import METRIC_OPERATIONS
from syncline.monitoring.errors import (
    AlarmInvalid,
    MetricCombinationInvalid,
    MetricInvalid,
    MetricParameterMissing,
)
from syncline.monitoring.metrics import MINUTE, Metrics, gather, minute_of
from syncline.monitoring.model import Alarm, Dimensions, Series, Statistics
from syncline.wire import cut

Shape = dict[str, Any]

DATAPOINTS_MAX = 1440
"""AWS's limit of one GetMetricStatistics."""
ECHOED = (
    *("AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions"),
    "DatapointsToAlarm",
)
PAGE = 500
PERIODS_MAX_SECONDS = 7 * 24 * 3600

LARGEST = 2.0**360
"""Farther from zero no datum may be."""


class CloudWatchService:
    """Service `cloudwatch` (GraniteServiceVersion20100801)."""

    coverage = METRIC_OPERATIONS

    def __init__(self, metrics: Metrics, alarms: Alarms, clock: Clock, *, region: str, account: str) -> None:
        self._metrics = metrics
        self._alarms = alarms
        self._clock = clock
        self._arn = arns.arn("cloudwatch", region, account, "alarm:")

    async def put_metric_alarm(self, request: Shape) -> Shape:
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
        await self._alarms.put(_alarm(request, tags, float(self._clock.now())))
        return {}

    async def describe_alarms(self, request: Shape) -> Shape:
        kinds, token = request.get("AlarmTypes", ["MetricAlarm"]), request.get("NextToken", "")
        found = [alarm for alarm in self._alarms.alarms() if _described(alarm, request) and alarm.name > token]
        found = found if "MetricAlarm" in kinds else []
        most = request.get("MaxRecords", 50)
        answer: Shape = {"MetricAlarms": [self._alarm_shape(alarm) for alarm in found[:most]], "CompositeAlarms": []}
        return answer if len(found) <= most else answer | {"NextToken": found[most - 1].name}

    async def delete_alarms(self, request: Shape) -> Shape:
        await self._alarms.delete(request["AlarmNames"])
        return {}

    async def set_alarm_state(self, request: Shape) -> Shape:
        data = request.get("StateReasonData", "")
        await self._alarms.set_state(request["AlarmName"], request["StateValue"], request["StateReason"], data)
        return {}

    async def get_metric_statistics(self, request: Shape) -> Shape:
        names = request.get("Statistics")
        if request.get("ExtendedStatistics"):
            raise Unsupported("Percentiles are not supported: figures are kept as count, sum, minimum and maximum.")
        if not names:
            raise MetricParameterMissing("Must specify either Statistics or ExtendedStatistics")
        series = _series(request["Namespace"], request["MetricName"], request.get("Dimensions", []))
        found = await self._periods(series, request, request["Period"])
        datapoints = [
            {"Timestamp": begin, "Unit": one.unit} | {name: one.figure(name) for name in names}
            for begin, one in sorted(found.items())
            if request.get("Unit", one.unit) == one.unit
        ]
        return {"Label": request["MetricName"], "Datapoints": datapoints}

    async def get_metric_data(self, request: Shape) -> Shape:
        results = [await self._result(query, request) for query in request["MetricDataQueries"]]
        asked = zip(results, request["MetricDataQueries"], strict=True)
        told = [result for result, query in asked if query.get("ReturnData", True)]
        return {"MetricDataResults": told, "Messages": []}

    async def list_metrics(self, request: Shape) -> Shape:
        wanted = request.get("Dimensions", [])
        found = [
            series
            for series in self._metrics.series()
            if request.get("Namespace", series.namespace) == series.namespace
            and request.get("MetricName", series.metric) == series.metric
            and all(_has(series.dimensions, one) for one in wanted)
        ]
        shown, token = cut(found, request.get("NextToken"), PAGE, _no_token)
        answer: Shape = {"Metrics": [_metric_shape(series) for series in shown]}
        return answer if token is None else answer | {"NextToken": token}

    async def put_metric_data(self, request: Shape) -> Shape:
        namespace, now = request["Namespace"], self._clock.now()
        if namespace.startswith("AWS/"):
            raise MetricInvalid("The value AWS/ for parameter Namespace is invalid.")
        entries: list[tuple[Series, int, Statistics]] = []
        for datum in request.get("MetricData", []):
            series = _series(namespace, datum["MetricName"], datum.get("Dimensions", []))
            entries.append((series, minute_of(datum.get("Timestamp", now)), _statistics(datum)))
        await self._metrics.record(gather(entries))
        return {}

    async def list_tags_for_resource(self, request: Shape) -> Shape:
        tags = self._alarms.alarm(self._name_of(request["ResourceARN"])).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    async def tag_resource(self, request: Shape) -> Shape:
        name = self._name_of(request["ResourceARN"])
        added = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        await self._alarms.change_tags(name, self._alarms.alarm(name).tags | added)
        return {}

    async def untag_resource(self, request: Shape) -> Shape:
        name = self._name_of(request["ResourceARN"])
        tags = self._alarms.alarm(name).tags
        await self._alarms.change_tags(name, {key: tags[key] for key in tags if key not in request["TagKeys"]})
        return {}

    async def _result(self, query: Shape, request: Shape) -> Shape:
        if "MetricStat" not in query:
            raise Unsupported("GetMetricData answers MetricStat queries; expressions are not supported.")
        stat = query["MetricStat"]
        if stat["Stat"] not in ("SampleCount", "Average", "Sum", "Minimum", "Maximum"):
            raise Unsupported(f"The statistic {stat['Stat']} is not supported.")
        metric = stat["Metric"]
        series = _series(metric.get("Namespace", ""), metric.get("MetricName", ""), metric.get("Dimensions", []))
        found = await self._periods(series, request, stat["Period"])
        descending = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        instants = sorted(found, reverse=descending)
        return {
            "Id": query["Id"],
            "Label": query.get("Label", series.metric),
            "Timestamps": instants,
            "Values": [found[begin].figure(stat["Stat"]) for begin in instants],
            "StatusCode": "Complete",
        }

    async def _periods(self, series: Series, request: Shape, period: int) -> dict[int, Statistics]:
        start, end = request["StartTime"], request["EndTime"]
        if start >= end:
            raise MetricInvalid("The parameter StartTime must be less than the parameter EndTime.")
        if period < MINUTE or period % MINUTE:
            raise MetricInvalid("The parameter Period must be a multiple of 60.")
        if (end - start) / period > DATAPOINTS_MAX:
            raise MetricCombinationInvalid(
                f"You have requested up to {int((end - start) / period):,} datapoints, which exceeds the limit of "
                "1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range."
            )
        # AWS does this: the periods begin at multiples of the period, the range's start is rounded down.
        first = int(start // period * period)
        return await self._metrics.periods(series, first, int(end), period)

    def _name_of(self, arn: str) -> str:
        return arn.split(":alarm:", 1)[-1]

    def _alarm_shape(self, alarm: Alarm) -> Shape:
        shape: Shape = {
            "AlarmName": alarm.name,
            "AlarmArn": self._arn + alarm.name,
            "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
            "StateValue": alarm.state,
            "StateReason": alarm.reason,
            "StateUpdatedTimestamp": alarm.state_at or alarm.configured_at,
            "StateTransitionedTimestamp": alarm.transitioned_at or alarm.configured_at,
            **_metric_shape(alarm.series),
            "Statistic": alarm.statistic,
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            "Threshold": alarm.threshold,
            "ComparisonOperator": alarm.comparison,
            "TreatMissingData": alarm.missing,
        }
        shape |= {"ActionsEnabled": True, "OKActions": [], "AlarmActions": [], "InsufficientDataActions": []}
        optional = {"StateReasonData": alarm.reason_data, "Unit": alarm.unit}
        return shape | alarm.given | {name: value for name, value in optional.items() if value}


def _alarm(request: Shape, tags: dict[str, str], now: float) -> Alarm:
    for name in ("MetricName", "Namespace", "Statistic", "Period", "Threshold", "ComparisonOperator"):
        if name not in request:
            raise AlarmInvalid(f"The parameter {name} is required for an alarm on a metric.")
    if not abs(request["Threshold"]) <= LARGEST:  # Also false for what is no number.
        raise AlarmInvalid(f"The value {request['Threshold']} for parameter Threshold is invalid.")
    comparison, missing = request["ComparisonOperator"], request.get("TreatMissingData", "missing")
    if comparison not in COMPARISONS:
        raise Unsupported(f"The comparison {comparison} is not supported: there is no anomaly detection.")
    if missing not in MISSING:
        raise AlarmInvalid(f"TreatMissingData must be one of {', '.join(MISSING)}, not {missing}.")
    # The CLI asks for EvaluationPeriods no longer; the published recipes leave it out and mean one.
    periods = int(request.get("EvaluationPeriods", 1))
    needed, period = int(request.get("DatapointsToAlarm", periods)), int(request["Period"])
    if needed > periods:
        raise AlarmInvalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    if period % MINUTE:
        raise Unsupported("Alarms with a period below 60 seconds are not supported; the period is a multiple of 60.")
    if period * periods > PERIODS_MAX_SECONDS:
        raise AlarmInvalid("Metrics cannot be checked across more than seven days (EvaluationPeriods * Period).")
    return Alarm(
        request["AlarmName"],
        _series(request["Namespace"], request["MetricName"], request.get("Dimensions", [])),
        request["Statistic"],
        period,
        periods,
        needed,
        float(request["Threshold"]),
        comparison,
        {name: request[name] for name in ECHOED if name in request},
        now,
        missing,
        request.get("Unit", ""),
        tags=tags,
    )


def _described(alarm: Alarm, request: Shape) -> bool:
    names = request.get("AlarmNames")
    return (
        (not names or alarm.name in names)
        and alarm.name.startswith(request.get("AlarmNamePrefix", ""))
        and request.get("StateValue", alarm.state) == alarm.state
    )


def _series(namespace: str, metric: str, dimensions: list[Shape]) -> Series:
    return Series(namespace, metric, tuple(sorted((one["Name"], one["Value"]) for one in dimensions)))


def _metric_shape(series: Series) -> Shape:
    dimensions = [{"Name": name, "Value": value} for name, value in series.dimensions]
    return {"Namespace": series.namespace, "MetricName": series.metric, "Dimensions": dimensions}


def _has(dimensions: Dimensions, wanted: Shape) -> bool:
    return any(name == wanted["Name"] and wanted.get("Value", value) == value for name, value in dimensions)


def _statistics(datum: Shape) -> Statistics:
    unit = datum.get("Unit", "None")
    if "StatisticValues" in datum:
        given = datum["StatisticValues"]
        _check_numbers("StatisticValues", given.values())
        return Statistics(given["SampleCount"], given["Sum"], given["Minimum"], given["Maximum"], unit)
    values = datum.get("Values", [datum["Value"]] if "Value" in datum else [])
    counts = datum.get("Counts", [1.0] * len(values))
    if not values:
        raise MetricParameterMissing("The parameter MetricData.member.1.Value is required.")
    if len(values) != len(counts):
        raise MetricCombinationInvalid("The parameters Values and Counts must be of the same length.")
    _check_numbers("Value", values)
    _check_numbers("Counts", counts)
    total = sum(value * count for value, count in zip(values, counts, strict=True))
    return Statistics(sum(counts), total, min(values), max(values), unit)


def _check_numbers(name: str, numbers: Iterable[float]) -> None:
    # Also false for what is no number: it would be in every sum from then on.
    for number in numbers:
        if not abs(number) <= LARGEST:
            raise MetricInvalid(f"The value {number} for parameter MetricData.member.1.{name} is invalid.")


def _no_token() -> MetricInvalid:
    return MetricInvalid("The value of parameter NextToken is none that ListMetrics gave.")
