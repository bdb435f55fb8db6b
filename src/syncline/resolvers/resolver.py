"""From a specification to a resolver that can be run."""

from __future__ import annotations

from collections.abc import Mapping

from syncline.core import Invalid, Unsupported
from syncline.datasources import DataSource
from syncline.resolvers.batching import BATCH_INVOKE_DEFAULT, Batching, BatchSource
from syncline.resolvers.handler import TemplateHandler
from syncline.resolvers.library import Library
from syncline.resolvers.model import FunctionSpec, Resolver, ResolverSpec
from syncline.resolvers.pipeline import PipelineFunction, PipelineResolver
from syncline.resolvers.unit import UnitResolver

FUNCTIONS_MAX = 10
"""AppSync's quota for one pipeline."""


class RuntimeUnsupported(Unsupported):
    """The runtime {runtime} of {owner} is not supported; mapping templates (VTL) are."""


class CannotCompile(Invalid):
    """The resolver of {owner} cannot work: {reason}."""

    code = "BadRequestException"


def compile_resolver(spec: ResolverSpec, sources: Mapping[str, DataSource], library: Library) -> Resolver:
    """Compile `spec` over the API's data sources by name.

    Raises Unsupported for a runtime that is not built, CannotCompile for a data source or template that is not
    there, and ResolverError (type MappingTemplate) for a template that does not parse.
    """
    owner = f"{spec.type_name}.{spec.field_name}"
    _check_runtime(spec, owner)
    before = _handler(spec.request_template, f"{owner} request", library)
    after = _handler(spec.response_template, f"{owner} response", library)
    if spec.kind == "PIPELINE":
        if len(spec.functions) > FUNCTIONS_MAX:
            raise CannotCompile(owner=owner, reason=f"a pipeline may have at most {FUNCTIONS_MAX} functions")
        functions = [_function(each, owner, sources, library) for each in spec.functions]
        return PipelineResolver(before, functions, after)
    source = _source(spec.data_source_name, owner, sources, before)
    return UnitResolver(_batched(source, spec.max_batch_size, before, after), before, after)


def _function(spec: FunctionSpec, owner: str, sources: Mapping[str, DataSource], library: Library) -> PipelineFunction:
    name = f"{owner} function {spec.name}"
    _check_runtime(spec, name)
    request = _handler(spec.request_template, f"{name} request", library)
    response = _handler(spec.response_template, f"{name} response", library)
    source = _source(spec.data_source_name, name, sources, request)
    return PipelineFunction(_batched(source, spec.max_batch_size, request, response), request, response)


def _batched(
    source: DataSource, size: int, request: TemplateHandler | None, response: TemplateHandler | None
) -> DataSource:
    """The source, with its batch requests gathered if it can take batches."""
    if not isinstance(source, BatchSource) or (request is None and not size):
        return source
    direct = request is None
    return Batching(source, size=size or BATCH_INVOKE_DEFAULT, direct=direct, unwrap=direct and response is None)


def _check_runtime(spec: ResolverSpec | FunctionSpec, owner: str) -> None:
    if spec.runtime is not None or spec.code is not None:
        raise RuntimeUnsupported(runtime=(spec.runtime or {}).get("name", "APPSYNC_JS"), owner=owner)


def _handler(text: str | None, name: str, library: Library) -> TemplateHandler | None:
    return TemplateHandler(text, name, library) if text else None


def _source(
    name: str | None, owner: str, sources: Mapping[str, DataSource], request: TemplateHandler | None
) -> DataSource:
    found = None if name is None else sources.get(name)
    if found is None:
        raise CannotCompile(owner=owner, reason=f"there is no data source {name!r}")
    if request is None and not getattr(found, "takes_context", False):
        raise CannotCompile(owner=owner, reason="only a Lambda data source works without a request template")
    return found
