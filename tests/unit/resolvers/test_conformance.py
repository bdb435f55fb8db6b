"""The numbered cases C47 to C94: what AppSync documents, or was recorded to do, of `$util`, results and APPSYNC_JS.

C1 to C46 are the language itself, in `vtl`; C94 is of Event APIs, in `events`.
"""

from typing import Any

import pytest

from syncline.core import json
from syncline.datasources import Context, DataSource, Info
from syncline.js import CodeRefused, read
from syncline.resolvers import FunctionSpec, Library, ResolverError, ResolverSpec, compile_resolver, evaluate_code
from syncline.resolvers import evaluate_template as evaluate

Sources = dict[str, DataSource]
RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
ARGUMENTS = {"id": "123", "n": 5, "f": 2.5, "nul": None, "list": ["a", "b", "c"], "size": "SZ"}
CONTEXT = json.encode({"arguments": ARGUMENTS}).decode()
IMPORTS = (
    "import { util, runtime, extensions } from '@aws-appsync/utils';"
    "import * as ddb from '@aws-appsync/utils/dynamodb'; import * as rds from '@aws-appsync/utils/rds';\n"
)
TITLE = (
    '{"expression":"(contains(#title,:title_contains))","expressionNames":{"#title":"title"},'
    '"expressionValues":{":title_contains":{"S":"Hello World"}}}'
)
VERSION = (
    '{"expression":"(attribute_exists(#id)) AND (#version = :version_eq)","expressionNames":{"#id":"id",'
    '"#version":"version"},"expressionValues":{":version_eq":{"N":10}}}'
)


def group(*filters: tuple[str, str, int]) -> dict[str, Any]:
    return {"filters": [{"fieldName": name, "operator": operator, "value": value} for name, operator, value in filters]}


RENDERED = [
    (
        "C47",
        '$util.time.epochMilliSecondsToFormatted(1517943695758,"yyyy-MM-dd HH:mm:ssZ","+08:00")',
        "2018-02-07 03:01:35+0800",
    ),
    ("C48", '$util.time.parseISO8601ToEpochMilliSeconds("2018-02-01T17:21:05.180+08:00")', "1517476865180"),
    ("C49", '$util.urlEncode("a b&c")', "a+b%26c"),
    ("C50", "$util.dynamodb.toDynamoDBJson($ctx.args.n)", '{"N":5}'),
    ("C51", "$util.dynamodb.toNullJson()", '{"NULL":null}'),
    ("C52", '$util.dynamodb.toStringSetJson(["foo","bar"])', '{"SS":["foo","bar"]}'),
    ("C53", '$util.transform.toDynamoDBFilterExpression({"title":{"contains":"Hello World"}})', TITLE),
    ("C61", '$util.toJson($util.map.copyAndRetainAllKeys({"a":1,"b":2},["a"]))', '{"a":1}'),
    ("C62", "$util.toJson($util.list.copyAndRemoveAll([1,2,3],[2]))", "[1,3]"),
    ("C63", '$util.toJson($util.xml.toMap("<p><id>1</id><id>2</id></p>"))', '{"p":{"id":[1,2]}}'),
    (
        "C64",
        '$util.toJson($util.transform.toSubscriptionFilter({"a":{"eq":1,"ge":5},"b":{"eq":2}}))',
        json.encode(
            {"filterGroup": [group(("a", "eq", 1), ("b", "eq", 2)), group(("a", "ge", 5), ("b", "eq", 2))]}
        ).decode(),
    ),
]


@pytest.mark.rule("RES-12")
@pytest.mark.parametrize(("number", "template", "text"), RENDERED, ids=[case[0] for case in RENDERED])
def test_a_template_writes(library: Library, number: str, template: str, text: str) -> None:
    assert evaluate(template, CONTEXT, library)["evaluationResult"] == text


async def field(library: Library, sources: Sources, request: str, response: str) -> tuple[Any, Context]:
    context = Context(dict(ARGUMENTS), Info("field", "Query"))
    spec = ResolverSpec("Query", "field", "UNIT", "none", request, response)
    return await compile_resolver(spec, sources, library).resolve(context), context


NONE = '{"version":"2018-05-29","payload":null}'
FAILING = [
    (
        "C56",
        '{"a":1,"a":2}',
        ("Duplicate field 'a' detected on Object. Duplicate JSON keys are not allowed.", "MappingTemplate", None),
    ),
    (
        "C57",
        '{"a":1}x',
        ("Trailing characters at the end of the JSON string are not allowed.", "MappingTemplate", None),
    ),
    ("C58", '$util.error("no","E1",{"x":1},{"y":2})', ("no", "E1", {"y": 2})),
    ("C60", '$util.validate(false,"bad")', ("bad", "CustomTemplateException", None)),
]


