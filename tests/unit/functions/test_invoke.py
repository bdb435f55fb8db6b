"""Invoking functions in real processes: answers, errors, time-outs, deaths, output, concurrency."""

import asyncio
import base64
import os
import sys
from pathlib import Path

import pytest

from support.functions import SETTINGS, House, until, zipped
from syncline.core import json
from syncline.functions import FunctionNotFound, TooManyRequests
from syncline.functions.errors import ContentInvalid, EnvironmentUnavailable, NotBuilt, PayloadTooLarge

ODD_JOBS = """
import json, logging, os, sys, time
logging.getLogger().setLevel("INFO")
def handler(event, context):
    job = event.get("job")
    if job == "environ":
        return dict(os.environ)
    if job == "context":
        left = context.get_remaining_time_in_millis()
        return [context.aws_request_id, context.invoked_function_arn, context.client_context.custom, 0 < left <= 1000]
    if job == "raise":
        raise ValueError("no\\nreally")
    if job == "loop":
        os.system("sleep 60 &")
        print(os.getpid())
        while True: pass
    if job == "exit":
        os._exit(event["status"])
    if job == "print":
        for _ in range(event["lines"]): print("x" * 99)
        return "printed"
    if job == "eat":
        eaten = b"x" * event["bytes"]
        time.sleep(5)
    if job == "sleep":
        time.sleep(event["seconds"])
    if job == "large":
        return "x" * 7_000_000
    if job == "write":
        print("out"); print("err", file=sys.stderr); logging.info("logged")
    return {"pid": os.getpid(), "event": event}
"""


@pytest.fixture
async def odd(house: House) -> House:
    """A house with a function that can do what functions do, in one second."""
    await house.create("odd", ODD_JOBS, Timeout=1, Environment={"Variables": {"MINE": "yes"}})
    return house


async def ask(house: House, **event: object) -> object:
    invocation = await house.engine.invoke("odd", json.encode(event))
    assert invocation.function_error is None, invocation.payload
    return json.decode(invocation.payload)


async def fail(house: House, **event: object) -> tuple[dict, list[str]]:
    invocation = await house.engine.invoke("odd", json.encode(event))
    assert invocation.function_error == "Unhandled"
    return json.decode(invocation.payload), invocation.log_tail.decode().splitlines()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.rule("FN-1")
