"""Streams: shards, positions, cursors, retention. How rooms hear of each other."""

from syncline.store import Shard
from syncline.streams.cursors import Cursors
from syncline.streams.reader import Record, Streams

__all__ = ["Cursors", "Record", "Shard", "Streams"]
