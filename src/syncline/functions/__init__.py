"""Functions: AWS Lambda functions, run in processes of their own, and the streams that feed them."""

from syncline.functions.engine import FunctionEngine
from syncline.functions.errors import FunctionNotFound, TooManyRequests
from syncline.functions.links import PREFIX as CODE_LINKS
from syncline.functions.model import Function
from syncline.functions.service import Lambda

__all__ = ["CODE_LINKS", "Function", "FunctionEngine", "FunctionNotFound", "Lambda", "TooManyRequests"]
