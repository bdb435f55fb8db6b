"""What resolvers cost: a get and a list over HTTP in VTL and JavaScript, a query never seen, an API's memory.

And in process what handlers cost. For: `run`, part `resolvers`. The resolvers of mercurius and yoga return what they
hold already; ours read a table.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import deployment
import emulators
import frames
import peers
from processes import Running, free_port, load, server, syncline
from rows import Row, medians

from syncline.core import Meter, SystemClock, SystemIds
from syncline.datasources import Context, Info
from syncline.resolvers import Library
from syncline.resolvers.code import Code, CodeHandler
from syncline.resolvers.handler import TemplateHandler

CONNECTIONS = 32
ITEMS = 100
SCHEMA = deployment.SCHEMA.replace(
    "type Query {", "type Query { scripted(id: ID!): DataItem listDataItems: [DataItem!]! first(id: ID): DataItem "
)
SCRIPT = """
export function request(ctx) {
  return { operation: 'GetItem', key: { id: { S: ctx.args.id } } }
}
export const response = (ctx) => ctx.result
"""
QUERY = """{ "version": "2018-05-29", "operation": "Query", "limit": 100,
  "query": { "expression": "kind = :k", "expressionValues": { ":k": { "S": "list" } } } }"""
SCRIPTED = frames.GET.replace("getDataItem", "scripted")
PAIR = """
import { util } from '@aws-appsync/utils'
export function request(ctx) {
  return { operation: 'GetItem', key: util.dynamodb.toMapValues({ id: ctx.args.id }) }
}
export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type)
  return { ...ctx.result, title: ctx.result.title.trim() }
}
"""
LIST = "query L { listDataItems { id title content timestamp version } }"


def measure(repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Figures by what was asked and of whom."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(repeats):
        with syncline() as running:
            api = deploy(running)
            for what, query in (("get, VTL", frames.GET), ("get, JS", SCRIPTED), ("list", LIST)):
                variables = {} if what == "list" else {"id": "0123456789"}
                request = frames.post("resolvers", running.port, api.path, query, variables, api.key)
                figures = load("http", running.port, CONNECTIONS, 2, running.pids, request)
                found.setdefault(what, []).append(figures)
        for name in ("mercurius", "yoga"):
            port = free_port()
            with server(name, peers.node(name, port), port) as running:
                for what, query in (("get", frames.GET), ("list", LIST)):
                    variables = {} if what == "list" else {"id": "0123456789"}
                    request = frames.post(name, port, "/graphql", query, variables)
                    figures = load("http", port, CONNECTIONS, 2, running.pids, request)
                    found.setdefault(f"{name} {what}", []).append(figures)
        found.setdefault("simulator get", []).append(emulators.simulator())
        found.setdefault("ministack get", []).append(emulators.ministack(SCRIPTED, SCHEMA, SCRIPT))
    return found


def deploy(running: Running) -> deployment.Api:
    """The API of the benches, a field in JavaScript and a list of a hundred items beside it."""
    deployment.deploy_table(running.port)
    api = deployment.deploy_api(running.port)
    appsync, dynamodb = deployment.clients(running.port, "appsync", "dynamodb")
    api_id = api.path.rpartition("/")[2]
    appsync.start_schema_creation(apiId=api_id, definition=SCHEMA.encode())
    dynamodb.create_table(
        TableName="list",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("kind", "id")],
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(ITEMS):
        item = {**deployment.ITEM, "kind": {"S": "list"}, "id": {"S": f"{number:010}"}}
        dynamodb.put_item(TableName="list", Item=item)
    table = {"tableName": "list", "awsRegion": "us-east-1"}
    role = "arn:aws:iam::000000000000:role/bench"
    appsync.create_data_source(
        apiId=api_id, name="List", type="AMAZON_DYNAMODB", serviceRoleArn=role, dynamodbConfig=table
    )
    runtime = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
    place = {"apiId": api_id, "typeName": "Query"}
    appsync.create_resolver(**place, fieldName="scripted", dataSourceName="Table", runtime=runtime, code=SCRIPT)
    appsync.create_resolver(
        **place,
        fieldName="listDataItems",
        dataSourceName="List",
        requestMappingTemplate=QUERY,
        responseMappingTemplate="$util.toJson($ctx.result.items)",
    )
    return api


class Handlers(NamedTuple):
    """What handlers cost in process, in µs: the recipe's templates each, and a JavaScript request and response."""

    templates: dict[str, float]
    pair: float


