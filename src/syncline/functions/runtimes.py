"""Runtimes: which program runs a function's code, and where that program finds code and layers.

For: `invoker` and `environment`. Python is the interpreter that runs this server, Node.js the machine's `node`.
Owns: the commands. Never: starts a process that runs a function.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from syncline.functions.model import Function

PYTHON = tuple(f"python3.{minor}" for minor in range(8, 15))
NODEJS = tuple(f"nodejs{major}.x" for major in range(16, 25, 2))
SUPPORTED = (*PYTHON, *NODEJS)
_BOOTSTRAP = Path(__file__).parent / "bootstrap" / "nodejs.mjs"

# The runtime client asks `host:port/token` for its events, but would not find it when it tells of a failed start.
_PYTHON = """
import runpy
from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient as Client
plain = Client.call_rapid
def call_rapid(self, method, endpoint, *rest, **more):
    whole = self.lambda_runtime_address
    self.lambda_runtime_address, _, token = whole.partition("/")
    try:
        return plain(self, method, f"/{token}{endpoint}", *rest, **more)
    finally:
        self.lambda_runtime_address = whole
Client.call_rapid = call_rapid
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
"""
# On Linux the kernel ends the process when the server dies, however it dies; elsewhere an idle one ends by itself,
# when its connection to the Runtime API breaks.
_DIE_WITH_PARENT = "import ctypes, signal; ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
_EXECUTE = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
# What runs in place of a program that is not there: the first event is answered with what to install.
_ABSENT = """
import json, os, sys, urllib.request
body = {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": sys.argv[1]}
url = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/init/error"
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, json.dumps(body).encode()).read()
sys.exit(127)
"""


class Launch(NamedTuple):
    """How a function's process is started."""

    command: tuple[str, ...]
    environ: dict[str, str]


def launch(function: Function, code: Path, layers: Sequence[Path]) -> Launch:
    """The command that runs a function from its unpacked code, and the variables that say where things are.

    A later layer hides an earlier one, as it would where all are unpacked into one folder.
    """
    layers = list(reversed(layers))
    found = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    environ = {"LD_LIBRARY_PATH": _joined(layer / "lib" for layer in layers)} if layers else {}
    if function.runtime.startswith("nodejs"):
        node = _node()
        if node is None:
            needs = f"The runtime {function.runtime} needs `node`: install Node.js where the server's PATH finds it."
            return Launch((sys.executable, "-c", _ABSENT, needs), environ)
        command = _executed(node, f"--max-old-space-size={function.memory * 9 // 10}", str(_BOOTSTRAP))
        major = function.runtime.removeprefix("nodejs").removesuffix(".x")
        inner = ("node_modules", f"node{major}/node_modules")
        places = [layer / "nodejs" / folder for layer in layers for folder in inner]
        environ |= {"NODE_PATH": _joined([*places, code / "node_modules"])}
        found.insert(0, str(Path(node).parent))
    else:
        dying = _DIE_WITH_PARENT if sys.platform == "linux" else ""
        command = (sys.executable, "-c", dying + _PYTHON, function.handler)
        version = f"lib/{function.runtime}/site-packages"
        places = [layer / "python" / inner for layer in layers for inner in (".", version)]
        # The code's folder is shared, and stays as it was uploaded.
        environ |= {"PYTHONPATH": _joined([code, *places]), "PYTHONDONTWRITEBYTECODE": "1"}
    path = [str(layer / "bin") for layer in layers] + found
    return Launch(command, environ | {"PATH": os.pathsep.join(path)})


def actual_version(function: Function) -> str:
    """The version that runs a function, as runtimes are named; empty when nothing does."""
    if not function.runtime.startswith("nodejs"):
        return f"python{sys.version_info.major}.{sys.version_info.minor}"
    node = _node()
    return "" if node is None else _node_version(node)


def _node() -> str | None:
    return shutil.which("node")


@cache
def _node_version(node: str) -> str:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    major = re.match(r"v(\d+)", told)
    return f"nodejs{major[1]}.x" if major else ""


def _executed(*command: str) -> tuple[str, ...]:
    if sys.platform != "linux":
        return command
    return (sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT + _EXECUTE, *command)


def _joined(places: object) -> str:
    return os.pathsep.join(str(place) for place in places)  # type: ignore[attr-defined]
