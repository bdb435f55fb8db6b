"""From a specification to a resolver that can be run."""

from __future__ import annotations

from collections.abc import Mapping

from syncline.core import Invalid, Unsupported
from syncline.datasources import DataSource
from syncline.resolvers.batching import BATCH_INVOKE_DEFAULT, Batching, BatchSource
from syncline.resolvers.code import Code, CodeHandler
from syncline.resolvers.handler import TemplateHandler
from syncline.resolvers.library import Library
from syncline.resolvers.logged import logged
from syncline.resolvers.model import FunctionSpec, Handler, Resolver, ResolverSpec
from syncline.resolvers.pipeline import PipelineFunction, PipelineResolver
from syncline.resolvers.python import PYTHON, PythonHandler, check_python
from syncline.resolvers.unit import UnitResolver

FUNCTIONS_MAX = 10
"""AppSync's quota for one pipeline."""
RUNTIMES = ("APPSYNC_JS", PYTHON)


class RuntimeUnsupported(Unsupported):
    """The runtime {runtime} of {owner} is not supported; APPSYNC_JS 1.0.0, SYNCLINE_PY 1.0.0 and mapping templates
    (VTL) are."""


class CannotCompile(Invalid):
    """The resolver of {owner} cannot work: {reason}."""

    code = "BadRequestException"


def compile_resolver(
    spec: ResolverSpec, sources: Mapping[str, DataSource], library: Library, *, checked: bool = False
) -> Resolver:
    """Compile `spec` over the API's data sources by name. `checked`: its code was read before, and can wait.

    Raises Unsupported for a runtime that is not built, CannotCompile for a data source or template that is not
    there, ResolverError (type MappingTemplate) for a template that does not parse, and CodeRefused.
    """
    owner = f"{spec.type_name}.{spec.field_name}"
    before, after = _handlers(spec, owner, library, checked)
    if spec.kind == "PIPELINE":
        if len(spec.functions) > FUNCTIONS_MAX:
            raise CannotCompile(owner=owner, reason=f"a pipeline may have at most {FUNCTIONS_MAX} functions")
        functions = []
        for each in spec.functions:
            name = f"{owner} function {each.name}"
            request, response = _handlers(each, name, library, checked)
            source = _source(each.data_source_name, name, sources, request)
            functions.append(
                PipelineFunction(_batched(source, each.max_batch_size, request, response), request, response)
            )
        return PipelineResolver(before, functions, after)
    source = _source(spec.data_source_name, owner, sources, before)
    return UnitResolver(_batched(source, spec.max_batch_size, before, after), before, after)


def _batched(source: DataSource, size: int, request: Handler | None, response: Handler | None) -> DataSource:
    """The source, with its batch requests gathered if it can take batches."""
    if not isinstance(source, BatchSource) or (request is None and not size):
        return source
    direct = request is None
    return Batching(source, size=size or BATCH_INVOKE_DEFAULT, direct=direct, unwrap=direct and response is None)


def _handlers(
    spec: ResolverSpec | FunctionSpec, owner: str, library: Library, checked: bool
) -> tuple[Handler | None, Handler | None]:
    """What comes before and after: of code, of templates, or nothing."""
    before, after = _compiled(spec, owner, library, checked)
    return logged(spec, before, after) if library.logged else (before, after)


def _compiled(
    spec: ResolverSpec | FunctionSpec, owner: str, library: Library, checked: bool
) -> tuple[Handler | None, Handler | None]:
    if spec.runtime is None and spec.code is None:
        return (
            _template(spec.request_template, f"{owner} request", library),
            _template(spec.response_template, f"{owner} response", library),
        )
    runtime = check_runtime(spec.runtime, owner)
    if not spec.code:
        raise CannotCompile(owner=owner, reason="a runtime needs code")
    if spec.request_template or spec.response_template:
        raise CannotCompile(owner=owner, reason="it may have code or mapping templates, not both")
    if runtime == PYTHON:
        if not checked:
            check_python(spec.code, library, whole=isinstance(spec, FunctionSpec) or spec.kind == "UNIT")
        return PythonHandler(spec.code, owner, "request", library), PythonHandler(spec.code, owner, "response", library)
    code = Code(spec.code, owner, library)
    if not checked:
        code.check()
    return CodeHandler(code, "request", library), CodeHandler(code, "response", library)


def check_runtime(runtime: dict[str, str] | None, owner: str) -> str:
    """The runtime's name. Raises RuntimeUnsupported, and CannotCompile when code has no runtime."""
    if runtime is None:
        raise CannotCompile(owner=owner, reason="code needs a runtime")
    name, version = runtime.get("name", ""), runtime.get("runtimeVersion", "")
    if name not in RUNTIMES or version != "1.0.0":
        raise RuntimeUnsupported(runtime=f"{name} {version}", owner=owner)
    return name


def _template(text: str | None, name: str, library: Library) -> TemplateHandler | None:
    return TemplateHandler(text, name, library) if text else None


def _source(name: str | None, owner: str, sources: Mapping[str, DataSource], request: Handler | None) -> DataSource:
    found = None if name is None else sources.get(name)
    if found is None:
        raise CannotCompile(owner=owner, reason=f"there is no data source {name!r}")
    if request is None and not getattr(found, "takes_context", False):
        raise CannotCompile(owner=owner, reason="only a Lambda data source works without a request template")
    return found
