"""The instruments as Prometheus reads them (text exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator

from syncline.core import Counter, Gauge, Meter, Summary

PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of `prometheus_text`."""


def prometheus_text(meter: Meter) -> str:
    """Every instrument, grouped by name, each group under its TYPE line."""
    families: dict[str, list[Counter | Summary | Gauge]] = {}
    for instrument in meter.instruments():
        families.setdefault(instrument.name, []).append(instrument)
    return "".join(line + "\n" for name in families for line in _family(name, families[name]))


def _family(name: str, instruments: list[Counter | Summary | Gauge]) -> Iterator[str]:
    kind = {Counter: "counter", Summary: "summary", Gauge: "gauge"}[type(instruments[0])]
    yield f"# TYPE {name} {kind}"
    for instrument in instruments:
        labels = _labels(instrument.labels)
        if isinstance(instrument, Counter):
            yield f"{name}{labels} {_number(instrument.value)}"
        elif isinstance(instrument, Gauge):
            yield f"{name}{labels} {_number(instrument.read())}"
        else:
            yield f"{name}_sum{labels} {_number(instrument.total)}"
            yield f"{name}_count{labels} {instrument.count}"


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
