// A program written with ElectroDB, unmodified: entities in one table, indexes, collections, conditions, transactions.
// usage: node electro.mjs ENDPOINT
import assert from "node:assert/strict";
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import { Entity, Service } from "electrodb";

const [endpoint] = process.argv.slice(2);
const client = new DynamoDBClient({ endpoint, region: "us-east-1", credentials: { accessKeyId: "any", secretAccessKey: "any" } });
const table = "electro";
const key = (name, type) => ({ AttributeName: name, KeyType: type });
await client.send(new CreateTableCommand({
  TableName: table,
  AttributeDefinitions: ["pk", "sk", "gsi1pk", "gsi1sk"].map((name) => ({ AttributeName: name, AttributeType: "S" })),
  KeySchema: [key("pk", "HASH"), key("sk", "RANGE")],
  GlobalSecondaryIndexes: [{ IndexName: "gsi1", KeySchema: [key("gsi1pk", "HASH"), key("gsi1sk", "RANGE")], Projection: { ProjectionType: "ALL" } }],
  BillingMode: "PAY_PER_REQUEST",
}));
await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 10 }, { TableName: table });

const indexes = (own) => ({
  primary: { pk: { field: "pk", composite: [own] }, sk: { field: "sk", composite: [] } },
  assigned: { collection: "assignments", index: "gsi1", pk: { field: "gsi1pk", composite: ["employee"] }, sk: { field: "gsi1sk", composite: [own] } },
});
const employees = new Entity({
  model: { entity: "employee", version: "1", service: "taskapp" },
  attributes: {
    employee: { type: "string", required: true },
    salary: { type: "number" },
    skills: { type: "set", items: "string" },
    address: { type: "map", properties: { city: { type: "string" }, streets: { type: "list", items: { type: "string" } } } },
  },
  indexes: { ...indexes("employee") },
}, { client, table });
const tasks = new Entity({
  model: { entity: "task", version: "1", service: "taskapp" },
  attributes: {
    task: { type: "string", required: true },
    employee: { type: "string", required: true },
    points: { type: "number", default: 1 },
    status: { type: ["open", "done"], default: "open" },
  },
  indexes: { ...indexes("task") },
}, { client, table });
const app = new Service({ employees, tasks });

await employees.create({ employee: "ann", salary: 10, skills: ["a", "b"], address: { city: "Oslo", streets: ["x"] } }).go();
await assert.rejects(employees.create({ employee: "ann" }).go(), /conditional/i);
await employees.patch({ employee: "ann" }).add({ salary: 5 }).delete({ skills: ["b"] }).append({ "address.streets": ["y"] }).set({ "address.city": "Bergen" }).go();
const ann = (await employees.get({ employee: "ann" }).go()).data;
assert.deepEqual(ann, { employee: "ann", salary: 15, skills: ["a"], address: { city: "Bergen", streets: ["x", "y"] } });

await tasks.put(Array.from({ length: 40 }, (_, n) => ({ task: `t${String(n).padStart(2, "0")}`, employee: "ann", points: n }))).go();
const some = await tasks.query.assigned({ employee: "ann" }).gte({ task: "t35" }).where(({ points }, { lt }) => lt(points, 38)).go();
assert.deepEqual(some.data.map((task) => task.task), ["t35", "t36", "t37"]);
let cursor = null, seen = 0, pages = 0;
do {
  const page = await tasks.query.assigned({ employee: "ann" }).go({ limit: 7, cursor });
  [cursor, seen, pages] = [page.cursor, seen + page.data.length, pages + 1];
} while (cursor);
assert.equal(seen, 40);
assert.ok(pages >= 6);
const both = await app.collections.assignments({ employee: "ann" }).go({ pages: "all" });
assert.deepEqual([both.data.employees.length, both.data.tasks.length], [1, 40]);
assert.equal((await tasks.get([{ task: "t01" }, { task: "t02" }, { task: "none" }]).go()).data.length, 2);

const done = await app.transaction.write(({ employees, tasks }) => [
  tasks.update({ task: "t01" }).set({ status: "done" }).where(({ status }, { eq }) => eq(status, "open")).commit(),
  employees.update({ employee: "ann" }).add({ salary: 1 }).commit(),
]).go();
assert.equal(done.canceled, false);
const again = await app.transaction.write(({ employees, tasks }) => [
  tasks.update({ task: "t01" }).set({ status: "done" }).where(({ status }, { eq }) => eq(status, "open")).commit({ response: "all_old" }),
  employees.update({ employee: "ann" }).add({ salary: 1 }).commit(),
]).go();
assert.equal(again.canceled, true);
assert.deepEqual(again.data.map((entry) => entry.code), ["ConditionalCheckFailed", "None"]);
assert.equal(again.data[0].item.status, "done");
const read = await app.transaction.get(({ employees, tasks }) => [
  employees.get({ employee: "ann" }).commit(), tasks.get({ task: "t01" }).commit(),
]).go();
assert.deepEqual([read.data[0].item.salary, read.data[1].item.status], [16, "done"]);
await tasks.delete({ task: "t01" }).go();
assert.equal((await tasks.get({ task: "t01" }).go()).data, null);
console.log("done");
