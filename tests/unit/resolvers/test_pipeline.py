"""Pipeline resolvers: the order of the steps, what each sees, how each may end."""

from typing import Any

import pytest

from syncline.datasources import Context, DataSource, DataSourceError, Info
from syncline.resolvers import FunctionSpec, Library, ResolverError, ResolverSpec, compile_resolver
from syncline.resolvers.resolver import CannotCompile

REQUEST = '{"version": "2018-05-29", "payload": $util.toJson($ctx.prev.result)}'
RESULT = "$util.toJson($ctx.result)"


class Refusing:
    """A data source that always fails."""

    async def invoke(self, request: Any, context: Context) -> Any:
        raise DataSourceError("no", "Lambda:Unhandled")


def step(name: str, request: str = REQUEST, response: str | None = RESULT, source: str = "none") -> FunctionSpec:
    return FunctionSpec(name, name, source, request, response, "2018-05-29")


async def run(
    library: Library, sources: dict[str, DataSource], *steps: FunctionSpec, before: str = "{}", after: str = RESULT
) -> Any:
    spec = ResolverSpec("Query", "field", "PIPELINE", None, before, after, steps)
    ctx = Context(arguments={"n": 1}, info=Info("field", "Query"))
    return await compile_resolver(spec, {**sources, "refusing": Refusing()}, library).resolve(ctx)


@pytest.mark.rule("RES-11")
async def test_each_step_sees_the_one_before(library: Library, sources: dict[str, DataSource]) -> None:
    count = step("count", response='[$util.toJson($ctx.prev.result), "$ctx.result"]')
    value = await run(library, sources, count, count, before='"b"', after="$util.toJson($ctx.prev.result)")
    assert value == [["b", "b"], "[b, b]"]


@pytest.mark.rule("RES-11")
async def test_the_stash_is_shared(library: Library, sources: dict[str, DataSource]) -> None:
    put = step("put", response='$util.qr($ctx.stash.put("b", $ctx.stash.a))null')
    before = '$util.qr($ctx.stash.put("a", $ctx.args.n)){}'
    assert await run(library, sources, put, before=before, after="$util.toJson($ctx.stash)") == {"a": 1, "b": 1}


@pytest.mark.rule("RES-5")
async def test_return_in_a_function_ends_the_function_only(library: Library, sources: dict[str, DataSource]) -> None:
    seen = step("seen", response='{"seen": $util.toJson($ctx.prev.result)}')
    assert await run(library, sources, step("early", "#return"), seen) == {"seen": None}
    assert await run(library, sources, step("early", '#return({"x": 1})'), seen) == {"seen": {"x": 1}}


@pytest.mark.rule("RES-5")
async def test_return_before_the_functions_ends_the_resolver(library: Library, sources: dict[str, DataSource]) -> None:
    assert await run(library, sources, step("never", source="refusing"), before='#return({"x": 1})') == {"x": 1}


@pytest.mark.rule("RES-4")
async def test_a_functions_failure_is_its_templates_business(library: Library, sources: dict[str, DataSource]) -> None:
    handled = step("handled", response='"$ctx.error.message"', source="refusing")
    assert await run(library, sources, handled) == "no"
    with pytest.raises(ResolverError) as failed:
        await run(library, sources, step("unhandled", response=None, source="refusing"))
    assert (failed.value.message, failed.value.error_type) == ("no", "Lambda:Unhandled")


@pytest.mark.rule("RES-11")
async def test_a_pipeline_has_at_most_ten_functions(library: Library, sources: dict[str, DataSource]) -> None:
    with pytest.raises(CannotCompile, match="at most 10 functions"):
        await run(library, sources, *[step(f"f{n}") for n in range(11)])
