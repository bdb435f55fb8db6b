"""Node.js functions in real processes of the machine's `node`."""

import asyncio
import os
import shutil

import pytest

from support.functions import ROLE, House, until, zipped
from syncline.core import json
from syncline.functions import runtimes

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

ODD_JOBS = """
import { hostname } from "node:os";
export const handler = async (event, context) => {
  switch (event.job) {
    case "context": {
      const c = context, left = c.getRemainingTimeInMillis();
      return [c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB, c.awsRequestId,
        c.clientContext, 0 < left && left <= 2000];
    }
    case "environ": return { ...process.env };
    case "log":
      console.log("two\\nlines", { a: 1 });
      console.info("i"); console.warn("w"); console.error("e"); console.debug("d");
      process.stdout.write("raw\\n");
      return;
    case "throw": { const error = new RangeError("no\\nreally"); error.code = 42; throw error; }
    case "text": throw "just text";
    case "big": return 10n;
    case "exit": process.exit(7);
    case "uncaught":
      setTimeout(() => { throw new TypeError("late"); }, 1);
      await new Promise(() => setTimeout(() => {}, 900));
      return;
    case "unhandled": Promise.reject(new Error("nobody")); await new Promise((r) => setTimeout(r, 500)); return;
    case "never": await new Promise(() => {}); return;
    case "loop": for (;;) {}
    case "eat": { const kept = []; for (;;) kept.push(Buffer.alloc(1 << 20, 1)); }
  }
  return { pid: process.pid, event, host: typeof hostname() };
};
"""


async def make(house: House, files: dict[str, str], handler: str = "app.handler", **more: object) -> None:
    request = {"FunctionName": "n", "Runtime": "nodejs20.x", "Role": ROLE, "Handler": handler, "Timeout": 2}
    await house.service.create_function(request | {"Code": {"ZipFile": zipped(**files)}} | more)


@pytest.fixture
async def odd(house: House) -> House:
    await make(house, {"app.mjs": ODD_JOBS})
    return house


async def ask(house: House, **event: object) -> object:
    invocation = await house.engine.invoke("n", json.encode(event))
    assert invocation.function_error is None, invocation.payload
    return json.decode(invocation.payload)


async def fail(house: House, **event: object) -> tuple[dict, list[str]]:
    invocation = await house.engine.invoke("n", json.encode(event))
    assert invocation.function_error == "Unhandled", invocation.payload
    return json.decode(invocation.payload), invocation.log_tail.decode().splitlines()


