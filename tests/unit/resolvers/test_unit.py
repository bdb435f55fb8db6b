"""Unit resolvers: what the template's version changes, early returns, errors as GraphQL shows them."""

import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from syncline.core import Clock, Meter, SystemClock, SystemIds, Unsupported, json
from syncline.core.settings import Resolvers
from syncline.datasources import Context, DataSource, DataSourceError, Info, Shared
from syncline.resolvers import Library, Resolver, ResolverError, ResolverSpec, compile_resolver
from syncline.resolvers.resolver import CannotCompile

Resolve = Callable[..., Awaitable[Any]]
OLD, NEW = '{"version": "2017-02-28", "payload": 1}', '{"version": "2018-05-29", "payload": 1}'


class Canned:
    """A data source that answers, or fails, as told, and remembers what it was asked."""

    takes_context = True

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    async def invoke(self, request: Any, context: Context) -> Any:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def run(
    library: Library, data_source: DataSource, request: str | None, response: str | None, **more: Any
) -> tuple[Awaitable[Any], Context]:
    ctx = Context(arguments=more.pop("arguments", {}), info=Info("field", "Query"), **more)
    spec = ResolverSpec("Query", "field", "UNIT", "source", request, response)
    sources: Mapping[str, DataSource] = {"source": data_source}
    return compile_resolver(spec, sources, library).resolve(ctx), ctx


@pytest.mark.rule("RES-3")
@pytest.mark.parametrize(("request_template", "value"), [(OLD, None), (NEW, "ran")])
async def test_a_null_result_skips_the_response_of_the_old_version(
    library: Library, request_template: str, value: Any
) -> None:
    resolved, _ = run(library, Canned(None), request_template, '"ran"')
    assert await resolved == value


@pytest.mark.rule("RES-4")
async def test_a_failure_goes_to_errors_with_the_old_version(library: Library) -> None:
    source = Canned(DataSourceError("no", "DynamoDB:X", {"id": "1"}))
    resolved, _ = run(library, source, OLD, '{"shown": $util.toJson($ctx.result)}')
    with pytest.raises(ResolverError) as failed:
        await resolved
    assert (failed.value.message, failed.value.error_type) == ("no", "DynamoDB:X")
    assert failed.value.data == {"shown": {"id": "1"}}


@pytest.mark.rule("RES-4")
async def test_a_failure_is_the_templates_business_with_the_new_version(library: Library) -> None:
    source = Canned(DataSourceError("no", "DynamoDB:X"))
    resolved, ctx = run(library, source, NEW, '"$ctx.error.type: $ctx.error.message"')
    assert await resolved == "DynamoDB:X: no"
    assert ctx.out_errors == []


@pytest.mark.rule("RES-5")
async def test_return_in_the_request_skips_the_data_source(library: Library) -> None:
    source = Canned(1)
    resolved, _ = run(library, source, '#return({"a": 1})', '"ran"')
    assert await resolved == {"a": 1}
    assert source.asked == []


@pytest.mark.rule("RES-6")
async def test_error_ends_the_field(library: Library) -> None:
    resolved, _ = run(library, Canned(1), NEW, '$util.error("no", "E1", {"x": 1}, {"y": 2})')
    with pytest.raises(ResolverError) as failed:
        await resolved
    error = failed.value
    assert (error.message, error.error_type, error.data, error.error_info) == ("no", "E1", {"x": 1}, {"y": 2})


@pytest.mark.rule("RES-6")
async def test_append_error_keeps_the_value(library: Library) -> None:
    resolved, ctx = run(library, Canned(1), NEW, '$util.appendError("warn", "W")$util.toJson({"id": "1"})')
    assert await resolved == {"id": "1"}
    assert ctx.out_errors == [{"message": "warn", "errorType": "W", "data": None, "errorInfo": None}]


@pytest.mark.rule("RES-6")
@pytest.mark.parametrize(
    ("template", "message", "kind"),
    [
        ('$util.validate(false, "bad")', "bad", "CustomTemplateException"),
        ('$util.validate(false, "bad", "T")', "bad", "T"),
        ("$util.unauthorized()", "Not Authorized to access field on type Query", "Unauthorized"),
        ('#if(true)$util.error("no")#end', "no", None),
    ],
)
async def test_the_other_ways_to_end_a_field(library: Library, template: str, message: str, kind: str | None) -> None:
    resolved, _ = run(library, Canned(1), NEW, template)
    with pytest.raises(ResolverError) as failed:
        await resolved
    assert (failed.value.message, failed.value.error_type) == (message, kind)