@pytest.mark.rule("RES-6")
@pytest.mark.parametrize(("number", "response", "failure"), FAILING, ids=[case[0] for case in FAILING])
async def test_a_field_fails(library: Library, sources: Sources, number: str, response: str, failure: Any) -> None:
    with pytest.raises(ResolverError) as failed:
        await field(library, sources, NONE, response)
    assert (failed.value.message, failed.value.error_type, failed.value.error_info) == failure


@pytest.mark.rule("RES-5")
async def test_c54_return_in_a_unit_request(library: Library, sources: Sources) -> None:
    value, context = await field(library, sources, '#return({"a":1})', "{}")
    assert (value, context.rendered) == ({"a": 1}, None)


@pytest.mark.rule("RES-5")
async def test_c55_return_in_the_first_of_two_functions(library: Library, sources: Sources) -> None:
    steps = (
        FunctionSpec("1", "one", "none", "#return", "{}"),
        FunctionSpec(
            "2", "two", "none", '{"version":"2018-05-29","payload":{"seen":$util.toJson($ctx.prev.result)}}',
            "$util.toJson($ctx.result)",
        ),
    )  # fmt: skip
    spec = ResolverSpec("Query", "field", "PIPELINE", None, "{}", "$util.toJson($ctx.prev.result)", functions=steps)
    context = Context({}, Info("field", "Query"))
    assert await compile_resolver(spec, sources, library).resolve(context) == {"seen": None}


@pytest.mark.rule("RES-6")
async def test_c59_an_appended_error(library: Library, sources: Sources) -> None:
    value, context = await field(library, sources, NONE, '$util.appendError("warn","W")$util.toJson({"id":"1"})')
    assert value == {"id": "1"}
    assert [each["errorType"] for each in context.out_errors] == ["W"]


GROUP = (
    "rds.select({table:'UserGroup', columns:['id','name'], where:{or:[{name:{eq:'Stephane'}},{id:{gt:10}}]}, "
    "orderBy:[{column:'name'},{column:'id',dir:'DESC'}], limit:10, offset:1})"
)
GROUP_SQL = (
    'SELECT "id", "name" FROM "UserGroup" WHERE ("name" = :P0) OR ("id" > :P1) '
    'ORDER BY "name" ASC, "id" DESC LIMIT :P2 OFFSET :P3'
)


def pg(statement: str) -> str:
    return f"rds.createPgStatement({statement})"


def update(change: str) -> str:
    return f"ddb.update({{key:{{id:'test'}}, update:{{{change}}}}}).update"


