"""Backup of a running server, and restore: what was acknowledged before it began is there, whole."""

from __future__ import annotations

import subprocess
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from support.notes import deploy, make_table
from support.server import Server, syncline


def run(*arguments: Any, status: int = 0) -> str:
    """What a `syncline` command says."""
    done = subprocess.run([*syncline(), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_a_backup_of_a_server_under_writes_is_of_one_moment(server: Server, tmp_path: Path) -> None:
    notes = deploy(server, "Kept")
    client = server.client("dynamodb")
    make_table(client, "Pairs")
    stop = threading.Event()
    acknowledged: list[int] = []

    def write() -> None:
        mine = server.client("dynamodb")
        while not stop.is_set():
            number = len(acknowledged)
            pair = [{"Put": {"TableName": "Pairs", "Item": {"id": {"S": f"{number} {half}"}}}} for half in "ab"]
            mine.transact_write_items(TransactItems=pair)
            acknowledged.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    while len(acknowledged) < 50:
        pass
    before = len(acknowledged)
    file = tmp_path / "backup.tar.gz"
    assert "root access key" in run("backup", file, "--data", server.data)
    stop.set()
    writer.join(10)
    assert file.stat().st_mode & 0o077 == 0
    copy = Server(tmp_path / "copy")
    assert "restored" in run("restore", file, "--data", copy.data)
    copy.start()
    try:
        names = {item["id"]["S"] for item in copy.client("dynamodb").scan(TableName="Pairs")["Items"]}
        assert {f"{number} {half}" for number in range(before) for half in "ab"} <= names
        assert all(f"{name[:-1]}{'b' if name[-1] == 'a' else 'a'}" in names for name in names), "half a transaction"
        # The rest of the folder is there too: function code, the API, its key.
        there = notes._replace(server=copy, url=notes.url.replace(server.url, copy.url))
        assert there.ask("{ __typename }") == {"data": {"__typename": "Query"}}
        assert copy.environment()["AWS_ACCESS_KEY_ID"] == server.environment()["AWS_ACCESS_KEY_ID"]
    finally:
        copy.stop()


def test_more_than_a_cache_full_of_pages_that_are_only_in_the_log_is_backed_up(server: Server, tmp_path: Path) -> None:
    client = server.client("dynamodb")
    make_table(client, "Large")
    for number in range(12):
        client.put_item(TableName="Large", Item={"id": {"S": str(number)}, "text": {"S": "x" * 390_000}})
    run("backup", tmp_path / "large.tar", "--data", server.data)
    assert "restored" in run("restore", tmp_path / "large.tar", "--data", tmp_path / "copy")


def test_what_cannot_be_backed_up_or_restored_is_said_in_a_sentence(server: Server, tmp_path: Path) -> None:
    server.stop()
    file = tmp_path / "backup.tar"
    run("backup", file, "--data", server.data)
    assert "there already" in run("backup", file, "--data", server.data, status=1)
    assert "no data directory" in run("backup", tmp_path / "other.tar", "--data", tmp_path / "nowhere", status=1)
    assert "not empty" in run("restore", file, "--data", server.data, status=1)
    (tmp_path / "text.tar").write_text("no tar")
    assert "no backup of Syncline's" in run("restore", tmp_path / "text.tar", "--data", tmp_path / "new", status=1)
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.add(file, "../outside")
    assert "not a file within it" in run("restore", tmp_path / "evil.tar", "--data", tmp_path / "new", status=1)
    assert not (tmp_path / "outside").exists()
    damaged = bytearray(file.read_bytes())
    damaged[damaged.index(b"SQLite format 3") + 5000] ^= 1
    (tmp_path / "damaged.tar").write_bytes(damaged)
    assert "is damaged" in run("restore", tmp_path / "damaged.tar", "--data", tmp_path / "new", status=1)
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".syncline-*"))


VALUES = {
    "text": {"S": "é\n"},
    "number": {"N": "1.5"},
    "binary": {"B": b"\x00\xff"},
    "deep": {"M": {"l": {"L": [{"B": b"\x01"}, {"BS": [b"a", b"b"]}, {"NULL": True}, {"SS": ["x", "y"]}]}}},
}


@pytest.mark.parametrize("same", [True, False])
def test_a_table_goes_out_and_in_as_lines(server: Server, tmp_path: Path, same: bool) -> None:
    client = server.client("dynamodb")
    make_table(client, "Out")
    for start in range(0, 100, 25):
        batch = [{"PutRequest": {"Item": {"id": {"S": f"i{n}"}, **VALUES}}} for n in range(start, start + 25)]
        client.batch_write_item(RequestItems={"Out": batch})
    file = tmp_path / "table.jsonl"
    assert "100 items" in run("tables", "export", "Out", file, "--data", server.data)
    target = "Out" if same else "Into"
    if same:
        client.delete_item(TableName="Out", Key={"id": {"S": "i7"}})
    assert "100 items" in run("tables", "import", target, file, "--data", server.data)
    items = client.scan(TableName=target)["Items"]
    assert {item["id"]["S"] for item in items} == {f"i{n}" for n in range(100)}
    assert all({name: item[name] for name in VALUES} == VALUES for item in items)
    described = [client.describe_table(TableName=name)["Table"] for name in ("Out", target)]
    assert described[0]["StreamSpecification"] == described[1]["StreamSpecification"]


def test_a_file_that_is_no_export_is_refused_with_the_line(server: Server, tmp_path: Path) -> None:
    make_table(server.client("dynamodb"), "Into")
    file = tmp_path / "bad.jsonl"
    file.write_text('{"Item": {"id": {"S": "a"}}}\n[]\n')
    assert "Line 2 of" in run("tables", "import", "Into", file, "--data", server.data, status=1)
    assert "not found" in run("tables", "export", "None", tmp_path / "x", "--data", server.data, status=1)
