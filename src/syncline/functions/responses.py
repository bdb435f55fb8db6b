"""What a function says of a batch with ReportBatchItemFailures. Pure."""

from __future__ import annotations

from syncline.core import json


def first_failure(payload: bytes, numbers: list[str]) -> int | None:
    """The index of the first record that failed by the function's own report, None for none; a bad report fails all."""
    try:
        answer = json.decode(payload) if payload else None
    except json.NotJson:
        return 0
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not failures:
        return None
    places = {number: index for index, number in enumerate(numbers)}
    found: list[int] = []
    for failure in failures if isinstance(failures, list) else [None]:
        place = places.get(str(failure.get("itemIdentifier"))) if isinstance(failure, dict) else None
        if place is None:
            return 0
        found.append(place)
    return min(found)