EVALUATED: list[tuple[str, str, Any]] = [
    ("C65", "ddb.get({key:{id:'id'}})", {"key": {"id": {"S": "id"}}, "operation": "GetItem"}),
    ("C66", "ddb.put({key:{id:'abc'}, item:{value:10}}).attributeValues", {"value": {"N": 10}}),
    (
        "C67",
        update("age: ddb.operations.increment(10)"),
        {
            "expression": "SET #expName_1 = #expName_1 + :expValue_1",
            "expressionNames": {"#expName_1": "age"},
            "expressionValues": {":expValue_1": {"N": 10}},
        },
    ),
    (
        "C68",
        update("values: ddb.operations.prepend([1,2,3])"),
        {
            "expression": "SET #expName_1 = list_append(:expValue_1, #expName_1)",
            "expressionNames": {"#expName_1": "values"},
            "expressionValues": {":expValue_1": {"L": [{"N": 1}, {"N": 2}, {"N": 3}]}},
        },
    ),
    ("C69", "ddb.operations.add(10)", {"type": "OPERATION_ADD", "value": 10}),
    ("C70", "ddb.scan({limit:10,nextToken:'abc'})", {"limit": 10, "nextToken": "abc", "operation": "Scan"}),
    ("C71", f"{pg(GROUP)}.statements", [GROUP_SQL]),
    ("C72", f"rds.createMySQLStatement({GROUP}).statements", [GROUP_SQL.replace('"', "`")]),
    (
        "C73",
        f"{pg('''rds.insert({table:'persons', values:{name:'test', country:null}})''')}.statements",
        ['INSERT INTO "persons" ("name", "country") VALUES (:P0, NULL)'],
    ),
    (
        "C74",
        pg("rds.select({table:'persons', where:{name:{beginsWith:'te'}}})"),
        {
            "statements": ['SELECT * FROM "persons" WHERE "name" LIKE :P0'],
            "variableMap": {":P0": "te%"},
            "variableTypeHintMap": {},
        },
    ),
    (
        "C75",
        f"{pg('''rds.select({table:'persons', where:{name:{size:{between:[2,8]}}}})''')}.statements",
        ['SELECT * FROM "persons" WHERE LENGTH ("name") BETWEEN :P0 AND :P1'],
    ),
    (
        "C79",
        pg("rds.sql`${rds.typeHint.UUID('u')}, ${'t'}`, rds.sql`${'u'}`"),
        {
            "statements": [":P0, :P1", ":P2"],
            "variableMap": {":P0": "u", ":P1": "t", ":P2": "u"},
            "variableTypeHintMap": {":P0": "UUID"},
        },
    ),
    (
        "C80",
        f"{pg('''rds.update({table:'persons', values:{active:false}, where:{age:{between:[18,65]}}})''')}.statements",
        ['UPDATE "persons" SET "active" = :P0 WHERE "age" BETWEEN :P1 AND :P2'],
    ),
    (
        "C81",
        "rds.toJsonObject(JSON.stringify({sqlStatementResults: [{numberOfRecordsUpdated: 1}]}))",
        [[{}]],
    ),
    ("C82", "rds.typeHint.UUID('abc123')", {"type": "UUID", "value": "abc123"}),
    (
        "C85",
        "util.transform.toDynamoDBConditionExpression({id:{attributeExists:true},version:{eq:10}})",
        VERSION,
    ),
    ("C88", "[3,1,2].sort()", [1, 2, 3]),
    ("C93", "'a1b2'.replaceAll('[0-9]', '')", "ab"),
]
REJECTED = [
    ("C76", pg("rds.select({table:'persons', where:{id:{in:[1]}}})"), "code.js:3:10: Unsupported condition id.in."),
    (
        "C77",
        pg("rds.select({table:'persons', where:{id:{eq:null}}})"),
        "code.js:3:10: Value for id.eq can't be null.",
    ),
    (
        "C78",
        "rds.createMySQLStatement(rds.remove({table:'persons', where:{id:{eq:1}}, returning:['id']}))",
        "code.js:3:10: returning is not supported in MySQL.",
    ),
    ("C83", "util.error('foo')", "foo"),
    ("C84", "util.unauthorized()", "Unauthorized"),
]


async def tried(library: Library, body: str) -> dict[str, Any]:
    code = f"{IMPORTS}export function request(ctx) {{\n  {body}\n}}\nexport const response = (ctx) => ctx.result;"
    return await evaluate_code(code, "request", CONTEXT, library)


@pytest.mark.rule("RES-18")
@pytest.mark.parametrize(("number", "expression", "value"), EVALUATED, ids=[case[0] for case in EVALUATED])
async def test_code_gives(library: Library, number: str, expression: str, value: Any) -> None:
    found = await tried(library, f"return {expression}")
    assert json.decode(found["evaluationResult"].encode()) == value


@pytest.mark.rule("RES-18")
@pytest.mark.parametrize(("number", "expression", "message"), REJECTED, ids=[case[0] for case in REJECTED])
async def test_code_ends_with(library: Library, number: str, expression: str, message: str) -> None:
    assert (await tried(library, f"return {expression}"))["error"] == {"message": message}


LINTED = [
    (
        "C86",
        "for (let i = 0; i < 3; i++) {}",
        {"For statements are not supported.", "The operator ++ is not supported"},
    ),
    ("C87 try", "try {} catch (e) {}", {"Try statements are not supported."}),
    ("C87 throw", "const f = x => { throw 1 }", {"Throw statements are not supported. Use util.error()."}),
    ("C87 regex", "return /a/", {"Regex literals are not supported."}),
    ("C87 class", "class A {}", {"Class declarations are not supported."}),
    ("C88 comparator", "return [3,1,2].sort((a, b) => a - b)", {"Method sort does not accept a comparator"}),
]


@pytest.mark.rule("JS-2")
@pytest.mark.parametrize(("number", "body", "messages"), LINTED, ids=[case[0] for case in LINTED])
def test_code_is_refused(number: str, body: str, messages: set[str]) -> None:
    with pytest.raises(CodeRefused) as refusal:
        read(f"export function request(ctx) {{ {body} }}\nexport const response = (ctx) => ctx.result;")
    assert {each.value for each in refusal.value.errors} == messages


