"""A disk that takes no more, under a real server: writes are refused by name, reads go on, no restart is needed."""

from __future__ import annotations

import json

import pytest

from support.notes import make_table
from support.raw import AwsConnection
from support.server import Server

resource = pytest.importorskip("resource")


def limit_files(server: Server, size: int) -> None:
    """Let the server write no file beyond `size` bytes: to SQLite, a full disk."""
    most = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, most))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="another process's limits are Linux's to set")
def test_a_full_disk_and_room_again(server: Server) -> None:
    make_table(server.client("dynamodb"), "Full")
    connection = AwsConnection(server)

    def put(number: int) -> tuple[int, str]:
        item = {"id": {"S": f"i{number}"}, "text": {"S": "x" * 20_000}}
        answer = connection.post("PutItem", json.dumps({"TableName": "Full", "Item": item}).encode())
        return answer.status, answer.json.get("message", "")

    def count() -> int:
        found = connection.post("Scan", json.dumps({"TableName": "Full", "Select": "COUNT"}).encode())
        return int(found.json["Count"])

    assert [put(n)[0] for n in range(10)] == [200] * 10
    limit_files(server, (server.data / "syncline.db-wal").stat().st_size + 60_000)
    answers = [put(n) for n in range(10, 30)]
    kept = sum(status == 200 for status, _ in answers)
    assert kept < 10
    assert all(status in (200, 503) for status, _ in answers), answers
    assert "The disk took no more" in answers[-1][1]
    assert count() == 10 + kept
    limit_files(server, resource.prlimit(server.pid, resource.RLIMIT_FSIZE)[1])
    assert put(100)[0] == 200
    server.kill()
    server.start()
    connection = AwsConnection(server)
    assert count() == 11 + kept
