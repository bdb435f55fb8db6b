"""From a specification to a resolver that can be run."""

from __future__ import annotations

from collections.abc import Mapping

from syncline.core import Unsupported
from syncline.datasources import DataSource
from syncline.resolvers.library import Library
from syncline.resolvers.model import Resolver, ResolverSpec


class RuntimeUnsupported(Unsupported):
    """The runtime {runtime} of resolver {field} is not supported; mapping templates (VTL) are."""


def compile_resolver(spec: ResolverSpec, sources: Mapping[str, DataSource], library: Library) -> Resolver:
    """Compile `spec` over the API's data sources by name.

    Raises Unsupported for a runtime that is not built, and ResolverError (type MappingTemplate) for a template that
    does not parse.
    """
    raise RuntimeUnsupported(runtime=(spec.runtime or {}).get("name", "VTL"), field=spec.field_name)
