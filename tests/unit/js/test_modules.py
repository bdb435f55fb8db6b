"""The `dynamodb` and `rds` modules: requests and statements as recorded from AWS."""

from collections.abc import Callable
from typing import Any

import pytest

Value = Callable[..., Any]


def updated(expression: str, names: dict[str, str], values: dict[str, Any] | None) -> dict[str, Any]:
    update: dict[str, Any] = {"expression": expression, "expressionNames": names}
    if values is not None:
        update["expressionValues"] = values
    return {"operation": "UpdateItem", "key": {"id": {"S": "test"}}, "update": update}


N1, V1 = "#expName_1", ":expValue_1"


@pytest.mark.rule("JS-9")
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ddb.get({ key: { id: 'id' } })", {"operation": "GetItem", "key": {"id": {"S": "id"}}}),
        (
            "ddb.put({ key: { id: 'abc' }, item: { value: 10 } })",
            {"operation": "PutItem", "key": {"id": {"S": "abc"}}, "attributeValues": {"value": {"N": 10}}},
        ),
        ("ddb.remove({ key: { id: 'a' } })", {"operation": "DeleteItem", "key": {"id": {"S": "a"}}}),
        ("ddb.scan({ limit: 10, nextToken: 'abc' })", {"operation": "Scan", "limit": 10, "nextToken": "abc"}),
        ("ddb.scan({})", {"operation": "Scan"}),
        ("ddb.operations.add(10)", {"type": "OPERATION_ADD", "value": 10}),
        ("ddb.operations.replace(10)", {"type": "OPERATION_REPLACE", "value": 10}),
        ("ddb.operations.increment()", {"type": "OPERATION_INCREMENT", "by": 1}),
        ("ddb.operations.decrement(2)", {"type": "OPERATION_DECREMENT", "by": 2}),
        ("ddb.operations.append([1])", {"type": "OPERATION_APPEND", "items": [1]}),
        ("ddb.operations.prepend([1])", {"type": "OPERATION_PREPEND", "items": [1]}),
        (
            "ddb.query({ query: { pk: { eq: 'a' }, sk: { beginsWith: 'b' } }, limit: 5, scanIndexForward: false })",
            {
                "operation": "Query",
                "query": {
                    "expression": "#expName_1 = :expValue_1 AND begins_with(#expName_2, :expValue_2)",
                    "expressionNames": {"#expName_1": "pk", "#expName_2": "sk"},
                    "expressionValues": {":expValue_1": {"S": "a"}, ":expValue_2": {"S": "b"}},
                },
                "limit": 5,
                "scanIndexForward": False,
            },
        ),
        (
            "ddb.put({ key: { id: '1' }, item: { tags: ddb.toStringSet(['a']), n: ddb.toNumberSet([1]) } })"
            ".attributeValues",
            {"tags": {"SS": ["a"]}, "n": {"NS": [1]}},
        ),
        (
            "ddb.batchGet({ tables: { t: { keys: [{ id: 1 }], consistentRead: true } } })",
            {"operation": "BatchGetItem", "tables": {"t": {"keys": [{"id": {"N": 1}}], "consistentRead": True}}},
        ),
        (
            "ddb.batchPut({ tables: { t: [{ id: '1' }] } })",
            {"operation": "BatchPutItem", "tables": {"t": [{"id": {"S": "1"}}]}},
        ),
        (
            "ddb.batchDelete({ tables: { t: [{ id: '1' }] } })",
            {"operation": "BatchDeleteItem", "tables": {"t": [{"id": {"S": "1"}}]}},
        ),
        (
            "ddb.transactGet({ items: [{ table: 't', key: { id: '1' } }] })",
            {"operation": "TransactGetItems", "transactItems": [{"table": "t", "key": {"id": {"S": "1"}}}]},
        ),
        (
            "ddb.transactWrite({ items: [{ putItem: { table: 't', key: { id: '1' }, item: { a: 1 } } }, "
            "{ conditionCheck: { table: 't', key: { id: '2' }, condition: { a: { eq: 1 } } } }] }).transactItems",
            [
                {
                    "table": "t",
                    "operation": "PutItem",
                    "key": {"id": {"S": "1"}},
                    "attributeValues": {"a": {"N": 1}},
                },
                {
                    "table": "t",
                    "operation": "ConditionCheck",
                    "key": {"id": {"S": "2"}},
                    "condition": {
                        "expression": "(#a = :a_eq)",
                        "expressionNames": {"#a": "a"},
                        "expressionValues": {":a_eq": {"N": 1}},
                    },
                },
            ],
        ),
        (
            "ddb.get({ key: { id: '1' }, projection: ['a', 'b.c[0]'] }).projection",
            {
                "expression": "#projName_1, #projName_2.#projName_3[0]",
                "expressionNames": {"#projName_1": "a", "#projName_2": "b", "#projName_3": "c"},
            },
        ),
    ],
)
def test_dynamodb_requests(value: Value, expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.rule("JS-9")
@pytest.mark.parametrize(
    ("change", "expression", "typed"),
    [
        ("10", f"SET {N1} = {V1}", {"N": 10}),
        ("ddb.operations.add(10)", f"SET {N1} = {V1}", {"N": 10}),
        ("ddb.operations.replace(10)", f"SET {N1} = {V1}", {"N": 10}),
        ("ddb.operations.increment(10)", f"SET {N1} = {N1} + {V1}", {"N": 10}),
        ("ddb.operations.decrement(10)", f"SET {N1} = {N1} - {V1}", {"N": 10}),
        ("ddb.operations.append([1, 2])", f"SET {N1} = list_append({N1}, {V1})", {"L": [{"N": 1}, {"N": 2}]}),
        ("ddb.operations.prepend([1, 2])", f"SET {N1} = list_append({V1}, {N1})", {"L": [{"N": 1}, {"N": 2}]}),
        ("ddb.operations.remove()", f"REMOVE {N1}", None),
        ("[ddb.operations.updateListItem('x', 1)]", f"SET {N1}[1] = {V1}", {"S": "x"}),
    ],
)
def test_update_expressions(value: Value, change: str, expression: str, typed: Any) -> None:
    found = value(f"ddb.update({{ key: {{ id: 'test' }}, update: {{ age: {change} }} }})")
    assert found == updated(expression, {N1: "age"}, None if typed is None else {V1: typed})


@pytest.mark.rule("JS-9")
def test_a_nested_object_updates_the_keys_given(value: Value) -> None:
    found = value("ddb.update({ key: { id: 'test' }, update: { info: { a: 1, b: ddb.operations.remove() }, c: 2 } })")
    names = {"#expName_1": "info", "#expName_2": "a", "#expName_3": "b", "#expName_4": "c"}
    expression = "SET #expName_1.#expName_2 = :expValue_1, #expName_4 = :expValue_2 REMOVE #expName_1.#expName_3"
    assert found == updated(expression, names, {":expValue_1": {"N": 1}, ":expValue_2": {"N": 2}})


PERSONS = "table: 'persons'"
STATEMENTS = [
    (f"rds.select({{ {PERSONS} }})", 'SELECT * FROM "persons"'),
    ("rds.select({ from: 'private.persons' })", 'SELECT * FROM "private"."persons"'),
    (f"rds.select({{ {PERSONS}, columns: ['id', 'persons.name'] }})", 'SELECT "id", "persons"."name" FROM "persons"'),
    (f"rds.select({{ {PERSONS}, columns: [] }})", 'SELECT FROM "persons"'),
    ("rds.select({ table: { p: 'persons' } })", 'SELECT * FROM "p" as "persons"'),
    (
        "rds.select({ table: 'UserGroup', columns: ['id', 'name'], where: { or: [{ name: { eq: 'Stephane' } }, "
        "{ id: { gt: 10 } }] }, orderBy: [{ column: 'name' }, { column: 'id', dir: 'DESC' }], limit: 10, offset: 1 })",
        'SELECT "id", "name" FROM "UserGroup" WHERE ("name" = :P0) OR ("id" > :P1) ORDER BY "name" ASC, "id" DESC '
        "LIMIT :P2 OFFSET :P3",
    ),
    (
        f"rds.insert({{ {PERSONS}, values: {{ name: 'test', country: null }} }})",
        'INSERT INTO "persons" ("name", "country") VALUES (:P0, NULL)',
    ),
    (
        f"rds.insert({{ {PERSONS}, values: {{ name: 'x' }}, returning: ['id', 'name'] }})",
        'INSERT INTO "persons" ("name") VALUES (:P0) RETURNING "id", "name"',
    ),
    (
        f"rds.update({{ {PERSONS}, values: {{ active: false }}, where: {{ age: {{ between: [18, 65] }} }} }})",
        'UPDATE "persons" SET "active" = :P0 WHERE "age" BETWEEN :P1 AND :P2',
    ),
    (
        f"rds.remove({{ {PERSONS}, where: {{ id: {{ eq: 1 }} }}, returning: ['id'] }})",
        'DELETE FROM "persons" WHERE "id" = :P0 RETURNING "id"',
    ),
    (f"rds.select({{ {PERSONS}, where: {{}} }})", 'SELECT * FROM "persons"'),
    (f"rds.select({{ {PERSONS}, where: rds.sql`id = ${{1}}` }})", 'SELECT * FROM "persons" WHERE id = :P0'),
    (
        f"rds.select({{ {PERSONS}, where: {{ name: {{ size: {{ between: [2, 8] }} }} }} }})",
        'SELECT * FROM "persons" WHERE LENGTH ("name") BETWEEN :P0 AND :P1',
    ),
    (
        f"rds.select({{ {PERSONS}, where: {{ id: {{ eq: 1 }}, or: [{{ a: {{ eq: 1 }} }}, {{ or: [{{ b: {{ eq: 1 }} }}, "
        "{ c: { eq: 1 } }] }, { d: { eq: 1 } }] } })",
        'SELECT * FROM "persons" WHERE "id" = :P0 AND ("a" = :P1) OR (("b" = :P2) OR ("c" = :P3)) OR ("d" = :P4)',
    ),
    (
        f"rds.select({{ {PERSONS}, where: {{ count: {{ le: 1 }}, and: [{{ id: {{ eq: 2 }} }}], "
        "deleted: { attributeExists: false } } })",
        'SELECT * FROM "persons" WHERE "count" <= :P0 AND ("id" = :P1) AND "deleted" IS NULL',
    ),
]


@pytest.mark.rule("JS-10")
@pytest.mark.parametrize(("expression", "text"), STATEMENTS)
def test_statements(value: Value, expression: str, text: str) -> None:
    found = value(f"rds.createPgStatement({expression})")
    assert found["statements"] == [text]
    assert set(found) == {"statements", "variableMap", "variableTypeHintMap"}
    if "RETURNING" not in text:
        mysql = value(f"rds.createMySQLStatement({expression})")
        assert mysql["statements"] == [text.replace('"', "`")]


@pytest.mark.rule("JS-10")
@pytest.mark.parametrize(
    ("condition", "bound"),
    [("beginsWith: 'te'", "te%"), ("contains: 'te'", "%te%"), ("notContains: 'te'", "te")],
)
def test_likes(value: Value, condition: str, bound: str) -> None:
    found = value(f"rds.createPgStatement(rds.select({{ {PERSONS}, where: {{ name: {{ {condition} }} }} }}))")
    assert "LIKE :P0" in found["statements"][0]
    assert found["variableMap"] == {":P0": bound}


@pytest.mark.rule("JS-10")
def test_two_statements_share_one_numbering(value: Value) -> None:
    found = value(
        "rds.createPgStatement(rds.sql`insert into a values(${rds.typeHint.UUID('abc123')}, ${'x'})`, "
        "rds.sql`select * from a where id = ${1}`)"
    )
    assert found == {
        "statements": ["insert into a values(:P0, :P1)", "select * from a where id = :P2"],
        "variableMap": {":P0": "abc123", ":P1": "x", ":P2": 1},
        "variableTypeHintMap": {":P0": "UUID"},
    }
    assert value("rds.typeHint.UUID('abc123')") == {"type": "UUID", "value": "abc123"}
    assert value("rds.createPgStatement('select 1')")["statements"] == ["select 1"]


@pytest.mark.rule("JS-10")
def test_results_as_rows(value: Value) -> None:
    result = (
        "{ sqlStatementResults: [{ columnMetadata: [{ name: 'a', label: 'A' }, { name: 'b' }, { name: 'c' }], "
        "records: "
        "[[{ longValue: 1 }, { isNull: true }, { arrayValue: { stringValues: ['x'] } }]] }, "
        "{ numberOfRecordsUpdated: 1 }] }"
    )
    assert value(f"rds.toJsonObject({result})") == [[{"A": 1, "c": ["x"]}], [{}]]
    assert value(f"util.rds.toJsonObject(JSON.stringify({result}))")[0] == [{"A": 1, "c": ["x"]}]
    assert value("rds.toJsonObject('nope')") is None


def select(members: str) -> str:
    return f"rds.createPgStatement(rds.select({{ {members} }}))"


@pytest.mark.rule("JS-10")
@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (select(""), "'table' or 'from' key is required."),
        (select("table: 'a', from: 'b'"), "'from' and 'table' keys cannot be used together"),
        (select("from: 1"), "'from' value is expected to be string or object."),
        (select("table: 1"), "table name is expected to be a string or alias."),
        (select("table: { a: 'b', c: 'd' }"), "table alias is allowed only one key-value pair."),
        (select("table: { a: 1 }"), "Table alias value is expected to be a string."),
        (f"rds.createPgStatement(rds.insert({{ {PERSONS} }}))", "values are expected to be passed to insert"),
        (f"rds.createPgStatement(rds.update({{ {PERSONS} }}))", "values are expected to be passed to update"),
        (f"rds.createPgStatement(rds.insert({{ {PERSONS}, values: [] }}))", "Expected values to an Object."),
        ("rds.select(1)", "Expected payload to be an Object."),
        ("rds.select()", "An argument is expected to be passed to select"),
        ("rds.remove()", "An argument is expected to be passed to remove"),
        ("rds.createPgStatement()", "An argument is expected to be passed to createPgStatement"),
        ("rds.createPgStatement({})", "Unsupported type is passed as argument to createPgStatement"),
        (select(f"{PERSONS}, columns: 'a'"), "Expected column to be * or an array."),
        (select(f"{PERSONS}, columns: [1]"), "Invalid type in column array."),
        (
            f"rds.createMySQLStatement(rds.remove({{ {PERSONS}, where: {{ id: {{ eq: 1 }} }}, returning: ['id'] }}))",
            "returning is not supported in MySQL.",
        ),
        (select(f"{PERSONS}, orderBy: 'a'"), "orderBy expects an array."),
        (select(f"{PERSONS}, orderBy: ['a']"), "orderBy item expected to be an object."),
        (select(f"{PERSONS}, orderBy: [{{}}]"), "orderBy item expected to have property column."),
        (
            select(f"{PERSONS}, orderBy: [{{ column: 'a', dir: 'X' }}]"),
            "orderBy dir can have either ASC or DESC found X.",
        ),
        (select(f"{PERSONS}, limit: 'a'"), "limit expects a number."),
        (select(f"{PERSONS}, offset: 'a'"), "offset expects a number."),
        (select(f"{PERSONS}, where: {{ a: 1 }}"), "Expected condition to be an Object."),
        (select(f"{PERSONS}, where: {{ and: 1 }}"), "and expects conditions to be an array"),
        (select(f"{PERSONS}, where: {{ or: [1] }}"), "Expected or to be an Object."),
        (select(f"{PERSONS}, where: 1"), "WHERE values are expected to be SQL templates or a condition object."),
        (select(f"{PERSONS}, where: {{ name: {{ bogus: 1 }} }}"), "Unsupported condition name.bogus."),
        (select(f"{PERSONS}, where: {{ id: {{ in: [1] }} }}"), "Unsupported condition id.in."),
        (select(f"{PERSONS}, where: {{ id: {{ eq: null }} }}"), "Value for id.eq can't be null."),
        (
            select(f"{PERSONS}, where: {{ name: {{ contains: 1 }} }}"),
            "name.contains expects a string value to be passed.",
        ),
        (
            select(f"{PERSONS}, where: {{ name: {{ attributeExists: 1 }} }}"),
            "name.attributeExists expects a boolean value to be passed.",
        ),
        (
            select(f"{PERSONS}, where: {{ age: {{ between: 1 }} }}"),
            "age.between condition expects an array with length of 2.",
        ),
        (
            select(f"{PERSONS}, where: {{ age: {{ between: [1] }} }}"),
            "age.between condition expects an array with 2 values but received an array with length 1.",
        ),
        (select(f"{PERSONS}, where: {{ name: {{ size: 1 }} }}"), "Expected name.size to be an Object."),
        (select(f"{PERSONS}, where: {{ name: {{ size: {{ in: 1 }} }} }}"), "name.size has invalid size operator."),
    ],
)
def test_validation_messages(rejected: Callable[[str], str], expression: str, message: str) -> None:
    assert rejected(expression) == message
