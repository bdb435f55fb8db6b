"""The peers: installed into bench/out by their own package managers, and how each is started."""

from __future__ import annotations

import shutil
import subprocess
import sys

from processes import BENCH, OUT

NODE = OUT / "node"
VENV = OUT / "venv"
STRAWBERRY = ("strawberry-graphql[asgi]==0.341.2", "uvicorn[standard]")


def install() -> None:
    """Fetch the peers once. Raises CalledProcessError when a registry does not answer."""
    NODE.mkdir(parents=True, exist_ok=True)
    manifest = BENCH / "peers" / "package.json"
    kept = NODE / "package.json"
    if not kept.exists() or kept.read_text() != manifest.read_text():
        print("installing the Node peers …", file=sys.stderr, flush=True)
        shutil.copy(manifest, kept)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=NODE, check=True)
    shutil.copy(BENCH / "peers" / "peers.mjs", NODE / "peers.mjs")
    if not (VENV / "bin" / "uvicorn").exists():
        print("installing the Python peer …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(VENV / "bin" / "pip"), "install", "-q", *STRAWBERRY], check=True)


def node(name: str, port: int) -> list[str]:
    """The command of a Node peer: ws, yoga or mercurius."""
    return ["node", str(NODE / "peers.mjs"), name, str(port)]


def strawberry(port: int) -> list[str]:
    """The command of Strawberry on uvicorn."""
    uvicorn = str(VENV / "bin" / "uvicorn")
    folder = str(BENCH / "peers")
    return [uvicorn, "strawberry_peer:app", "--app-dir", folder, "--port", str(port), "--log-level", "warning"]
