"""The wire service of DynamoDB Streams: a table's changes by shard and iterator.

For: stream readers over the API. Owns: iterators, which are opaque text and expire.
One stream has one shard, open until the stream is closed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from syncline.core import Invalid
from syncline.streams import Streams
from syncline.tables.catalog import StreamDescription
from syncline.tables.coverage import STREAM_OPERATIONS
from syncline.tables.description import key_schema
from syncline.tables.engine import TableEngine
from syncline.tables.errors import IteratorExpired, RecordsTrimmed, ShardNotFound
from syncline.tables.layout import shown_image
from syncline.tables.records import StreamRecord, parse_sequence, sequence_text

ITERATOR_SECONDS = 15 * 60
PAGE_MAX = 100
RECORDS_MAX = 1000
PAGE_BYTES_MAX = 1024 * 1024
FROM_START, FROM_END = "TRIM_HORIZON", "LATEST"
AT_TIME = "AT_TIMESTAMP"
AT, AFTER = "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"
_STREAM_ARN = re.compile(r"arn:[^:]+:dynamodb:[^:]*:[^:]*:table/[^/]+/stream/.+")

Request = Mapping[str, Any]
Answer = dict[str, Any]


class Iterator(msgspec.Struct, frozen=True, array_like=True):
    """A place in a shard: after a sequence, since an instant."""

    arn: str
    shard: str
    after: int
    made: float


class TableStreams:
    """The service `dynamodbstreams`."""

    coverage = STREAM_OPERATIONS

    def __init__(self, engine: TableEngine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams
        self._clock = engine.clock

    async def list_streams(self, request: Request) -> Answer:
        """ListStreams."""
        limit, table = _limit(request, PAGE_MAX), request.get("TableName")
        start = request.get("ExclusiveStartStreamArn", "")
        known = self._engine.registry.streams
        arns = sorted(arn for arn in known if arn > start and table in (None, known[arn].table))
        shown = [known[arn] for arn in arns[:limit]]
        answer: Answer = {
            "Streams": [{"StreamArn": one.arn, "TableName": one.table, "StreamLabel": one.label} for one in shown]
        }
        if len(arns) > limit:
            answer["LastEvaluatedStreamArn"] = shown[-1].arn
        return answer

    async def describe_stream(self, request: Request) -> Answer:
        """DescribeStream."""
        stream = self._stream(request)
        _limit(request, PAGE_MAX)
        after = request.get("ExclusiveStartShardId", "")
        is_child_wanted = request.get("ShardFilter") is not None
        shards = [] if is_child_wanted or stream.shard_id <= after else [await self._shard(stream)]
        return {
            "StreamDescription": {
                "StreamArn": stream.arn,
                "StreamLabel": stream.label,
                "StreamStatus": "ENABLED" if stream.closed is None else "DISABLED",
                "StreamViewType": stream.view,
                "CreationRequestDateTime": stream.created,
                "TableName": stream.table,
                "KeySchema": key_schema(stream.key_names[:1], stream.key_names[1:]),
                "Shards": shards,
            }
        }

    async def get_shard_iterator(self, request: Request) -> Answer:
        """GetShardIterator."""
        stream = self._stream(request)
        if request.get("ShardId") != stream.shard_id:
            raise ShardNotFound()
        after = await self._start(stream, request)
        return {"ShardIterator": self._iterator(stream, after)}

    async def get_records(self, request: Request) -> Answer:
        """GetRecords."""
        limit = _limit(request, RECORDS_MAX)
        place = _parse_iterator(request.get("ShardIterator"))
        now = self._clock.now()
        if place.made + ITERATOR_SECONDS < now:
            raise IteratorExpired(created=_shown(place.made), now=_shown(now))
        stream = self._engine.stream(place.arn)
        if place.after < await self._streams.horizon(stream.shard):
            raise RecordsTrimmed()
        found = await self._streams.read(stream.shard, after=place.after, limit=limit)
        records: list[Answer] = []
        size, after = 0, place.after
        for record in found:
            size += len(record.value)
            if records and size > PAGE_BYTES_MAX:
                break
            event = StreamRecord.decode(record.value).as_event(record.sequence, shown_image)
            _as_on_the_wire(event)
            records.append(event)
            after = record.sequence
        answer: Answer = {"Records": records}
        if stream.closed is None or after < await self._streams.latest(stream.shard):
            answer["NextShardIterator"] = self._iterator(stream, after)
        return answer

    def _stream(self, request: Request) -> StreamDescription:
        arn = request.get("StreamArn")
        if not isinstance(arn, str) or not _STREAM_ARN.fullmatch(arn):
            raise Invalid(f"Invalid StreamArn: {arn}")
        return self._engine.stream(arn)

    async def _shard(self, stream: StreamDescription) -> Answer:
        numbers = {"StartingSequenceNumber": sequence_text(await self._streams.horizon(stream.shard) + 1)}
        if stream.closed is not None:
            numbers["EndingSequenceNumber"] = sequence_text(await self._streams.latest(stream.shard))
        return {"ShardId": stream.shard_id, "SequenceNumberRange": numbers}

    async def _start(self, stream: StreamDescription, request: Request) -> int:
        """The sequence after which an iterator begins."""
        kind, text = request.get("ShardIteratorType"), request.get("SequenceNumber")
        if kind in (FROM_START, FROM_END):
            if text is not None:
                raise Invalid(f"SequenceNumber must not be given with ShardIteratorType {kind}")
            ask = self._streams.horizon if kind == FROM_START else self._streams.latest
            return await ask(stream.shard)
        if kind == AT_TIME:
            return await self._after_instant(stream, request.get("Timestamp"))
        if kind not in (AT, AFTER):
            raise Invalid(f"ShardIteratorType {kind} is not supported")
        sequence = parse_sequence(text) if isinstance(text, str) else None
        if sequence is None:
            raise Invalid(f"SequenceNumber is required, as GetRecords shows it, with ShardIteratorType {kind}")
        after = sequence - 1 if kind == AT else sequence
        if after < await self._streams.horizon(stream.shard):
            raise RecordsTrimmed()
        return after

    async def _after_instant(self, stream: StreamDescription, instant: Any) -> int:
        """The sequence before the first record that was made at `instant` or later."""
        if not isinstance(instant, int | float):
            raise Invalid(f"Timestamp is required with ShardIteratorType {AT_TIME}")
        if instant > self._clock.now():
            raise Invalid("Timestamp must not be in the future")
        # Records are in the order of their instants, as the clock gave them: halve what may hold the first.
        low, high = await self._streams.horizon(stream.shard), await self._streams.latest(stream.shard)
        while low < high:
            middle = (low + high) // 2
            (record,) = await self._streams.read(stream.shard, after=middle, limit=1)
            if StreamRecord.decode(record.value).at < instant:
                low = middle + 1
            else:
                high = middle
        return low

    def _iterator(self, stream: StreamDescription, after: int) -> str:
        place = Iterator(stream.arn, stream.shard_id, after, self._clock.now())
        return f"{stream.arn}|1|{base64.b64encode(msgspec.msgpack.encode(place)).decode()}"


def _as_on_the_wire(event: Answer) -> None:
    """Turn a Lambda event's entry into GetRecords': no ARN, and the identity's members begin in upper case."""
    del event["eventSourceARN"]
    if "userIdentity" in event:
        event["userIdentity"] = {"Type": "Service", "PrincipalId": event["userIdentity"]["principalId"]}


def _parse_iterator(text: Any) -> Iterator:
    try:
        return msgspec.msgpack.decode(base64.b64decode(str(text).rpartition("|")[2], validate=True), type=Iterator)
    except (ValueError, msgspec.DecodeError):
        raise Invalid("Invalid ShardIterator") from None


def _limit(request: Request, most: int) -> int:
    limit = request.get("Limit", most)
    if type(limit) is not int or not 1 <= limit <= most:
        bound = f"less than or equal to {most}" if type(limit) is int and limit > most else "greater than or equal to 1"
        raise Invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value {bound}"
        )
    return limit


def _shown(instant: float) -> str:
    return f"{instant:.3f}"
