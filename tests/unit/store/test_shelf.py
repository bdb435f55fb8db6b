"""One owner's records, in the store and in memory."""

from __future__ import annotations

import msgspec
import pytest

from syncline.store import Collection, MemoryStore, Shelf, StoreClosed


class Note(msgspec.Struct, frozen=True):
    place: str
    name: str
    text: str = ""


NOTES = Collection("test.note", Note)


def shelf(store: MemoryStore, owner: str = "a") -> Shelf[tuple[str, str], Note]:
    return Shelf(store, NOTES, owner, lambda note: (note.place, note.name))


@pytest.mark.rule("STO-15")
async def test_a_shelf_reads_back_what_it_kept_and_nothing_of_others(store: MemoryStore) -> None:
    mine, theirs = shelf(store), shelf(store, "b")
    for name in ("x", "y", "z"):
        await mine.put(Note("p", name))
    await theirs.put(Note("p", "x", "theirs"))
    await mine.put(Note("p", "x", "again"))
    await mine.delete(("p", "y"))
    again = shelf(store)
    await store.read(again.load)
    assert dict(again) == dict(mine) == {("p", "x"): Note("p", "x", "again"), ("p", "z"): Note("p", "z")}
    await store.write(again.clear)
    for each in (again, theirs):
        await store.read(each.load)
    assert (len(again), dict(theirs)) == (0, {("p", "x"): Note("p", "x", "theirs")})


@pytest.mark.rule("STO-15")
async def test_memory_does_not_lead_a_write_that_fails(store: MemoryStore) -> None:
    notes = shelf(store)
    await notes.put(Note("p", "x"))
    await store.close()
    with pytest.raises(StoreClosed):
        await notes.put(Note("p", "y"))
    with pytest.raises(StoreClosed):
        await notes.delete(("p", "x"))
    assert list(notes) == [("p", "x")]