def step(name: str, request: str, response: str = "return ctx.result", source: str = "none") -> FunctionSpec:
    code = f"{IMPORTS}export function request(ctx) {{ {request} }}\nexport function response(ctx) {{ {response} }}"
    return FunctionSpec(name, name, source, runtime=RUNTIME, code=code)


async def piped(library: Library, sources: Sources, *steps: FunctionSpec, request: str = "return {}") -> Any:
    code = f"{IMPORTS}export function request(ctx) {{ {request} }}\nexport const response = (ctx) => ctx.prev.result"
    spec = ResolverSpec("Query", "field", "PIPELINE", functions=steps, runtime=RUNTIME, code=code)
    return await compile_resolver(spec, sources, library).resolve(Context({}, Info("field", "Query")))


@pytest.mark.rule("RES-15")
@pytest.mark.parametrize(("number", "how", "value"), [("C89", "", {"seen": 1}), ("C90", ", {skipTo: 'END'}", {"x": 1})])
async def test_early_returns(library: Library, sources: Sources, number: str, how: str, value: Any) -> None:
    first = step("first", f"runtime.earlyReturn({{x: 1}}{how})", "util.error('the response ran')")
    second = step("second", "return {payload: {seen: ctx.prev.result.x}}")
    assert await piped(library, sources, first, second) == value


@pytest.mark.rule("JS-7")
async def test_c91_a_line_of_the_console(library: Library) -> None:
    lines = ["", "", "", "export function request(ctx) {", '  console.log("current id", "record-id")', "}"]
    code = "\n".join([*lines, "export const response = (ctx) => ctx.result"])
    found = await evaluate_code(code, "request", CONTEXT, library)
    assert found["logs"] == ['INFO - code.js:5:3: "current id" "record-id"']


@pytest.mark.rule("RES-14")
async def test_c92_the_stash(library: Library, sources: Sources) -> None:
    only = step("only", "ctx.stash.a = 1; return {}", "return ctx.stash.a")
    assert await piped(library, sources, only) == 1


# --- every function that the sheets name is there

TEMPLATE_FUNCTIONS = """
toJson parseJson escapeJavaScript urlEncode urlDecode base64Encode base64Decode autoId autoUlid autoKsuid isNull
isNullOrEmpty isNullOrBlank defaultIfNull defaultIfNullOrEmpty defaultIfNullOrBlank isString isNumber isBoolean
isList isMap typeOf matches authType error appendError validate unauthorized qr quiet log.info log.debug log.error
time.nowISO8601 time.nowEpochSeconds time.nowEpochMilliSeconds time.nowFormatted
time.parseFormattedToEpochMilliSeconds time.parseISO8601ToEpochMilliSeconds time.epochMilliSecondsToSeconds
time.epochMilliSecondsToISO8601 time.epochMilliSecondsToFormatted list.copyAndRetainAll list.copyAndRemoveAll
list.sortList map.copyAndRetainAllKeys map.copyAndRemoveAllKeys str.toUpper str.toLower str.toReplace str.normalize
math.roundNum math.minVal math.maxVal math.randomDouble math.randomWithinRange dynamodb.toDynamoDB dynamodb.toString
dynamodb.toStringSet dynamodb.toNumber dynamodb.toNumberSet dynamodb.toBinary dynamodb.toBinarySet
dynamodb.toBoolean dynamodb.toNull dynamodb.toList dynamodb.toMap dynamodb.toMapValues dynamodb.toS3Object
dynamodb.fromS3ObjectJson transform.toDynamoDBFilterExpression transform.toDynamoDBConditionExpression
transform.toElasticsearchQueryDSL transform.toSubscriptionFilter rds.toJsonObject rds.toJsonString http.copyHeaders
http.addResponseHeader http.addResponseHeaders xml.toMap xml.toJsonString
"""
TYPES = "toDynamoDB toString toStringSet toNumber toNumberSet toBinary toBinarySet toBoolean toNull toList toMap"
TWINS = [f"dynamodb.{name}Json" for name in [*TYPES.split(), "toMapValues", "toS3Object"]]


