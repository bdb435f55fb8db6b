"""Core: the vocabulary every room speaks. No room's behaviour.

Modules that are vocabularies of their own are imported by module: `from syncline.core import json, call, arns`.
"""

from syncline.core import arns, call, json
from syncline.core.allowance import UNLIMITED, Allowance
from syncline.core.clock import Clock, Instant, LoopClock, SystemClock
from syncline.core.errors import (
    Conflict,
    Denied,
    Failed,
    Invalid,
    NotFound,
    SynclineError,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from syncline.core.http import Request, Response
from syncline.core.ids import Ids, SeededIds, SystemIds
from syncline.core.limits import TimeLimit
from syncline.core.meter import Counter, Gauge, Meter, Outcomes, Summary
from syncline.core.queues import Bounded, QueueFull
from syncline.core.rates import Rates
from syncline.core.settings import Settings, SettingsError, load_settings
from syncline.core.tasks import Part, PartCannotLive, Supervisor
from syncline.core.vault import SealBroken, Vault

__all__ = [
    "UNLIMITED",
    "Allowance",
    "Bounded",
    "Clock",
    "Conflict",
    "Counter",
    "Denied",
    "Failed",
    "Gauge",
    "Ids",
    "Instant",
    "Invalid",
    "LoopClock",
    "Meter",
    "NotFound",
    "Outcomes",
    "Part",
    "PartCannotLive",
    "QueueFull",
    "Rates",
    "Request",
    "Response",
    "SealBroken",
    "SeededIds",
    "Settings",
    "SettingsError",
    "Summary",
    "Supervisor",
    "SynclineError",
    "SystemClock",
    "SystemIds",
    "Throttled",
    "TimeLimit",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "Vault",
    "arns",
    "call",
    "json",
    "load_settings",
]
