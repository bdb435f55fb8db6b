"""JavaScript: AppSync's APPSYNC_JS code, read, checked and run in a sandbox. Pure: time and chance are handed in."""

from syncline.js.model import (
    MEMBERS,
    AnswerRefused,
    CodeError,
    CodeRefused,
    CodeStopped,
    Failure,
    Limits,
    Log,
    Module,
    Outcome,
    Position,
    Run,
    Signal,
)
from syncline.js.port import Answers, Engine
from syncline.js.quickjs_engine import QuickJs
from syncline.js.reader import read

__all__ = [
    "MEMBERS",
    "AnswerRefused",
    "Answers",
    "CodeError",
    "CodeRefused",
    "CodeStopped",
    "Engine",
    "Failure",
    "Limits",
    "Log",
    "Module",
    "Outcome",
    "Position",
    "QuickJs",
    "Run",
    "Signal",
    "read",
]
