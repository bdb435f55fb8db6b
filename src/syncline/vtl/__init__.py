"""VTL: the Velocity Template Language, compiled to Python functions. Knows nothing of AppSync."""

from syncline.vtl.emitter import Intrinsic
from syncline.vtl.errors import (
    EmptyOutput,
    LimitExceeded,
    MethodFailed,
    NotJson,
    OutputError,
    ParseError,
    Return,
    TemplateError,
)
from syncline.vtl.jsontext import decode
from syncline.vtl.methods import call
from syncline.vtl.regexes import pattern
from syncline.vtl.template import Template
from syncline.vtl.template import compile_template as compile
from syncline.vtl.values import Bound, Entry, Value, plain, text_of

__all__ = [
    "Bound",
    "EmptyOutput",
    "Entry",
    "Intrinsic",
    "LimitExceeded",
    "MethodFailed",
    "NotJson",
    "OutputError",
    "ParseError",
    "Return",
    "Template",
    "TemplateError",
    "Value",
    "call",
    "compile",
    "decode",
    "pattern",
    "plain",
    "text_of",
]