@pytest.mark.rule("RES-7")
@pytest.mark.parametrize(
    ("template", "message"),
    [
        (" ", "Template transformation yielded an empty response."),
        ('{"a":1,"a":2}', "Duplicate field 'a' detected on Object. Duplicate JSON keys are not allowed."),
        ('{"a":1}x', "Trailing characters at the end of the JSON string are not allowed."),
        ("hello", "Unable to convert hello to class java.lang.Object."),
        ("$util.nope(1)", "$util.nope does not exist at velocity[line 1, column 6]"),
        (
            "$extensions.invalidateSubscriptions({})",
            "invalidateSubscriptions takes a subscriptionField and a payload at velocity[line 1, column 12]",
        ),
        (
            '$extensions.evictFromApiCache("Query", "x", {})',
            "evictFromApiCache works in mutations only at velocity[line 1, column 12]",
        ),
    ],
)
async def test_a_template_that_fails_is_a_mapping_template_error(library: Library, template: str, message: str) -> None:
    resolved, _ = run(library, Canned(1), NEW, template)
    with pytest.raises(ResolverError) as failed:
        await resolved
    assert (failed.value.message, failed.value.error_type) == (message, "MappingTemplate")


@pytest.mark.rule("RES-7")
async def test_a_failing_template_is_logged_with_its_place() -> None:
    out = io.StringIO()
    library = Library(SystemClock(), SystemIds(), Meter(out=out))
    resolved, _ = run(library, Canned(1), NEW, "\n  $ctx.result.get(1)$util.nope()", api_id="api1")
    with pytest.raises(ResolverError):
        await resolved
    line = json.decode(out.getvalue())
    assert (line["event"], line["api"], line["template"]) == ("template failed", "api1", "Query.field response")
    assert (line["line"], line["column"]) == (2, 26)


@pytest.mark.rule("RES-8")
def test_a_template_that_does_not_parse_is_refused_at_creation(library: Library) -> None:
    with pytest.raises(ResolverError, match=r'Encountered "<EOF>" at velocity\[line 1, column 9\]') as refused:
        run(library, Canned(1), "#if(true", "x")
    assert refused.value.error_type == "MappingTemplate"


@pytest.mark.rule("RES-8")
def test_another_runtime_is_refused_at_creation(library: Library) -> None:
    spec = ResolverSpec("Query", "field", "UNIT", "s", runtime={"name": "OTHER", "runtimeVersion": "1"}, code="x")
    with pytest.raises(Unsupported, match=r"The runtime OTHER 1 of Query\.field is not supported"):
        compile_resolver(spec, {"s": Canned(1)}, library)


@pytest.mark.rule("RES-8")
def test_a_missing_data_source_is_refused_at_creation(library: Library) -> None:
    with pytest.raises(CannotCompile, match="there is no data source 'gone'"):
        compile_resolver(ResolverSpec("Query", "field", "UNIT", "gone", "{}", "{}"), {}, library)


@pytest.mark.rule("RES-9")
async def test_a_direct_function_gets_the_whole_context(library: Library) -> None:
    source = Canned({"id": "1"})
    resolved, _ = run(library, source, None, None, arguments={"id": "1"}, source={"p": 1})
    assert await resolved == {"id": "1"}
    event = source.asked[0]["payload"]
    assert event.keys() == {"arguments", "identity", "source", "request", "prev", "info", "stash"}
    assert (event["arguments"], event["source"], event["info"]["fieldName"]) == ({"id": "1"}, {"p": 1}, "field")


@pytest.mark.rule("RES-9")
@pytest.mark.parametrize(("request_template", "kind"), [(None, "ValueError"), (NEW, "Lambda:Unhandled")])
async def test_a_direct_functions_failure_keeps_its_own_name(
    library: Library, request_template: str | None, kind: str
) -> None:
    source = Canned(DataSourceError("boom", "Lambda:Unhandled", cause_type="ValueError"))
    resolved, _ = run(library, source, request_template, None)
    with pytest.raises(ResolverError) as failed:
        await resolved
    assert (failed.value.message, failed.value.error_type) == ("boom", kind)