def handlers() -> Handlers:
    """CPU of one evaluation, the best of several rounds."""
    clock, ids, meter = SystemClock(), SystemIds(), Meter(out=None)
    library = Library(clock, ids, meter).for_api()
    values = {"id": "0123456789", "input": {"title": "t" * 30, "content": "c" * 90}}
    result = {"id": "0123456789", "title": "t" * 60, "content": "c" * 110, "version": 3}

    def context() -> Context:
        return Context(values, Info("getDataItem", "Query", values), result=result)

    texts = {"get": deployment.GET, "create": deployment.CREATE, "list": QUERY, "result": deployment.RESULT}
    templates = {name: TemplateHandler(text, name, library) for name, text in texts.items()}
    code = Code(PAIR, "Query.pair", library)
    request, response = CodeHandler(code, "request", library), CodeHandler(code, "response", library)

    async def measured() -> Handlers:
        async def both() -> None:
            await request.evaluate(context())
            await response.evaluate(context())

        each = {name: await _cpu_us(lambda at=one: at.evaluate(context())) for name, one in templates.items()}
        return Handlers(each, await _cpu_us(both))

    return asyncio.run(measured())


async def _cpu_us(work: Callable[[], Awaitable[Any]], rounds: int = 7, count: int = 2000) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(count):
            await work()
        best = min(best, (time.process_time() - began) / count * 1e6)
    return best


def first_query_ms(count: int) -> float:
    """The median time of a query that the server has never seen, over an open connection."""
    with syncline() as running:
        api = deploy(running)
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
        times = []
        for number in range(count):
            query = f"query N{number}($id: ID!) {{ a{number}: getDataItem(id: $id) {{ id title b{number}: content }} }}"
            body = json.dumps({"query": query, "variables": {"id": "0123456789"}})
            began = time.perf_counter()
            connection.request("POST", api.path, body, {"x-api-key": api.key, "content-type": "application/json"})
            answer = connection.getresponse().read()
            times.append((time.perf_counter() - began) * 1000)
            assert b'"errors"' not in answer, answer
        connection.close()
    return statistics.median(times)


def api_kb(count: int) -> float:
    """Resident memory that one more API costs: schema, key, source, two resolvers, one query answered."""
    with syncline() as running:
        appsync, *_ = deployment.clients(running.port, "appsync")
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
        _one_api(appsync, connection, "warm")
        before = running.resident_mb
        for number in range(count):
            _one_api(appsync, connection, str(number))
        grown = running.resident_mb - before
        connection.close()
    return grown * 1024 / count


def _one_api(appsync: Any, connection: http.client.HTTPConnection, name: str) -> None:
    made = appsync.create_graphql_api(name=name, authenticationType="API_KEY")["graphqlApi"]
    api_id = made["apiId"]
    key = appsync.create_api_key(apiId=api_id)["apiKey"]["id"]
    schema = deployment.SCHEMA.replace("DataItem ", f"DataItem{name} ").replace("DataItem\n", f"DataItem{name}\n")
    appsync.start_schema_creation(apiId=api_id, definition=schema.encode())
    appsync.create_data_source(apiId=api_id, name="None", type="NONE")
    for type_name, field_name in (("Query", "getDataItem"), ("Mutation", "publish")):
        appsync.create_resolver(
            apiId=api_id,
            typeName=type_name,
            fieldName=field_name,
            dataSourceName="None",
            requestMappingTemplate='{"version": "2018-05-29", "payload": $util.toJson($ctx.args)}',
            responseMappingTemplate=deployment.RESULT,
        )
    body = json.dumps({"query": '{ getDataItem(id: "1") { id } }'})
    connection.request("POST", f"/graphql/{api_id}", body, {"x-api-key": key, "content-type": "application/json"})
    answer = connection.getresponse().read()
    assert answer == b'{"data":{"getDataItem":{"id":"1"}}}', answer


def rows(quick: bool) -> list[Row]:
    """Gets and lists through resolvers beside peers; handlers in process; a query never seen; memory."""
    found = measure(1 if quick else 3)
    costs = {what: medians(runs)["cpu_us"] for what, runs in found.items()}
    rows = []
    for what, (peer, bar) in {
        "get, VTL": ("mercurius get", 2.5),
        "get, JS": ("mercurius get", 1.5),
        "list": ("mercurius list", 1.0),
        "list of 100": ("yoga list", 10.0),
        "get by VTL": ("simulator get", 30.0),
        "get by JS": ("ministack get", 10.0),
    }.items():
        ours = costs["list" if what.startswith("list") else what.replace(" by ", ", ")]
        ratio = costs[peer] / ours
        measured = f"{ours:.0f} µs CPU  {peer} {costs[peer]:.0f} µs  {ratio:.2f} ×"
        rows.append(Row(f"{what}, beside {peer}", measured, f"≥ {bar:g} ×", ratio >= bar))
    cost = handlers()
    slowest = max(cost.templates.values())
    shown = "  ".join(f"{name} {each:.1f}" for name, each in cost.templates.items())
    rows.append(Row("render of the recipe's templates", f"{shown} µs", "≤ 25 µs each", slowest <= 25))
    rows.append(Row("JS request and response", f"{cost.pair:.1f} µs", "≤ 45 µs", cost.pair <= 45))
    first, memory = first_query_ms(50), api_kb(100 if quick else 1000)
    rows.append(Row("first request of a never-seen query", f"p50 {first:.2f} ms", "≤ 3 ms", first <= 3))
    rows.append(Row("memory of one more API", f"{memory:.0f} KB", "≤ 300 KB", memory <= 300))
    return rows
