"""JavaScript: AppSync's APPSYNC_JS code, read, checked and run in a sandbox. Pure: time and chance are handed in."""

from syncline.js.model import (
    AnswerRefused,
    CodeRefused,
    CodeStopped,
    Effect,
    Failure,
    Limits,
    Module,
    Outcome,
    Position,
    Run,
    Signal,
)
from syncline.js.port import Engine
from syncline.js.quickjs_engine import QuickJs
from syncline.js.reader import read

__all__ = [
    "AnswerRefused",
    "CodeRefused",
    "CodeStopped",
    "Effect",
    "Engine",
    "Failure",
    "Limits",
    "Module",
    "Outcome",
    "Position",
    "QuickJs",
    "Run",
    "Signal",
    "read",
]
