"""What can go wrong with a template, each with its place; and the ways a template ends early.

For: the compiler, compiled templates and whoever runs them. Never: knows what a template is for.
"""

from __future__ import annotations

from typing import Any

from syncline.core import Invalid


class TemplateError(Invalid):
    """A template cannot be compiled, or its evaluation failed, at `line` and `column` (from 1; 0: unknown)."""

    code = "MappingTemplate"

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class ParseError(TemplateError):
    """The text is not VTL."""


class LimitExceeded(TemplateError):
    """A loop ran longer than a template may."""


class MethodFailed(Exception):
    """A method of a value refused its arguments. Becomes a TemplateError with the call's place."""


class OtherSignature(Exception):
    """An argument's type fits no overload of the method: to Velocity there is no such method, which is null."""


class OutputError(TemplateError):
    """The template ran, but what it wrote is no JSON value. `text` is what it wrote."""

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


class EmptyOutput(OutputError):
    """The template wrote nothing but blanks."""


class NotJson(OutputError):
    """The template wrote something that is not JSON."""


class Return(BaseException):
    """`#return(value)`: the template ended with a value instead of text. Not an error, so not an Exception."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Stop(BaseException):
    """`#stop`, or a `#break` outside of any loop: the text so far is the output."""
