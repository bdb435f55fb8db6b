"""Zips that would write elsewhere, or more than they say: of functions and of layers alike."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from support.house import House, opened
from syncline.functions import code

ROLE = "arn:aws:iam::000000000000:role/r"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "data") as made:
        yield made


def zipped(name: str, content: bytes = b"x", mode: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def understated(content: bytes) -> bytes:
    """A zip whose directory says that its file has one byte."""
    whole = zipped("big", content)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = whole.index(mark) + offset
        whole = whole[:at] + struct.pack("<I", 1) + whole[at + 4 :]
    return whole


def overlapping(content: bytes, times: int) -> bytes:
    """A zip whose directory names the same bytes many times."""
    one = zipped("f", content)
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    entry, tail = one[start:end], one[end:]
    names = [b"%c" % (97 + n) for n in range(times)]
    entries = b"".join(entry[:46] + name + entry[47:] for name in names)
    counts = struct.pack("<HHI", times, times, len(entries))
    return one[:start] + entries + tail[:8] + counts + tail[16:]


HOSTILE = {
    "up": zipped("../../outside"),
    "up in the middle": zipped("a/../../outside"),
    "from the root": zipped("/outside"),
    "backslashes": zipped("..\\..\\outside"),
    "a link": zipped("link", b"/etc/passwd", stat.S_IFLNK | 0o777),
    "a bomb": zipped("bomb", b"\0" * 300_000),
    "a bomb that says it is small": understated(b"\0" * 300_000),
    "a bomb in layers": overlapping(b"\0" * 90_000, 4),
}


async def save(house: House, kind: str, content: bytes) -> None:
    if kind == "function":
        made = {"FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "i.h"}
        await house.aws("lambda", "create_function", **made, Code={"ZipFile": content})
    else:
        await house.aws("lambda", "publish_layer_version", LayerName="l", Content={"ZipFile": content})


@pytest.mark.parametrize("kind", ["function", "layer"])
async def test_threat_no_zip_writes_outside_its_folder_or_more_than_it_may(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(code, "UNPACKED_BYTES_MAX", 200_000)
    for name, content in HOSTILE.items():
        with pytest.raises(ClientError) as refusal:
            await save(house, kind, content)
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400, name
    assert [path for path in tmp_path.rglob("*") if path.name in ("outside", "link", "bomb", "big")] == []
    await save(house, kind, zipped("i.py", b"def h(e, c): pass"))