@pytest.mark.rule("FN-37")
async def test_an_async_handler_answers_and_its_process_stays_warm(odd: House) -> None:
    first, second = await ask(odd, n=1), await ask(odd, text="ünï")
    assert first["pid"] == second["pid"]
    assert second["event"] == {"text": "ünï"}
    invocation = await odd.engine.invoke(
        "n:$LATEST", b'{"job": "context"}', client_context='{"custom": {"a": 1}}', request_id="r-1"
    )
    arn = "arn:aws:lambda:us-east-1:000000000000:function:n:$LATEST"
    assert json.decode(invocation.payload) == ["n", "$LATEST", arn, "128", "r-1", {"custom": {"a": 1}}, True]
    environ = await ask(odd, job="environ")
    assert environ["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs20.x"
    assert not [name for name in environ if name.startswith(("PYTEST", "VIRTUAL_ENV", "HOME"))]


@pytest.mark.rule("FN-37")
async def test_the_console_prints_time_request_and_level_one_event_a_call(odd: House) -> None:
    invocation = await odd.engine.invoke("n", b'{"job": "log"}', request_id="r-2")
    assert invocation.payload == b"null"
    lines = [line for line in await odd.lines("n") if "\tr-2\t" in line]
    assert [line.split("\t", 1)[1] for line in lines] == [
        "r-2\tINFO\ttwo\nlines { a: 1 }\n",
        "r-2\tINFO\ti\n",
        "r-2\tWARN\tw\n",
        "r-2\tERROR\te\n",
        "r-2\tDEBUG\td\n",
    ]
    assert "raw\n" in await odd.lines("n")


@pytest.mark.rule("FN-37")
async def test_errors_have_type_message_and_trace_and_the_process_lives_on(odd: House) -> None:
    before = await ask(odd)
    error, tail = await fail(odd, job="throw")
    assert (error["errorType"], error["errorMessage"]) == ("RangeError", "no\nreally")
    assert any("app.mjs" in line for line in error["trace"])
    (line,) = [line for line in tail if "Invoke Error" in line]
    shown = json.decode(line.split("Invoke Error \t")[1])
    assert (shown["errorType"], shown["code"]) == ("RangeError", 42)
    assert "Error Type: RangeError" in tail[-1]
    error, _ = await fail(odd, job="text")
    assert error == {"errorType": "string", "errorMessage": "just text", "trace": []}
    error, _ = await fail(odd, job="big")
    assert error["errorType"] == "Runtime.MarshalError"
    assert (await ask(odd))["pid"] == before["pid"]
    assert await ask(odd, job="never") is None


@pytest.mark.rule("FN-37")
@pytest.mark.parametrize(
    ("job", "kind", "message"),
    [
        ("exit", "Runtime.ExitError", "exit status 7"),
        ("uncaught", "TypeError", "late"),
        ("unhandled", "Runtime.UnhandledPromiseRejection", "Error: nobody"),
        ("loop", "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
        ("eat", "Runtime.OutOfMemory", "signal: killed"),
    ],
)
async def test_what_the_process_does_not_survive_is_told_and_the_next_event_has_a_new_one(
    odd: House, job: str, kind: str, message: str
) -> None:
    error, _ = await fail(odd, job=job)
    assert error["errorType"] == kind
    assert message in error["errorMessage"]
    assert (await ask(odd))["event"] == {}


CALLBACK = """
exports.late = (event, context, callback) => { setTimeout(() => callback(null, [event.n, "late"]), 20); };
exports.waits = (event, context, callback) => {
  const begun = Date.now(); setTimeout(() => {}, event.ms); callback(null, begun);
};
exports.hurries = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 60000); callback(null, "hurried");
};
exports.fails = (event, context, callback) => callback(new Error("called back"));
exports.silent = () => 5;
exports.inner = { deep: async () => require("./lib/other") };
exports.done = (event, context) => context.succeed("done");
"""


@pytest.mark.rule("FN-37")
async def test_commonjs_handlers_call_back_and_may_wait_for_an_empty_event_loop(house: House) -> None:
    async def answer(handler: str, **event: object) -> object:
        await house.service.update_function_configuration({"FunctionName": "n", "Handler": f"src/app.{handler}"})
        return await ask(house, **event)

    await make(house, {"src/app.js": CALLBACK, "src/lib/other.js": "module.exports = 'other'"}, "src/app.late")
    assert await ask(house, n=1) == [1, "late"]
    begun = await answer("waits", ms=150)
    assert await house.lines("n")
    ended = max(event for event in [await answer("waits", ms=0)])
    assert ended - begun >= 150
    assert await answer("hurries") == "hurried"
    assert await answer("silent") is None
    assert await answer("inner.deep") == "other"
    assert await answer("done") == "done"
    await house.service.update_function_configuration({"FunctionName": "n", "Handler": "src/app.fails"})
    assert (await fail(house))[0]["errorMessage"] == "called back"


@pytest.mark.rule("FN-37")
async def test_modules_are_known_by_their_suffix_or_by_package_json(house: House) -> None:
    files = {
        "package.json": '{"type": "module"}',
        "app.js": "import {x} from 'dep'; await null; export async function handler() { return x }",
        "node_modules/dep/package.json": '{"main": "index.js"}',
        "node_modules/dep/index.js": "exports.x = 'from a package'",
    }
    await make(house, files)
    assert await ask(house) == "from a package"
    await house.service.delete_function({"FunctionName": "n"})
    await make(
        house,
        {"package.json": '{"type": "module"}', "app.cjs": "exports.handler = async () => module.paths ? 4 : 0"},
    )
    assert await ask(house) == 4


@pytest.mark.rule("FN-14")
@pytest.mark.parametrize(
    ("files", "handler", "kind", "message"),
    [
        ({"app.js": ""}, "lost.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'lost'"),
        ({"app.js": "require('nothing')"}, "app.handler", "Runtime.ImportModuleError", "Cannot find module 'nothing'"),
        ({"app.mjs": "import 'nothing'"}, "app.handler", "Runtime.ImportModuleError", "Cannot find package 'nothing'"),
        (
            {"app.js": "exports.x = 1"},
            "app.handler",
            "Runtime.HandlerNotFound",
            "app.handler is undefined or not exported",
        ),
        ({"app.js": "exports.x = 1"}, "app.x", "Runtime.HandlerNotFound", "app.x is not a function"),
        ({"app.js": "function ("}, "app.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ({"app.js": "x"}, "nodot", "Runtime.MalformedHandlerName", "Bad handler"),
        ({"app.js": "null.x"}, "app.handler", "TypeError", "Cannot read properties of null"),
    ],
)
async def test_a_handler_that_cannot_be_loaded_says_why(house: House, files, handler, kind, message) -> None:
    await make(house, files, handler)
    error, _ = await fail(house)
    assert error["errorType"] == kind
    assert message in error["errorMessage"]


@pytest.mark.rule("FN-38")
async def test_without_node_the_answer_says_what_to_install(house: House, monkeypatch) -> None:
    monkeypatch.setattr(runtimes, "_node", lambda: None)
    await make(house, {"app.mjs": ODD_JOBS})
    error, tail = await fail(house)
    assert error["errorType"] == "Runtime.InvalidEntrypoint"
    assert error["errorMessage"] == (
        "The runtime nodejs20.x needs `node`: install Node.js where the server's PATH finds it."
    )
    assert "Runtime.InvalidEntrypoint" in tail[-1]


@pytest.mark.rule("FN-38")
async def test_another_version_of_the_interpreter_is_told_once(house: House) -> None:
    await house.create("f", "import os\ndef handler(event, context): os._exit(0)", Runtime="python3.9")
    for _ in range(2):
        await house.engine.invoke("f", b"{}")
    told = [line for line in await house.lines("f") if line.startswith("[syncline]")]
    assert len(told) == 1
    assert told[0].startswith("[syncline] python3.9 was asked for; this machine runs it with python3.")


@pytest.mark.rule("FN-39")
async def test_only_a_process_that_knows_the_token_may_speak_for_it(odd: House) -> None:
    address = (await ask(odd, job="environ"))["AWS_LAMBDA_RUNTIME_API"]
    host, _, port = address.partition("/")[0].partition(":")
    for path in ("/2018-06-01/runtime/invocation/next", "/wrong/2018-06-01/runtime/invocation/next"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 404 ")
        writer.close()
    assert (await ask(odd))["event"] == {}


@pytest.mark.rule("FN-13")
async def test_an_idle_node_process_ends_with_the_engine(odd: House) -> None:
    pid = (await ask(odd))["pid"]
    odd.engine.close()

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"

    await until(gone)
