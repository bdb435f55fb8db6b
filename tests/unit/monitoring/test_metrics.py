"""Metrics: sampled from instruments, put by users, read by period."""

from pathlib import Path

import pytest

from syncline.core import Meter
from syncline.monitoring import CloudWatchService, Metrics, MetricSampler, Row, prometheus_text
from syncline.monitoring.errors import MetricCombinationInvalid, MetricInvalid
from syncline.store import StoreBusy

ROWS = [
    Row("calls_total", "AWS/Lambda", "Invocations", "Count", {"FunctionName": "function"}),
    Row("calls_total", "AWS/Lambda", "Invocations", "Count"),
    Row("errors_total", "AWS/Lambda", "Errors", "Count", {"FunctionName": "function"}, of="calls_total"),
    Row("duration_ms", "AWS/Lambda", "Duration", "Milliseconds", {"FunctionName": "function"}),
    Row("running", "AWS/Lambda", "ConcurrentExecutions", "Count", summed=True),
    Row("connections", "AWS/Lambda", "ActiveConnections", "Count", each_minute=True),
]


async def ask(service: CloudWatchService, metric: str, start: float, end: float, **more: object) -> list[dict]:
    request = {"Namespace": "AWS/Lambda", "MetricName": metric, "Period": 60, "StartTime": start, "EndTime": end}
    statistics = {"Statistics": ["Sum", "Average", "SampleCount", "Minimum", "Maximum"]}
    return (await service.get_metric_statistics(request | statistics | more))["Datapoints"]


OF_F = [{"Name": "FunctionName", "Value": "f"}]


@pytest.mark.rule("MON-10")
@pytest.mark.rule("MON-11")
async def test_instruments_become_statistics_of_their_minute(cloudwatch, metrics, meter, hand) -> None:
    sampler = MetricSampler(meter, metrics, hand, ROWS)
    calls, errors = meter.counter("calls_total", function="f"), meter.counter("errors_total", function="f")
    duration = meter.summary("duration_ms", function="f")
    meter.counter("calls_total", function="g").add(1)
    meter.gauge("running", lambda: 3, function="f")
    meter.gauge("running", lambda: 2, function="g")
    start = hand.at
    calls.add(3), errors.add(1), duration.observe(5), duration.observe(15)
    await sampler.sample()
    calls.add(1)
    await sampler.sample()
    hand.at += 60
    await sampler.sample()  # nothing happened: no datapoint
    invocations = await ask(cloudwatch, "Invocations", start, start + 120, Dimensions=OF_F)
    assert [(one["Timestamp"], one["Sum"], one["Unit"]) for one in invocations] == [(start, 4, "Count")]
    assert (await ask(cloudwatch, "Invocations", start, start + 120))[0]["Sum"] == 5
    failed = (await ask(cloudwatch, "Errors", start, start + 120, Dimensions=OF_F))[0]
    assert (failed["Sum"], failed["Average"], failed["SampleCount"]) == (1, 0.25, 4)
    took = (await ask(cloudwatch, "Duration", start, start + 120, Dimensions=OF_F))[0]
    assert (took["Minimum"], took["Maximum"], took["Average"]) == (5, 15, 10)
    running = await ask(cloudwatch, "ConcurrentExecutions", start, start + 120)
    assert [(one["Maximum"], one["SampleCount"]) for one in running] == [(5, 2), (5, 1)]


@pytest.mark.rule("MON-10")
async def test_figures_that_the_store_refused_are_recorded_with_the_next(cloudwatch, metrics, meter, hand) -> None:
    sampler = MetricSampler(meter, metrics, hand, ROWS)
    real, start = metrics.record, hand.at
    metrics.record = refuse
    meter.counter("calls_total", function="f").add(2)
    with pytest.raises(StoreBusy):
        await sampler.sample()
    metrics.record = real
    meter.counter("calls_total", function="f").add(1)
    await sampler.sample()
    assert (await ask(cloudwatch, "Invocations", start, start + 60, Dimensions=OF_F))[0]["Sum"] == 3


async def refuse(figures: object) -> None:
    raise StoreBusy(waiting=1)


@pytest.mark.rule("MON-10")
async def test_a_gauge_of_the_minute_is_told_once_and_an_instrument_made_anew_counts_from_zero(
    cloudwatch, metrics, meter, hand
) -> None:
    sampler = MetricSampler(meter, metrics, hand, ROWS)
    start = hand.at
    meter.gauge("connections", lambda: 7)
    meter.counter("calls_total", function="f").add(5)
    for _ in range(3):
        await sampler.sample()
        hand.at += 5
    meter.forget(function="f")
    meter.counter("calls_total", function="f").add(6)
    await sampler.sample()
    assert [one["Sum"] for one in await ask(cloudwatch, "ActiveConnections", start, start + 60)] == [7]
    assert (await ask(cloudwatch, "Invocations", start, start + 60, Dimensions=OF_F))[0]["Sum"] == 11


