"""Metric alarms: evaluated every few seconds over the last whole minutes, as CloudWatch documents it.

Owns: the alarms and their states. Never: acts on a change of state; the change is an event in the server's log.
Follows "Using Amazon CloudWatch alarms", with its tables of missing data (MON-20).
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum

import msgspec

from syncline.core import Clock, Meter, json
from syncline.monitoring.beats import every
from syncline.monitoring.errors import AlarmNotFound
from syncline.monitoring.metrics import Metrics, minute_of
from syncline.monitoring.model import Alarm
from syncline.store import Collection, Store, Transaction

EVALUATE_SECONDS = 10.0
LOOK_BACK_PERIODS = 2
"""Periods before the evaluation periods that stand in for missing ones."""
COMPARISONS = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
MISSING = ("missing", "notBreaching", "breaching", "ignore")

Point = tuple[int, float]
"""The instant a period began, and its figure."""


class State(Enum):
    """An alarm's states, and the decision to keep the one it is in."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT = "INSUFFICIENT_DATA"
    KEEP = ""


class Alarms:
    """The metric alarms of this server. See RULES.md, MON-15 to MON-21."""

    def __init__(self, store: Store, metrics: Metrics, clock: Clock, meter: Meter) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._meter = meter
        self._records = Collection("alarm", Alarm)
        self._alarms: dict[str, Alarm] = {}

    async def load(self) -> None:
        """Read the alarms from the store."""
        alarms = await self._store.read(lambda view: self._records.list(view))
        self._alarms = {alarm.name: alarm for alarm in alarms}

    async def run(self) -> None:
        """Evaluate for ever."""
        await every(self._clock, EVALUATE_SECONDS, self.evaluate)

    def alarms(self) -> list[Alarm]:
        """Every alarm, by name."""
        return [self._alarms[name] for name in sorted(self._alarms)]

    def alarm(self, name: str) -> Alarm:
        """The alarm, or AlarmNotFound."""
        if name not in self._alarms:
            raise AlarmNotFound(f"Unknown alarm: {name}")
        return self._alarms[name]

    async def put(self, alarm: Alarm) -> None:
        """Create or replace an alarm. A replaced one keeps its state and tags until it is next evaluated."""
        old = self._alarms.get(alarm.name)
        if old is not None:
            alarm = msgspec.structs.replace(
                alarm,
                state=old.state,
                reason=old.reason,
                reason_data=old.reason_data,
                state_at=old.state_at,
                transitioned_at=old.transitioned_at,
                tags=old.tags,
            )
        await self._save(alarm)

    async def delete(self, names: list[str]) -> None:
        """Delete the alarms of these names. Raises AlarmNotFound, and deletes none, when one is missing."""
        for name in names:
            self.alarm(name)

        def body(txn: Transaction) -> None:
            for name in names:
                self._records.delete(txn, name)

        await self._store.write(body)
        for name in names:
            self._alarms.pop(name, None)

    async def change_tags(self, name: str, tags: dict[str, str]) -> None:
        """Set the alarm's tags."""
        await self._save(msgspec.structs.replace(self.alarm(name), tags=tags))

    async def set_state(self, name: str, state: str, reason: str, reason_data: str = "") -> None:
        """Put the alarm in a state until it is next evaluated."""
        alarm, now = self.alarm(name), float(self._clock.now())
        moved = state != alarm.state
        changed = msgspec.structs.replace(
            alarm,
            state=state,
            reason=reason,
            reason_data=reason_data,
            state_at=now,
            transitioned_at=now if moved else alarm.transitioned_at,
        )
        await self._save(changed)
        if moved:
            self._meter.event("alarm state changed", alarm=name, before=alarm.state, state=state, reason=reason)

    async def evaluate(self) -> None:
        """Look at every alarm's last periods, and change the states that must change."""
        for alarm in self.alarms():
            points, periods = await self._points(alarm)
            state = judge(alarm, [figure for _, figure in points], periods)
            if state is not State.KEEP and (state.value != alarm.state or not alarm.reason_data):
                reason, data = explain(alarm, state, points[-alarm.evaluation_periods :], float(self._clock.now()))
                if alarm.name in self._alarms:
                    await self.set_state(alarm.name, state.value, reason, data)

    async def _points(self, alarm: Alarm) -> tuple[list[Point], int]:
        """The points of the evaluation range that exist, oldest first; the range ends with the last whole minute."""
        end = minute_of(self._clock.now())
        periods = alarm.evaluation_periods + LOOK_BACK_PERIODS
        start = end - periods * alarm.period
        found = await self._metrics.periods(alarm.series, start, end, alarm.period)
        return [(begin, found[begin].figure(alarm.statistic)) for begin in sorted(found)], periods

    async def _save(self, alarm: Alarm) -> None:
        await self._store.write(lambda txn: self._records.put(txn, alarm, alarm.name))
        self._alarms[alarm.name] = alarm