@pytest.mark.rule("RES-12")
@pytest.mark.parametrize("name", TEMPLATE_FUNCTIONS.split() + TWINS)
def test_a_template_has(library: Library, name: str) -> None:
    found = evaluate(f"#set($x = $util.{name}())x", CONTEXT, library)
    message = found.get("error", {}).get("message", "")
    assert "does not exist" not in message
    assert "not supported" not in message


CODE_FUNCTIONS = """
util.error util.appendError util.unauthorized util.escapeJavaScript util.urlEncode util.urlDecode util.base64Encode
util.base64Decode util.autoId util.autoUlid util.autoKsuid util.matches util.authType util.time.nowISO8601
util.time.nowEpochSeconds util.time.nowEpochMilliSeconds util.time.nowFormatted
util.time.parseFormattedToEpochMilliSeconds util.time.parseISO8601ToEpochMilliSeconds
util.time.epochMilliSecondsToSeconds util.time.epochMilliSecondsToISO8601 util.time.epochMilliSecondsToFormatted
util.dynamodb.toDynamoDB util.dynamodb.toString util.dynamodb.toStringSet util.dynamodb.toNumber
util.dynamodb.toNumberSet util.dynamodb.toBinary util.dynamodb.toBinarySet util.dynamodb.toBoolean
util.dynamodb.toNull util.dynamodb.toList util.dynamodb.toMap util.dynamodb.toMapValues util.dynamodb.toS3Object
util.dynamodb.fromS3ObjectJson util.transform.toDynamoDBFilterExpression
util.transform.toDynamoDBConditionExpression util.transform.toElasticsearchQueryDSL
util.transform.toSubscriptionFilter util.math.roundNum util.math.minVal util.math.maxVal util.math.randomDouble
util.math.randomWithinRange util.str.normalize util.rds.toJsonObject util.http.copyHeaders
util.http.addResponseHeader util.http.addResponseHeaders util.xml.toMap util.xml.toJsonString
extensions.evictFromApiCache extensions.setSubscriptionFilter extensions.setSubscriptionInvalidationFilter
extensions.invalidateSubscriptions runtime.earlyReturn console.log console.error ddb.get ddb.put ddb.update
ddb.remove ddb.scan ddb.query ddb.sync ddb.batchGet ddb.batchPut ddb.batchDelete ddb.transactGet ddb.transactWrite
ddb.operations.add ddb.operations.replace ddb.operations.increment ddb.operations.decrement ddb.operations.append
ddb.operations.prepend ddb.operations.remove ddb.operations.updateListItem ddb.toStringSet ddb.toNumberSet
ddb.toBinarySet rds.select rds.insert rds.update rds.remove rds.sql rds.toJsonObject rds.createPgStatement
rds.createMySQLStatement rds.typeHint.DECIMAL rds.typeHint.JSON rds.typeHint.TIMESTAMP rds.typeHint.TIME
rds.typeHint.UUID rds.typeHint.DATE Object.assign Object.entries Object.hasOwn Object.keys Object.values Math.random
Math.min Math.max Math.round Math.floor Math.ceil JSON.parse JSON.stringify Number.isFinite Number.isNaN
"""
METHODS = {
    "''": "charAt concat endsWith indexOf lastIndexOf replace replaceAll slice split startsWith toLowerCase "
    "toUpperCase trim trimEnd trimStart",
    "[]": "concat fill flat indexOf join lastIndexOf pop push reverse shift slice sort splice unshift forEach map "
    "flatMap filter reduce reduceRight find some every findIndex findLast findLastIndex includes",
}


@pytest.mark.rule("JS-8")
async def test_code_has(library: Library) -> None:
    names = CODE_FUNCTIONS.split() + [f"{owner}.{name}" for owner, listed in METHODS.items() for name in listed.split()]
    kinds = ", ".join(f'"{name}": typeof {name}' for name in names)
    found = await tried(library, f"return {{{kinds}}}")
    kinds_by_name = json.decode(found["evaluationResult"].encode())
    assert [name for name, kind in kinds_by_name.items() if kind != "function"] == []


@pytest.mark.rule("JS-8")
@pytest.mark.parametrize("name", ["toJson", "parseJson", "isNull", "defaultIfNull", "typeOf", "qr", "validate", "log"])
def test_code_has_not_what_only_templates_have(name: str) -> None:
    with pytest.raises(CodeRefused, match="one or more errors") as refusal:
        read(f"export const request = (ctx) => util.{name}(1)\nexport const response = (ctx) => ctx.result")
    assert f"Property '{name}' does not exist" in refusal.value.errors[0].value