@pytest.mark.rule("MON-12")
@pytest.mark.rule("MON-13")
async def test_put_figures_are_read_back_by_longer_periods_after_a_restart(store, cloudwatch, alarms, hand) -> None:
    at = 1_700_000_100.0  # a multiple of 300
    data = [
        {"MetricName": "m", "Timestamp": at + 60, "Value": 4.0, "Unit": "Count"},
        {"MetricName": "m", "Timestamp": at + 119, "Values": [1.0, 2.0], "Counts": [3.0, 1.0], "Unit": "Count"},
        {"MetricName": "m", "Timestamp": at + 300, "Value": 9.0, "Unit": "Count"},
    ]
    await cloudwatch.put_metric_data({"Namespace": "mine", "MetricData": data})
    metrics = Metrics(store, hand)
    await metrics.load()
    again = CloudWatchService(metrics, alarms, hand, region="us-east-1", account="000000000000")
    request = {"Namespace": "mine", "MetricName": "m", "Period": 300, "StartTime": at, "EndTime": at + 600}
    points = (await again.get_metric_statistics(request | {"Statistics": ["Sum", "SampleCount"]}))["Datapoints"]
    assert [(one["Timestamp"], one["Sum"], one["SampleCount"]) for one in points] == [(at, 9, 5), (at + 300, 9, 1)]
    stat = {"Metric": {"Namespace": "mine", "MetricName": "m"}, "Period": 300, "Stat": "Maximum"}
    asked = {"MetricDataQueries": [{"Id": "a", "MetricStat": stat}], "StartTime": at, "EndTime": at + 600}
    result = (await again.get_metric_data(asked))["MetricDataResults"][0]
    assert (result["Timestamps"], result["Values"]) == ([at + 300, at], [9, 4])
    listed = (await again.list_metrics({"Namespace": "mine"}))["Metrics"]
    assert listed == [{"Namespace": "mine", "MetricName": "m", "Dimensions": []}]
    assert (await again.list_metrics({"Dimensions": [{"Name": "nobody"}]}))["Metrics"] == []
    with pytest.raises(MetricInvalid, match="NextToken"):
        await again.list_metrics({"NextToken": "none of ours"})


@pytest.mark.rule("MON-14")
async def test_figures_older_than_fifteen_days_are_deleted(cloudwatch, metrics, hand) -> None:
    old = hand.at
    await cloudwatch.put_metric_data({"Namespace": "mine", "MetricData": [{"MetricName": "m", "Value": 1.0}]})
    hand.at += 16 * 24 * 3600
    await metrics.trim()
    request = {"Namespace": "mine", "MetricName": "m", "Period": 60, "StartTime": old - 60, "EndTime": old + 60}
    assert (await cloudwatch.get_metric_statistics(request | {"Statistics": ["Sum"]}))["Datapoints"] == []


async def test_ranges_and_periods_that_cannot_be_are_refused(cloudwatch) -> None:
    with pytest.raises(MetricCombinationInvalid, match="exceeds the limit of 1,440"):
        await ask(cloudwatch, "x", 0, 60 * 1441)
    with pytest.raises(MetricInvalid, match="must be less than"):
        await ask(cloudwatch, "x", 60, 0)
    with pytest.raises(MetricInvalid, match="multiple of 60"):
        await ask(cloudwatch, "x", 0, 60, Period=90)


@pytest.mark.rule("MON-22")
def test_prometheus_reads_one_type_line_per_name() -> None:
    meter = Meter(out=None)
    meter.counter("a_total", path='say "hi"\\').add(2)
    meter.summary("b_ms").observe(1.5)
    meter.counter("a_total", path="x\ny").add(1)
    meter.gauge("c", lambda: 0.25)
    assert prometheus_text(meter).splitlines() == [
        "# TYPE a_total counter",
        'a_total{path="say \\"hi\\"\\\\"} 2',
        'a_total{path="x\\ny"} 1',
        "# TYPE b_ms summary",
        "b_ms_sum 1.5",
        "b_ms_count 1",
        "# TYPE c gauge",
        "c 0.25",
    ]


@pytest.mark.rule("MON-10")
async def test_what_the_hub_counts_is_of_the_kind_of_api_that_it_is(cloudwatch, metrics, meter, hand) -> None:
    sampler = MetricSampler(meter, metrics, hand)
    meter.counter("syncline_graphql_requests_total", api="g")
    meter.counter("syncline_events_requests_total", api="e")
    for labels in ({"api": "g"}, {"api": "e"}, {"api": "e", "line": "kept"}):
        meter.counter("syncline_hub_delivered_units_total", **labels).add(2)
    await sampler.sample()
    listed = (await cloudwatch.list_metrics({"Namespace": "AWS/AppSync"}))["Metrics"]
    shown = sorted((one["MetricName"], *(tuple(each.values()) for each in one["Dimensions"])) for one in listed)
    assert shown == [("OutboundMessages", ("EventAPIId", "e")), ("OutboundMessages", ("GraphQLAPIId", "g"))]
    [sent] = await ask(
        cloudwatch,
        "OutboundMessages",
        hand.at,
        hand.at + 60,
        Namespace="AWS/AppSync",
        Dimensions=[{"Name": "EventAPIId", "Value": "e"}],
    )
    assert sent["Sum"] == 4


def test_every_row_reads_an_instrument_that_some_room_binds() -> None:
    import syncline
    from syncline.monitoring.aws_metrics import ROWS as SERVED

    source = "".join(
        path.read_text() for path in Path(syncline.__file__).parent.rglob("*.py") if "aws_metrics" not in path.name
    )
    named = {name for row in SERVED for name in (row.instrument, row.of) if name}
    assert sorted(name for name in named if f'"{name}"' not in source) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -(2.0**361)])
async def test_what_is_no_number_gets_into_no_sum(cloudwatch, value) -> None:
    set_of_values = {"SampleCount": 1.0, "Sum": value, "Minimum": 1.0, "Maximum": 1.0}
    for datum in ({"Value": value}, {"Values": [1.0, value]}, {"StatisticValues": set_of_values}):
        with pytest.raises(MetricInvalid):
            await cloudwatch.put_metric_data({"Namespace": "mine", "MetricData": [{"MetricName": "m", **datum}]})
