"""The Logs operations: read the request, ask the engine, shape the answer."""

from __future__ import annotations

import base64
import bisect
import hashlib
import itertools
from typing import Any

from syncline.core import arns, json
from syncline.monitoring.coverage import LOG_OPERATIONS
from syncline.monitoring.errors import LogsInvalid
from syncline.monitoring.logs import FOREVER_MS, Logs, Place
from syncline.monitoring.model import DAY_MS, LogEvent, LogGroup, LogStream
from syncline.monitoring.patterns import compile_pattern
from syncline.wire import cut

Shape = dict[str, Any]

EVENTS_MAX = 10_000
BATCH_EVENTS_MAX = 10_000
OLDEST_MS, NEWEST_MS = 14 * DAY_MS, 2 * 60 * 60 * 1000
"""How far from now an event may be: AWS tells which of a batch are farther, and takes the others."""
RETENTION_DAYS = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]  # fmt: skip


class LogsService:
    """Service `logs` (Logs_20140328)."""

    coverage = LOG_OPERATIONS

    def __init__(self, logs: Logs, *, region: str, account: str) -> None:
        self._logs = logs
        self._arn = arns.arn("logs", region, account, "log-group:")

    async def create_log_group(self, request: Shape) -> Shape:
        log_class = request.get("logGroupClass", "STANDARD")
        await self._logs.create_group(request["logGroupName"], log_class=log_class, tags=request.get("tags", {}))
        return {}

    async def delete_log_group(self, request: Shape) -> Shape:
        await self._logs.delete_group(request["logGroupName"])
        return {}

    async def describe_log_groups(self, request: Shape) -> Shape:
        prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        if prefix and pattern:
            raise LogsInvalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        after = request.get("nextToken", "")
        named = {self._name_of(identifier) for identifier in request.get("logGroupIdentifiers", [])}
        found = self._logs.groups(prefix, pattern)
        groups = [group for group in found if group.name > after and (not named or group.name in named)]
        limit = request.get("limit", 50)
        answer: Shape = {"logGroups": [await self._group_shape(group) for group in groups[:limit]]}
        if len(groups) > limit:
            answer["nextToken"] = groups[limit - 1].name
        return answer

    async def create_log_stream(self, request: Shape) -> Shape:
        await self._logs.create_stream(request["logGroupName"], request["logStreamName"])
        return {}

    async def delete_log_stream(self, request: Shape) -> Shape:
        await self._logs.delete_stream(request["logGroupName"], request["logStreamName"])
        return {}

    async def describe_log_streams(self, request: Shape) -> Shape:
        group, prefix = self._group_name(request), request.get("logStreamNamePrefix", "")
        by_time = request.get("orderBy") == "LastEventTime"
        if by_time and prefix:
            raise LogsInvalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams = [stream for stream in await self._logs.streams(group) if stream.name.startswith(prefix)]
        if by_time:
            streams.sort(key=lambda stream: (stream.last_ms, stream.name))
        if request.get("descending"):
            streams.reverse()
        found, token = cut(streams, request.get("nextToken"), request.get("limit", 50), _no_token)
        answer: Shape = {"logStreams": [self._stream_shape(one) for one in found]}
        return answer if token is None else answer | {"nextToken": token}

    async def put_log_events(self, request: Shape) -> Shape:
        events = [(entry["timestamp"], entry["message"]) for entry in request["logEvents"]]
        if len(events) > BATCH_EVENTS_MAX:
            raise LogsInvalid(f"A batch holds at most {BATCH_EVENTS_MAX} log events.")
        if any(later[0] < earlier[0] for earlier, later in itertools.pairwise(events)):
            raise LogsInvalid("Log events in a single PutLogEvents request must be in chronological order.")
        taken, rejected = self._in_time(request["logGroupName"], events)
        await self._logs.put(request["logGroupName"], request["logStreamName"], taken)
        # AWS ignores sequence tokens and still answers one.
        answer: Shape = {"nextSequenceToken": f"{int(events[-1][0]):056d}"}
        return {**answer, "rejectedLogEventsInfo": rejected} if rejected else answer

    def _in_time(self, group: str, events: list[tuple[int, str]]) -> tuple[list[tuple[int, str]], dict[str, int]]:
        """The events that are neither too old nor too new, and where the others end or begin: they are in order."""
        now, retention = self._logs.now_ms(), self._logs.group(group).retention_days
        instants = [at_ms for at_ms, _ in events]
        too_old = bisect.bisect_left(instants, now - OLDEST_MS)
        expired = bisect.bisect_left(instants, now - retention * DAY_MS) if retention is not None else 0
        too_new = bisect.bisect_right(instants, now + NEWEST_MS)
        rejected = {"tooOldLogEventEndIndex": too_old} if too_old else {}
        rejected |= {"expiredLogEventEndIndex": expired} if expired else {}
        rejected |= {"tooNewLogEventStartIndex": too_new} if too_new < len(events) else {}
        return events[max(too_old, expired) : too_new], rejected

    async def get_log_events(self, request: Shape) -> Shape:
        group, stream = self._group_name(request), request["logStreamName"]
        await self._logs.stream(group, stream)
        low, high = Place(request.get("startTime", 0)), Place(request.get("endTime", FOREVER_MS))
        limit, token = min(request.get("limit", EVENTS_MAX), EVENTS_MAX), request.get("nextToken")
        backward = not request.get("startFromHead", False)
        if token:
            backward, at = _read_token(token)
            low, high = (low, min(high, at)) if backward else (max(low, _next(at)), high)
        events = await self._logs.read(group, stream, low, high, limit=limit, reverse=backward)
        if backward:
            events.reverse()
        # AWS does this: at the end of the stream the token that was given comes back.
        edge = _read_token(token)[1] if token else _before(low)
        first = Place(events[0].at_ms, "", events[0].number) if events else edge
        last = Place(events[-1].at_ms, "", events[-1].number) if events else first
        return {
            "events": [_output_shape(event) for event in events],
            "nextForwardToken": _token("f", last),
            "nextBackwardToken": _token("b", first),
        }

    async def filter_log_events(self, request: Shape) -> Shape:
        group = self._group_name(request)
        matches = compile_pattern(request.get("filterPattern", ""))
        limit = min(request.get("limit", EVENTS_MAX), EVENTS_MAX)
        after = _read_place(request["nextToken"]) if request.get("nextToken") else Place(request.get("startTime", 0))
        # `endTime` is inclusive here, unlike in GetLogEvents: AWS does this.
        end_ms = request.get("endTime", FOREVER_MS - 1) + 1
        streams = _chosen(await self._logs.streams(group), request)
        seen, complete = await self._logs.search(group, streams, after, end_ms)
        found: list[LogEvent] = []
        for event in seen:
            if matches(event.message):
                found.append(event)
            if len(found) == limit:
                break
        answer: Shape = {"events": [_found_shape(event) for event in found], "searchedLogStreams": []}
        last = found[-1] if len(found) == limit else seen[-1] if seen else None
        if last is not None and not (complete and last is seen[-1]):
            answer["nextToken"] = _place_token(last)
        return answer

    async def put_retention_policy(self, request: Shape) -> Shape:
        days = request["retentionInDays"]
        if days not in RETENTION_DAYS:
            allowed = ", ".join(map(str, RETENTION_DAYS))
            raise LogsInvalid(f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [{allowed}]")  # fmt: skip # noqa: E501
        await self._logs.change_group(request["logGroupName"], retention_days=days)
        return {}

    async def delete_retention_policy(self, request: Shape) -> Shape:
        await self._logs.change_group(request["logGroupName"], retention_days=None)
        return {}

    async def tag_resource(self, request: Shape) -> Shape:
        name = self._name_of(request["resourceArn"])
        await self._logs.change_group(name, tags=self._logs.group(name).tags | request["tags"])
        return {}

    async def untag_resource(self, request: Shape) -> Shape:
        name = self._name_of(request["resourceArn"])
        tags = {key: value for key, value in self._logs.group(name).tags.items() if key not in request["tagKeys"]}
        await self._logs.change_group(name, tags=tags)
        return {}

    async def list_tags_for_resource(self, request: Shape) -> Shape:
        return {"tags": self._logs.group(self._name_of(request["resourceArn"])).tags}

    async def list_tags_log_group(self, request: Shape) -> Shape:
        return {"tags": self._logs.group(request["logGroupName"]).tags}

    def _group_name(self, request: Shape) -> str:
        name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
        if (name is None) == (identifier is None):
            raise LogsInvalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
        return name if name is not None else self._name_of(str(identifier))

    def _name_of(self, arn: str) -> str:
        name = arn.split(":log-group:", 1)[-1] if arn.startswith("arn:") else arn
        return name.removesuffix(":*")

    async def _group_shape(self, group: LogGroup) -> Shape:
        streams = await self._logs.streams(group.name)
        shape: Shape = {
            "logGroupName": group.name,
            "creationTime": group.created_ms,
            "metricFilterCount": 0,
            "arn": f"{self._arn}{group.name}:*",
            "logGroupArn": f"{self._arn}{group.name}",
            "storedBytes": sum(stream.bytes for stream in streams),
            "logGroupClass": group.log_class,
        }
        return shape if group.retention_days is None else shape | {"retentionInDays": group.retention_days}

    def _stream_shape(self, stream: LogStream) -> Shape:
        shape: Shape = {
            "logStreamName": stream.name,
            "creationTime": stream.created_ms,
            "arn": f"{self._arn}{stream.group}:log-stream:{stream.name}",
            "storedBytes": 0,  # AWS does this since 2019: bytes are told of groups only.
            "uploadSequenceToken": f"{stream.count:056d}",
        }
        if stream.last_ms:
            shape |= {"firstEventTimestamp": stream.first_ms, "lastEventTimestamp": stream.last_ms}
            shape["lastIngestionTime"] = stream.ingested_ms
        return shape


def _chosen(streams: list[LogStream], request: Shape) -> list[LogStream]:
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix", "")
    if names and prefix:
        raise LogsInvalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
    return [one for one in streams if one.name.startswith(prefix) and (not names or one.name in names)]


def _output_shape(event: LogEvent) -> Shape:
    return {"timestamp": event.at_ms, "message": event.message, "ingestionTime": event.ingested_ms}


def _found_shape(event: LogEvent) -> Shape:
    stream = int.from_bytes(hashlib.blake2b(event.stream.encode(), digest_size=8).digest(), "big")
    event_id = f"{event.at_ms:018d}{stream:020d}{event.number:018d}"
    return {"logStreamName": event.stream, **_output_shape(event), "eventId": event_id}


def _next(place: Place) -> Place:
    return place._replace(number=place.number + 1)


def _before(place: Place) -> Place:
    return place._replace(number=place.number - 1)


def _token(direction: str, place: Place) -> str:
    return f"{direction}/{place.at_ms:019d}{place.number + 2:037d}/s"


def _read_token(token: str) -> tuple[bool, Place]:
    """Whether it reads backward, and its place."""
    direction, _, rest = token.partition("/")
    digits = rest.removesuffix("/s")
    if direction not in ("f", "b") or len(digits) != 56 or not digits.isdigit():
        raise LogsInvalid("The specified nextToken is invalid.")
    return direction == "b", Place(int(digits[:19]), "", int(digits[19:]) - 2)


def _place_token(event: LogEvent) -> str:
    return base64.urlsafe_b64encode(json.encode([event.at_ms, event.stream, event.number])).decode()


def _read_place(token: str) -> Place:
    try:
        at_ms, stream, number = json.decode(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise LogsInvalid("The specified nextToken is invalid.") from None
    if not (isinstance(at_ms, int) and isinstance(stream, str) and isinstance(number, int)):
        raise LogsInvalid("The specified nextToken is invalid.")
    return Place(at_ms, stream, number)


def _no_token() -> LogsInvalid:
    return LogsInvalid("The specified nextToken is invalid.")
