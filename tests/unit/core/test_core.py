"""Core's vocabulary: errors that carry facts, settings with their sources, queues with bounds, a supervisor."""

import asyncio
import io
from pathlib import Path

import pytest

from syncline.core import (
    Bounded,
    LoopClock,
    Meter,
    PartCannotLive,
    QueueFull,
    SeededIds,
    SettingsError,
    Supervisor,
    SystemIds,
    Throttled,
    arns,
    json,
    load_settings,
)


class SubscriberTooSlow(Throttled):
    """{pending} bytes wait for connection {id}; the limit is {limit}. Reconnect."""


def test_an_error_says_its_sentence_with_the_facts() -> None:
    error = SubscriberTooSlow(pending=12, id="c1", limit=10)
    assert error.message == str(error) == "12 bytes wait for connection c1; the limit is 10. Reconnect."
    assert (error.code, error.facts["limit"]) == ("ThrottlingException", 10)


def test_an_error_with_fixed_text_keeps_it_to_the_letter() -> None:
    assert SubscriberTooSlow("{as} it {is}").message == "{as} it {is}"


def test_settings_know_where_each_value_came_from(tmp_path: Path) -> None:
    config = tmp_path / "syncline.toml"
    config.write_text('region = "eu-west-1"\nport = 1\n[hub]\nwindow_seconds = 5.0\n')
    environ = {"SYNCLINE_CONFIG": str(config), "SYNCLINE_PORT": "2", "SYNCLINE_HUB_WINDOW_BYTES_MAX": "77"}
    settings, sources = load_settings({"port": 3, "host": None}, environ)
    assert (settings.region, settings.port, settings.hub.window_seconds, settings.hub.window_bytes_max) == (
        "eu-west-1",
        3,
        5.0,
        77,
    )
    assert sources == {
        "region": str(config),
        "port": "--port",
        "hub": str(config),
        "hub.window_seconds": str(config),
        "hub.window_bytes_max": "SYNCLINE_HUB_WINDOW_BYTES_MAX",
    }


def test_a_setting_that_cannot_be_is_refused_with_name_and_source() -> None:
    with pytest.raises(SettingsError, match="setting port from SYNCLINE_PORT cannot be used"):
        load_settings({}, {"SYNCLINE_PORT": "many", "SYNCLINE_CONFIG": "/nonexistent"})


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("prot = 1\n")
    with pytest.raises(SettingsError, match="prot"):
        load_settings({}, {"SYNCLINE_CONFIG": str(tmp_path / "s.toml")})


async def test_a_bounded_queue_keeps_order_refuses_when_full_and_counts() -> None:
    queue: Bounded[int] = Bounded("invocations", 2)
    waiting = asyncio.ensure_future(queue.take(5))
    await asyncio.sleep(0)
    queue.put(1)
    queue.put(2)
    with pytest.raises(QueueFull, match="invocations holds 2 entries"):
        queue.put(3)
    assert (await waiting, queue.refused, len(queue)) == ([1, 2], 1, 0)


class Flaky:
    """Fails `times` times, then ends."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def run(self) -> None:
        if self.left:
            self.left -= 1
            raise RuntimeError("flaky")


async def test_the_supervisor_restarts_a_part_and_logs_each_failure() -> None:
    out = io.StringIO()
    await Supervisor(LoopClock(), Meter(out=out)).run({"flaky": Flaky(2)})
    events = [json.decode(line) for line in out.getvalue().splitlines()]
    assert [(event["event"], event["part"], event["failures"]) for event in events] == [
        ("part failed", "flaky", 1),
        ("part failed", "flaky", 2),
    ]
    assert "RuntimeError: flaky" in events[0]["trace"]


async def test_a_part_that_cannot_live_stops_the_server_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncline.core.tasks.BACKOFF_FIRST_S", 0.0001)
    with pytest.raises(ExceptionGroup) as caught:
        await Supervisor(LoopClock(), Meter(out=None)).run({"dead": Flaky(100)})
    assert caught.group_contains(PartCannotLive, match="dead")


def test_ids_have_their_documented_shapes_and_a_seed_repeats_them() -> None:
    for ids in (SystemIds(), SeededIds(1)):
        short = ids.short()
        assert len(short) == 26
        assert short[0].isalpha()
        assert short.islower()
        assert short.isalnum()
        assert len(ids.uuid()) == 36
        assert ids.uuid()[14] == "4"
        assert 0 <= ids.fraction() < 1
    assert SeededIds(7).uuid() == SeededIds(7).uuid() != SeededIds(8).uuid()


def test_arns_are_read_and_written() -> None:
    text = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
    arn = arns.parse(text)
    assert (arn.service, arn.resource, str(arn)) == ("dynamodb", "table/t/stream/2026-01-01T00:00:00.000", text)
    with pytest.raises(ValueError, match="is not an ARN"):
        arns.parse("table/t")


def test_instruments_are_bound_once_and_read_by_name() -> None:
    meter = Meter(out=None)
    requests = meter.counter("syncline_graphql_requests_total", api="a")
    requests.add()
    meter.counter("syncline_graphql_requests_total", api="a").add(2)
    latency = meter.summary("syncline_graphql_latency_ms", api="a")
    for value in (3.0, 1.0, 2.0):
        latency.observe(value)
    assert requests.value == 3
    assert (latency.count, latency.total, latency.take_extremes()) == (3, 6.0, (1.0, 3.0))
    assert {instrument.name for instrument in meter.instruments()} == {
        "syncline_graphql_requests_total",
        "syncline_graphql_latency_ms",
    }
    meter.forget(api="a")
    assert list(meter.instruments()) == []


@pytest.mark.parametrize("document", ["[" * 100_000, b'{"a":' * 100_000])
def test_json_that_is_nested_too_deeply_is_not_json(document: str | bytes) -> None:
    with pytest.raises(json.NotJson):
        json.decode(document)
