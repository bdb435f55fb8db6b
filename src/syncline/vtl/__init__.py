"""VTL: the Velocity Template Language, compiled to Python functions. Knows nothing of AppSync."""

from syncline.vtl.emitter import Intrinsic
from syncline.vtl.errors import LimitExceeded, MethodFailed, ParseError, Return, TemplateError
from syncline.vtl.jsontext import decode
from syncline.vtl.regexes import pattern
from syncline.vtl.template import compile_template as compile
from syncline.vtl.values import plain, text_of
from syncline.vtl.weights import light

__all__ = [
    "Intrinsic",
    "LimitExceeded",
    "MethodFailed",
    "ParseError",
    "Return",
    "TemplateError",
    "compile",
    "decode",
    "light",
    "pattern",
    "plain",
    "text_of",
]