def judge(alarm: Alarm, figures: list[float], periods: int) -> State:
    """The state that the newest figures ask for. `figures` leaves out periods without data, `periods` counts all."""
    assert len(figures) <= periods, "a period has one figure"
    needed, most = alarm.datapoints_to_alarm, alarm.evaluation_periods
    newest = figures[-most:]
    breaching = sum(breaches(alarm, figure) for figure in newest)
    absent = most - len(newest)
    if breaching >= needed:
        return State.ALARM
    if absent == 0:
        return State.OK
    if alarm.missing == "breaching":
        return State.ALARM if breaching + absent >= needed else State.OK
    if alarm.missing == "notBreaching":
        return State.OK
    if alarm.missing == "ignore":
        return State.KEEP if breaching == len(newest) else State.OK
    if not newest:
        return State.INSUFFICIENT
    # AWS does this: when all that is known breaches, what is missing is taken to breach too.
    return State.ALARM if breaching == len(newest) else State.OK


def breaches(alarm: Alarm, figure: float) -> bool:
    """Whether the figure is on the wrong side of the threshold."""
    match alarm.comparison:
        case "GreaterThanThreshold":
            return figure > alarm.threshold
        case "GreaterThanOrEqualToThreshold":
            return figure >= alarm.threshold
        case "LessThanThreshold":
            return figure < alarm.threshold
    return figure <= alarm.threshold


def explain(alarm: Alarm, state: State, points: list[Point], now: float) -> tuple[str, str]:
    """StateReason in AWS's words, and StateReasonData."""
    data = {
        "version": "1.0",
        "queryDate": _iso(now),
        "statistic": alarm.statistic,
        "period": alarm.period,
        "recentDatapoints": [figure for _, figure in points],
        "threshold": alarm.threshold,
    }
    return _reason(alarm, state, points), json.encode(data).decode()


def _reason(alarm: Alarm, state: State, points: list[Point]) -> str:
    if not points:
        count = alarm.evaluation_periods
        unknown = f"{count} datapoint{'s were' if count > 1 else ' was'}"
        if state is State.INSUFFICIENT:
            return f"Insufficient Data: {unknown} unknown."
        treated = "[Breaching]" if state is State.ALARM else "[NonBreaching]"
        return f"Threshold Crossed: no datapoints were received for {_periods(count)} and {count} missing datapoint{_s(count)} {'were' if count > 1 else 'was'} treated as {treated}."  # noqa: E501
    words, threshold = COMPARISONS[alarm.comparison], f"the threshold ({alarm.threshold})"
    if state is State.ALARM:
        wrong = [point for point in points if breaches(alarm, point[1])]
        least = alarm.datapoints_to_alarm
        told = ", ".join(_told(point) for point in reversed(wrong))
        return (
            f"Threshold Crossed: {len(wrong)} out of the last {len(points)} datapoints [{told}] "
            f"{'was' if len(wrong) == 1 else 'were'} {words} {threshold} "
            f"(minimum {least} datapoint{_s(least)} for OK -> ALARM transition)."
        )
    right = [point for point in points if not breaches(alarm, point[1])] or points
    told = ", ".join(_told(point) for point in reversed(right))
    count = len(right)
    verb = "was" if count == 1 else "were"
    return f"Threshold Crossed: {count} datapoint{_s(count)} [{told}] {verb} not {words} {threshold}."


def _told(point: Point) -> str:
    return f"{float(point[1])} ({datetime.fromtimestamp(point[0], UTC):%d/%m/%y %H:%M:%S})"


def _periods(count: int) -> str:
    return f"{count} period{_s(count)}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