@pytest.mark.rule("RES-10")
async def test_the_context_as_json_has_each_member_once(library: Library) -> None:
    resolved, _ = run(library, Canned(7), NEW, "$util.toJson($context)", arguments={"id": "1"}, stash={"s": 1})
    value = await resolved
    assert value["arguments"] == {"id": "1"}
    assert value["result"] == 7
    assert value["info"] == {"fieldName": "field", "parentTypeName": "Query", "variables": {}}
    assert value.keys() == {
        "arguments", "identity", "source", "result", "request", "info", "error", "prev", "stash", "outErrors",
    }  # fmt: skip


@pytest.mark.rule("RES-10")
async def test_views_never_leak_into_values(library: Library) -> None:
    template = '#set($m = {"c": $ctx, "l": [$ctx.info]})$util.qr($m.put("u", $util))$util.toJson($m)'
    resolved, _ = run(library, Canned(7), NEW, template)
    assert json.decode(json.encode(await resolved))["l"][0]["fieldName"] == "field"


@pytest.mark.rule("RES-10")
async def test_names_of_the_context_are_found_both_ways(library: Library) -> None:
    template = "\"$context.args.id $ctx.arguments.id $ctx.get('args').id $utils.isNull($ctx.prev) $ctx.info.fieldName\""
    resolved, _ = run(library, Canned(7), NEW, template, arguments={"id": "1"})
    assert await resolved == "1 1 1 true field"


@pytest.mark.rule("RES-10")
@pytest.mark.parametrize(
    ("identity", "name"),
    [
        (None, "API Key Authorization"),
        ({"userArn": "arn"}, "IAM Authorization"),
        ({"sub": "s", "defaultAuthStrategy": "ALLOW"}, "User Pool Authorization"),
        ({"sub": "s", "claims": {}}, "Open ID Connect Authorization"),
    ],
)
async def test_the_authorization_in_words(library: Library, identity: Any, name: str) -> None:
    resolved, _ = run(library, Canned(7), NEW, '"$util.authType()"', identity=identity)
    assert await resolved == name


LOOP = "#foreach($i in [1..100])#end{}"
LONG = "#foreach($i in [1..1000])#set($text = $util.toJson($ctx.args.numbers))#end{}"
NUMBERS = {"numbers": list(range(20_000))}


def looping(clock: Clock, template: str = LOOP) -> Resolver:
    library = Library(clock, SystemIds(), Meter(), python=Resolvers(template_milliseconds_max=50))
    spec = ResolverSpec("Query", "field", "UNIT", "s", template, "$util.toJson(1)")
    return compile_resolver(spec, {"s": Canned(1)}, library)


@pytest.mark.rule("RES-30")
async def test_the_templates_of_a_request_have_a_time_altogether() -> None:
    clock = SystemClock()
    resolver, shared, began = looping(clock), Shared(), clock.processor()

    async def again_and_again() -> None:
        while True:
            assert await resolver.resolve(Context({}, Info("field", "Query"), shared=shared)) == 1

    with pytest.raises(ResolverError, match="have run for too long") as failed:
        await again_and_again()
    assert clock.processor() - began > 0.04
    assert failed.value.error_type == "MappingTemplate"
    assert await resolver.resolve(Context({}, Info("field", "Query"))) == 1


@pytest.mark.rule("RES-30")
async def test_a_template_that_takes_long_is_stopped() -> None:
    clock = SystemClock()
    resolver, began = looping(clock, LONG), clock.processor()
    with pytest.raises(ResolverError, match="have run for too long"):
        await resolver.resolve(Context(NUMBERS, Info("field", "Query")))
    assert 0.04 < clock.processor() - began < 0.5


class Starved(SystemClock):
    """A second passes whenever the monotonic clock is looked at, for others: this thread is seldom on the processor."""

    at = 0.0

    def monotonic(self) -> float:
        self.at += 1.0
        return self.at


@pytest.mark.rule("RES-30")
async def test_templates_do_not_pay_for_others_on_the_processor() -> None:
    resolver, shared = looping(Starved()), Shared()
    for _ in range(20):
        assert await resolver.resolve(Context({}, Info("field", "Query"), shared=shared)) == 1
    with pytest.raises(ResolverError, match="have run for too long"):
        await looping(Starved(), LONG).resolve(Context(NUMBERS, Info("field", "Query")))
