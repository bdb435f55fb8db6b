// `@aws-appsync/utils/dynamodb`: requests for DynamoDB data sources from plain values.
syncline.makers.dynamodb = (host) => {
  "use strict";
  const { reject, module } = host;
  const { toDynamoDB, toMapValues, marked } = module("typed");
  const { expressionOf } = module("transform");
  const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isOperation = (value) => isMap(value) && typeof value.type === "string" && value.type.startsWith("OPERATION_");
  const BESIDE = ["equalsIgnore", "consistentRead", "conditionalCheckFailedHandler"];

  function pick(found, from, names) {
    for (const name of names) if (from[name] !== undefined && from[name] !== null) found[name] = from[name];
    return found;
  }

  // A copy of a condition or filter object: the members that are no operators stay beside the expression.
  function condition(given) {
    let operators = given;
    if (BESIDE.some((name) => given[name] !== undefined)) {
      operators = { ...given };
      for (const name of BESIDE) delete operators[name];
    }
    return pick(expressionOf(operators), given, BESIDE);
  }

  function projection(paths) {
    const names = {};
    let count = 0;
    const written = paths.map((path) =>
      path
        .split(".")
        .map((part) => {
          const [, name, index] = /^([^[]*)(.*)$/.exec(part);
          count += 1;
          names[`#projName_${count}`] = name;
          return `#projName_${count}${index}`;
        })
        .join("."),
    );
    return { expression: written.join(", "), expressionNames: names };
  }

  const WRITE = ["customPartitionKey", "populateIndexFields", "_version"];

  function keyed(operation, given) {
    if (!isMap(given) || !isMap(given.key)) reject(`A key is expected to be passed to ${operation}.`);
    return { operation, key: toMapValues(given.key) };
  }

  function conditioned(found, given) {
    if (given.condition !== undefined && given.condition !== null) found.condition = condition(given.condition);
    return pick(found, given, WRITE);
  }

  function get(given) {
    const found = pick(keyed("GetItem", given), given, ["consistentRead"]);
    if (given.projection) found.projection = projection(given.projection);
    return found;
  }

  function put(given) {
    const found = keyed("PutItem", given);
    found.attributeValues = toMapValues(given.item);
    return conditioned(found, given);
  }

  function update(given) {
    const found = keyed("UpdateItem", given);
    found.update = updateOf(given.update);
    return conditioned(found, given);
  }

  function remove(given) {
    return conditioned(keyed("DeleteItem", given), given);
  }

  // --- update expressions

  function updateOf(changes) {
    if (!isMap(changes)) reject("An update is expected to be an object.");
    const written = { sets: [], removes: [], names: {}, values: {}, nameCount: 0, valueCount: 0 };
    members(changes, "", written);
    const parts = [];
    if (written.sets.length > 0) parts.push("SET " + written.sets.join(", "));
    if (written.removes.length > 0) parts.push("REMOVE " + written.removes.join(", "));
    const found = { expression: parts.join(" "), expressionNames: written.names };
    if (written.valueCount > 0) found.expressionValues = written.values;
    return found;
  }

  function members(changes, path, written) {
    for (const name in changes) {
      const change = changes[name];
      if (change === undefined) continue;
      written.nameCount += 1;
      const label = `#expName_${written.nameCount}`;
      written.names[label] = name;
      apply(change, path + label, written);
    }
  }

  function apply(change, place, written) {
    if (typeof change !== "object" || change === null) {
      written.sets.push(`${place} = ${value(change, written)}`);
    } else if (isOperation(change)) {
      if (!Object.hasOwn(APPLIED, change.type)) reject(`Unsupported operation ${change.type}.`);
      APPLIED[change.type](change, place, written);
    } else if (Array.isArray(change) && change.length > 0 && change.every(isOperation)) {
      for (const each of change) apply(each, place, written);
    } else if (isMap(change) && Object.getOwnPropertySymbols(change).length === 0) {
      members(change, `${place}.`, written);
    } else {
      written.sets.push(`${place} = ${value(change, written)}`);
    }
  }

  function value(plain, written) {
    written.valueCount += 1;
    const label = `:expValue_${written.valueCount}`;
    written.values[label] = toDynamoDB(plain);
    return label;
  }

  const APPLIED = {
    OPERATION_ADD: (change, place, written) => written.sets.push(`${place} = ${value(change.value, written)}`),
    OPERATION_REPLACE: (change, place, written) => written.sets.push(`${place} = ${value(change.value, written)}`),
    OPERATION_INCREMENT: (change, place, written) =>
      written.sets.push(`${place} = ${place} + ${value(change.by, written)}`),
    OPERATION_DECREMENT: (change, place, written) =>
      written.sets.push(`${place} = ${place} - ${value(change.by, written)}`),
    OPERATION_APPEND: (change, place, written) =>
      written.sets.push(`${place} = list_append(${place}, ${value(change.items, written)})`),
    OPERATION_PREPEND: (change, place, written) =>
      written.sets.push(`${place} = list_append(${value(change.items, written)}, ${place})`),
    OPERATION_REMOVE: (change, place, written) => written.removes.push(place),
    OPERATION_UPDATE_LIST_ITEM: (change, place, written) =>
      written.sets.push(`${place}[${Number(change.index)}] = ${value(change.value, written)}`),
  };

  const operations = Object.freeze({
    add: (given) => ({ type: "OPERATION_ADD", value: given }),
    replace: (given) => ({ type: "OPERATION_REPLACE", value: given }),
    increment: (by = 1) => ({ type: "OPERATION_INCREMENT", by }),
    decrement: (by = 1) => ({ type: "OPERATION_DECREMENT", by }),
    append: (items) => ({ type: "OPERATION_APPEND", items }),
    prepend: (items) => ({ type: "OPERATION_PREPEND", items }),
    remove: () => ({ type: "OPERATION_REMOVE" }),
    updateListItem: (given, index) => ({ type: "OPERATION_UPDATE_LIST_ITEM", value: given, index }),
  });

  // --- reading many

  const PAGE = ["limit", "nextToken", "index", "consistentRead", "select", "totalSegments", "segment", "scanIndexForward"];

  function paged(found, given) {
    pick(found, given, PAGE);
    if (given.filter !== undefined && given.filter !== null) found.filter = expressionOf(given.filter);
    if (given.projection) found.projection = projection(given.projection);
    return found;
  }

  const KEY_OPERATORS = { eq: "=", lt: "<", le: "<=", gt: ">", ge: ">=" };

  function queryOf(keys) {
    if (!isMap(keys)) reject("A query is expected to be an object.");
    const names = {};
    const values = {};
    let valueCount = 0;
    const label = (each) => {
      valueCount += 1;
      values[`:expValue_${valueCount}`] = toDynamoDB(each);
      return `:expValue_${valueCount}`;
    };
    const parts = Object.entries(keys).flatMap(([name, operators], at) => {
      if (!isMap(operators)) reject(`the condition of ${name} must be a map of operators`);
      const subject = `#expName_${at + 1}`;
      names[subject] = name;
      return Object.entries(operators).map(([operator, operand]) => {
        if (Object.hasOwn(KEY_OPERATORS, operator)) return `${subject} ${KEY_OPERATORS[operator]} ${label(operand)}`;
        if (operator === "beginsWith") return `begins_with(${subject}, ${label(operand)})`;
        if (operator === "between" && Array.isArray(operand) && operand.length === 2) {
          return `${subject} BETWEEN ${label(operand[0])} AND ${label(operand[1])}`;
        }
        return reject(`Unsupported condition ${name}.${operator}.`);
      });
    });
    return { expression: parts.join(" AND "), expressionNames: names, expressionValues: values };
  }

  const scan = (given) => paged({ operation: "Scan" }, given ?? {});

  function query(given) {
    if (!isMap(given)) reject("An argument is expected to be passed to query.");
    return paged({ operation: "Query", query: queryOf(given.query) }, given);
  }

  function sync(given) {
    const found = pick({ operation: "Sync" }, given ?? {}, [
      "limit", "nextToken", "lastSync", "basePartitionKey", "deltaIndexName",
    ]);
    if (given && given.filter) found.filter = expressionOf(given.filter);
    return found;
  }

  // --- batches and transactions

  const mapped = (tables, each) => Object.fromEntries(Object.entries(tables).map(([name, one]) => [name, each(one)]));
  const tablesOf = (given) => (isMap(given) && isMap(given.tables) ? given.tables : reject("tables are expected."));

  function batchGet(given) {
    const tables = mapped(tablesOf(given), (each) => {
      const found = pick({ keys: each.keys.map(toMapValues) }, each, ["consistentRead"]);
      if (each.projection) found.projection = projection(each.projection);
      return found;
    });
    return { operation: "BatchGetItem", tables };
  }

  const batch = (operation) => (given) => ({
    operation,
    tables: mapped(tablesOf(given), (each) => each.map(toMapValues)),
  });

  const itemsOf = (given) => (isMap(given) && Array.isArray(given.items) ? given.items : reject("items are expected."));

  function transactGet(given) {
    const transactItems = itemsOf(given).map(({ table, key, projection: paths }) => {
      const found = { table, key: toMapValues(key) };
      if (paths) found.projection = projection(paths);
      return found;
    });
    return { operation: "TransactGetItems", transactItems };
  }

  function transactCondition({ returnValuesOnConditionCheckFailure, ...operators }) {
    return pick(expressionOf(operators), { returnValuesOnConditionCheckFailure }, ["returnValuesOnConditionCheckFailure"]);
  }

  const TRANSACTIONS = {
    putItem: ["PutItem", (given) => ({ attributeValues: toMapValues(given.item) })],
    updateItem: ["UpdateItem", (given) => ({ update: updateOf(given.update) })],
    deleteItem: ["DeleteItem", () => ({})],
    conditionCheck: ["ConditionCheck", () => ({})],
  };

  function transactWrite(given) {
    const transactItems = itemsOf(given).map((each) => {
      const [name, members] = Object.entries(each)[0] ?? [];
      if (!Object.hasOwn(TRANSACTIONS, name)) reject(`Unsupported transaction item ${name}.`);
      const [operation, rest] = TRANSACTIONS[name];
      const found = { table: members.table, operation, key: toMapValues(members.key), ...rest(members) };
      if (members.condition) found.condition = transactCondition(members.condition);
      return found;
    });
    return { operation: "TransactWriteItems", transactItems };
  }

  return Object.freeze({
    get, put, update, remove, scan, query, sync, batchGet, transactGet, transactWrite, operations,
    batchPut: batch("BatchPutItem"),
    batchDelete: batch("BatchDeleteItem"),
    toStringSet: (values) => marked({ SS: values }),
    toNumberSet: (values) => marked({ NS: values }),
    toBinarySet: (values) => marked({ BS: values }),
  });
};
