"""The port to a JavaScript engine.

Never: knows AppSync's resolvers; a handler is a function of a context.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from syncline.js.model import Module, Outcome, Run

Answers = Callable[[str, list[Any]], Any]
"""What the library asks the host for, by name and operands. Pure; raises AnswerRefused for operands it cannot take."""


class Engine(Protocol):
    """A sandbox for the code of one API. What runs in it sees nothing but its context."""

    def check(self, module: Module) -> None:
        """Compile the module's script. Raises CodeRefused where the engine's grammar is stricter than the reader's."""
        ...

    def run(self, module: Module, handler: str, run: Run, answers: Answers) -> Outcome:
        """Run a handler that the module exports. Raises CodeStopped at a limit; the next run is not touched by it."""
        ...

    def run_apart(self, module: Module, handler: str, run: Run, answers: Answers) -> Outcome:
        """The same with the long limits and in a sandbox of its own, on any thread."""
        ...
