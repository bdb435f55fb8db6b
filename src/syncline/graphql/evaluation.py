"""EvaluateCode and EvaluateMappingTemplate: a handler tried out, no API needed.

For: `service`. Never: touches an API, a data source or the store.
"""

from __future__ import annotations

from typing import Any

from syncline.resolvers import Library, check_runtime
from syncline.resolvers import evaluate_code as run_code
from syncline.resolvers import evaluate_python as run_python
from syncline.resolvers import evaluate_template as run_template

Members = dict[str, Any]


async def evaluate_code(library: Library, request: Members) -> Members:
    """The answer of EvaluateCode. Raises Unsupported for another runtime, ContextRefused."""
    run = run_python if check_runtime(request["runtime"], "the code") == "SYNCLINE_PY" else run_code
    handler = request.get("function") or "request"
    return await run(request["code"], handler, request["context"], library)


def evaluate_mapping_template(library: Library, request: Members) -> Members:
    """The answer of EvaluateMappingTemplate. Raises ContextRefused."""
    return run_template(request["template"], request["context"], library)