@pytest.mark.rule("FN-3")
async def test_a_warm_process_is_used_again_and_sees_only_lambdas_environment(odd: House, monkeypatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    first, second = await ask(odd), await ask(odd)
    assert first["pid"] == second["pid"]
    environ = await ask(odd, job="environ")
    assert "SECRET_OF_THE_SERVER" not in environ
    assert environ["MINE"] == "yes"
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == "odd"
    assert environ["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/odd"
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4000"
    assert Path(environ["LAMBDA_TASK_ROOT"], "app.py").exists()
    invocation = await odd.engine.invoke(
        "arn:aws:lambda:us-east-1:000000000000:function:odd:$LATEST",
        b'{"job": "context"}',
        client_context='{"custom": {"a": 1}}',
        request_id="11111111-2222-4333-8444-555555555555",
    )
    assert json.decode(invocation.payload) == [
        "11111111-2222-4333-8444-555555555555",
        "arn:aws:lambda:us-east-1:000000000000:function:odd:$LATEST",
        {"a": 1},
        True,
    ]


@pytest.mark.rule("FN-8")
@pytest.mark.rule("FN-9")
async def test_output_and_platform_lines_are_in_the_log_before_the_answer(odd: House) -> None:
    answer = await odd.service.invoke(
        {"FunctionName": "odd", "Payload": b'{"job": "write"}', "LogType": "Tail", "InvocationType": "RequestResponse"}
    )
    lines = await odd.lines("odd")
    assert base64.b64decode(answer["LogResult"]).decode() == "".join(lines[1:])
    assert lines[0].startswith("INIT_START Runtime Version: python:3.11")
    assert lines[1].startswith("START RequestId: ")
    assert lines[1].endswith(" Version: $LATEST\n")
    assert lines[2:4] == ["out\n", "err\n"]
    assert lines[4].startswith("[INFO]\t")
    assert lines[4].endswith("\tlogged\n")
    assert lines[5].startswith("END RequestId: ")
    for part in ("Duration: ", "Billed Duration: ", "Memory Size: 128 MB", "Max Memory Used: ", "Init Duration: "):
        assert part in lines[6], lines[6]
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"


@pytest.mark.rule("FN-4")
async def test_an_exception_is_unhandled_with_its_trace_and_the_process_lives_on(odd: House) -> None:
    before = await ask(odd)
    error, tail = await fail(odd, job="raise")
    assert (error["errorMessage"], error["errorType"]) == ("no\nreally", "ValueError")
    assert 'raise ValueError("no\\nreally")' in "".join(error["stackTrace"])
    assert any(line.startswith("[ERROR] ValueError: no") for line in tail)
    assert "Status: error\tError Type: ValueError" in tail[-1]
    assert (await ask(odd))["pid"] == before["pid"]


@pytest.mark.rule("FN-5")
async def test_a_loop_is_killed_with_all_it_started_when_its_time_is_over(odd: House) -> None:
    error, tail = await fail(odd, job="loop")
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith(" Error: Task timed out after 1.00 seconds")
    assert any(line.endswith("Task timed out after 1.00 seconds") for line in tail)
    assert "Status: timeout" in tail[-1]
    pid = int(tail[1])
    await until(lambda: not alive(pid))
    await until(lambda: not [one for one in group_of(pid) if alive(one)])
    assert (await ask(odd))["pid"] != pid


def group_of(leader: int) -> list[int]:
    members: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == leader:
                members.append(int(entry.name))
    return members


@pytest.mark.rule("FN-6")
async def test_a_process_that_dies_says_how_and_the_next_event_gets_a_new_one(odd: House) -> None:
    error, tail = await fail(odd, job="exit", status=3)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert "Runtime.ExitError" in tail
    error, _ = await fail(odd, job="exit", status=0)
    assert error["errorMessage"].endswith("Error: Runtime exited without providing a reason")
    error, tail = await fail(odd, job="eat", bytes=300_000_000)
    assert error["errorType"] == "Runtime.OutOfMemory"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert "Max Memory Used: 128 MB" in tail[-1]
    assert (await ask(odd))["event"] == {}


@pytest.mark.rule("FN-7")
async def test_output_over_the_limit_is_dropped_with_a_note_and_holds_nothing_up(odd: House) -> None:
    assert await ask(odd, job="print", lines=50_000) == "printed"
    lines = await odd.lines("odd")
    limit = SETTINGS.functions.log_bytes_per_invocation_max
    assert limit <= sum(len(line) for line in lines if line.startswith("x")) < limit + 256 * 1024
    assert any(line.startswith("[syncline] ") and "bytes of output were dropped" in line for line in lines)
    assert lines[-1].startswith("REPORT")


@pytest.mark.rule("FN-10")
async def test_a_response_over_six_megabytes_is_an_error(odd: House) -> None:
    error, _ = await fail(odd, job="large")
    assert error["errorType"] == "Function.ResponseSizeTooLarge"
    assert "(6291556 bytes)" in error["errorMessage"]


@pytest.mark.rule("FN-10")
async def test_payloads_are_checked_after_the_function_is_found(odd: House) -> None:
    with pytest.raises(FunctionNotFound, match="Function not found: arn:aws:lambda:us-east-1:000000000000:function:no"):
        await odd.engine.invoke("no", b"not json")
    with pytest.raises(ContentInvalid, match="Could not parse request body into json"):
        await odd.engine.invoke("odd", b"{not json")
    with pytest.raises(PayloadTooLarge):
        await odd.engine.invoke("odd", b'"' + b"x" * 6_300_000 + b'"')
    with pytest.raises(FunctionNotFound, match=r"function:odd:7$"):
        await odd.engine.invoke("odd", b"{}", qualifier="7")
    dry = await odd.service.invoke({"FunctionName": "odd", "InvocationType": "DryRun"})
    assert dry["StatusCode"] == 204
    assert not odd.engine.invoker.pool.running("odd")


@pytest.mark.rule("FN-11")
async def test_events_beyond_the_concurrency_are_throttled_and_none_waits(odd: House) -> None:
    calls = [odd.engine.invoke("odd", b'{"job": "sleep", "seconds": 0.3}') for _ in range(6)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    throttled = [one for one in outcomes if isinstance(one, TooManyRequests)]
    assert len(throttled) == 2
    assert throttled[0].data["Reason"] == "ConcurrentInvocationLimitExceeded"
    pids = {json.decode(one.payload)["pid"] for one in outcomes if not isinstance(one, TooManyRequests)}
    assert len(pids) == 4
    await odd.service.put_function_concurrency({"FunctionName": "odd", "ReservedConcurrentExecutions": 0})
    with pytest.raises(TooManyRequests, match="Rate Exceeded"):
        await odd.engine.invoke("odd", b"{}")
    await odd.service.delete_function_concurrency({"FunctionName": "odd"})
    await house_is_full_of_idle(odd, pids)


async def house_is_full_of_idle(odd: House, pids: set[int]) -> None:
    """Another function's first event evicts the coldest idle process instead of waiting."""
    await odd.create("other", "def handler(event, context): return 1")
    assert (await odd.engine.invoke("other", b"{}")).payload == b"1"
    await until(lambda: sum(alive(pid) for pid in pids) == 3)


@pytest.mark.rule("FN-12")
async def test_new_code_runs_in_new_processes_and_events_under_way_finish_on_the_old(odd: House) -> None:
    old = asyncio.ensure_future(odd.engine.invoke("odd", b'{"job": "sleep", "seconds": 0.4}'))
    await until(lambda: odd.engine.invoker.pool.running("odd"))
    await asyncio.sleep(0.2)
    code = zipped(app__py="def handler(event, context): return 'new'")
    updated = await odd.service.update_function_code({"FunctionName": "odd", "ZipFile": code})
    assert updated["LastUpdateStatus"] == "InProgress"
    assert (await odd.engine.invoke("odd", b"{}")).payload == b'"new"'
    finished = json.decode((await old).payload)
    assert finished["event"]["job"] == "sleep"
    await until(lambda: not alive(finished["pid"]))


@pytest.mark.rule("FN-13")
async def test_idle_processes_are_reaped_and_none_outlives_the_engine(odd: House) -> None:
    pid = (await ask(odd))["pid"]
    pool = odd.engine.invoker.pool
    pool.reap()
    assert alive(pid)
    pool._idle_seconds = -1.0
    pool.reap()
    await until(lambda: not alive(pid))
    pid = (await ask(odd))["pid"]
    odd.engine.close()
    await until(lambda: not alive(pid))
    os.kill(os.getpid(), 0)


@pytest.mark.rule("FN-14")
@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("nowhere.handler", "Runtime.ImportModuleError"),
        ("app.nothing", "Runtime.HandlerNotFound"),
        ("noname", "Runtime.MalformedHandlerName"),
    ],
)
async def test_a_handler_that_is_not_there_is_the_runtimes_own_error(house: House, handler: str, kind: str) -> None:
    await house.create("lost", "def handler(event, context): pass", Handler=handler)
    invocation = await house.engine.invoke("lost", b"{}")
    assert invocation.function_error == "Unhandled"
    assert json.decode(invocation.payload)["errorType"] == kind
    assert f"Error Type: {kind}" in invocation.log_tail.decode()


async def test_a_response_stream_is_refused(house: House) -> None:
    await house.create("f", "def handler(event, context): pass")
    with pytest.raises(NotBuilt):
        await house.engine.invoke("f", b"{}", kind="Stream")


@pytest.mark.rule("FN-13")
async def test_a_process_dies_with_the_server_even_while_it_loops(tmp_path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    folder = Path(__file__).parents[2]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script), str(tmp_path)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
    )
    try:
        pid = int(await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
        assert alive(pid)
    finally:
        server.kill()
        await server.wait()
    await until(lambda: not alive(pid))


SERVER = """
import asyncio, sys
from pathlib import Path
from support.functions import SETTINGS, House
from syncline.bus import LocalBus
from syncline.core import Meter, SystemClock
from syncline.core.settings import Streams as StreamSettings
from syncline.store import MemoryStore
from syncline.streams import Streams
CODE = '''
import os
import sys
def handler(event, context):
    with open(event["pid"], "w") as file: file.write(str(os.getpid()))
    while True: pass
'''
async def main(folder):
    store, meter = MemoryStore(), Meter(out=None)
    streams = Streams(store, LocalBus(), SystemClock(), StreamSettings(), meter)
    house = await House(store, streams, meter, folder / "blobs", SETTINGS).load()
    await house.create("f", CODE, Timeout=60)
    await house.engine.invoke("f", b'{"pid": "%s"}' % str(folder / "pid").encode())
asyncio.run(main(Path(sys.argv[1])))
"""


async def test_a_handler_that_no_process_can_take_is_an_error_and_not_the_servers_end(house: House) -> None:
    await house.create("f", "x = 1", Handler="app.\x00")
    with pytest.raises(EnvironmentUnavailable, match="embedded null"):
        await house.engine.invoke("f", b"{}")
    assert house.engine.invoker.pool.running("f") == 0


@pytest.mark.rule("FN-14")
@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("1/0", "ZeroDivisionError", "division by zero"),
        ("import os; os._exit(5)", "Runtime.ExitError", "Runtime exited with error: exit status 5"),
        ("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("while True: pass", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
    ],
)
async def test_code_that_fails_while_it_loads_is_answered(house: House, monkeypatch, code, kind, message) -> None:
    monkeypatch.setattr("syncline.functions.environment.INIT_SECONDS_MAX", 0.5)
    await house.create("f", code, Timeout=1)
    invocation = await house.engine.invoke("f", b"{}")
    error = json.decode(invocation.payload)
    assert error["errorType"] == kind
    assert message in error["errorMessage"]
    lines = await house.lines("f")
    assert lines[0].startswith("INIT_START")
    assert lines[-1].startswith("REPORT")
    assert house.engine.invoker.pool.running("f") == 0
