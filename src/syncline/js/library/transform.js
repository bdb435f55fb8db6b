// `util.transform`: filters as GraphQL inputs have them, as expressions and queries of others.
syncline.makers.transform = (host) => {
  "use strict";
  const { reject, stringify, module } = host;
  const { toDynamoDB } = module("typed");
  const COMPARISONS = { eq: "=", ne: "<>", le: "<=", lt: "<", ge: ">=", gt: ">" };
  const CALLS = { contains: "contains", notContains: "NOT contains", beginsWith: "begins_with" };
  const TYPES = {
    _null: "NULL", string: "S", stringSet: "SS", number: "N", numberSet: "NS", binary: "B", binarySet: "BS",
    boolean: "BOOL", list: "L", map: "M",
  };
  const GROUPS_MAX = 1000;
  const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

  const SIMPLE = /^\w+$/;
  const simple = new Set();

  // A condition or filter as DynamoDB's expression with its names and values.
  function expressionOf(condition) {
    const found = { expression: "", expressionNames: {}, expressionValues: {} };
    const parts = members(condition, "", found);
    found.expression = parts.length === 1 ? `(${parts[0]})` : parts.map((each) => `(${each})`).join(" AND ");
    return found;
  }

  // The placeholder of a field. Most fields' names can be part of one; those that did are remembered.
  function nameOf(field, names) {
    if (simple.has(field)) {
      names["#" + field] = field;
      return field;
    }
    if (SIMPLE.test(field)) {
      if (simple.size < 1000) simple.add(field);
      names["#" + field] = field;
      return field;
    }
    let short = field.replaceJs(/\W/g, "_");
    while (Object.hasOwn(names, "#" + short) && names["#" + short] !== field) short += "_";
    names["#" + short] = field;
    return short;
  }

  function valueOf(label, value, found) {
    found.expressionValues[label] = toDynamoDB(value);
    return label;
  }

  const joined = (parts, glue) => (parts.length === 1 ? parts[0] : parts.map((each) => `(${each})`).join(glue));

  // The members of a condition, none in parentheses: DynamoDB refuses two pairs around one thing.
  function members(each, path, found) {
    if (!isMap(each)) reject("a condition must be a map");
    const parts = [];
    for (const name in each) parts.push(member(name, each[name], path, found));
    return parts;
  }

  function conditions(each, path, found) {
    return joined(members(each, path, found), " AND ");
  }

  function member(name, value, path, found) {
    if (name === "and" || name === "or") {
      const parts = Array.isArray(value) ? value : [value];
      const written = parts.map((each, at) => conditions(each, `${path}${name}_${at}_`, found));
      return joined(written, ` ${name.toUpperCase()} `);
    }
    if (name === "not") return `NOT (${conditions(value, `${path}not_`, found)})`;
    if (!isMap(value)) reject(`the condition of ${name} must be a map of operators`);
    const short = nameOf(name, found.expressionNames);
    const parts = [];
    for (const operator in value) parts.push(operation(name, short, "#" + short, operator, value[operator], path, found));
    return parts.length === 1 ? parts[0] : parts.join(" AND ");
  }

  function operation(field, short, subject, operator, operand, path, found) {
    const label = `:${path}${short}_${operator}`;
    if (Object.hasOwn(COMPARISONS, operator)) {
      return `${subject} ${COMPARISONS[operator]} ${valueOf(label, operand, found)}`;
    }
    if (operator === "attributeExists") return `attribute_${operand === true ? "exists" : "not_exists"}(${subject})`;
    if (Object.hasOwn(CALLS, operator)) return `${CALLS[operator]}(${subject},${valueOf(label, operand, found)})`;
    if (operator === "attributeType") {
      return `attribute_type(${subject},${valueOf(label, TYPES[operand] ?? operand, found)})`;
    }
    if (operator === "between" && Array.isArray(operand) && operand.length === 2) {
      const [low, high] = operand;
      return `${subject} BETWEEN ${valueOf(`${label}_1`, low, found)} AND ${valueOf(`${label}_2`, high, found)}`;
    }
    if (operator === "in" && Array.isArray(operand)) {
      return `${subject} IN (${operand.map((each, at) => valueOf(`${label}_${at + 1}`, each, found)).join(", ")})`;
    }
    if (operator === "size" && isMap(operand)) {
      return Object.entries(operand)
        .map(([inner, value]) => operation(field, `${short}_size`, `size(${subject})`, inner, value, path, found))
        .join(" AND ");
    }
    return reject(`Unsupported condition ${field}.${operator}.`);
  }

  // --- subscription filters: groups are OR, the filters of a group AND

  function expand(condition, ignored) {
    if (!isMap(condition)) reject("a filter must be a map");
    let groups = [[]];
    for (const [name, value] of Object.entries(condition)) {
      if (name === "and") {
        for (const each of value) groups = cross(groups, expand(each, ignored));
      } else if (name === "or") {
        const alternatives = value.flatMap((each) => expand(each, ignored)).filter((group) => group.length > 0);
        if (alternatives.length > 0) groups = cross(groups, alternatives);
      } else if (!ignored.includes(name)) {
        groups = cross(groups, filtersOf(name, value).map((each) => [each]));
      }
    }
    return groups;
  }

  function cross(groups, alternatives) {
    if (groups.length * alternatives.length > GROUPS_MAX) {
      reject("a filter may expand to at most 1,000 groups");
    }
    return groups.flatMap((group) => alternatives.map((each) => [...group, ...each]));
  }

  function filtersOf(fieldName, operators) {
    return Object.entries(operators).map(([operator, value]) => ({ fieldName, operator, value }));
  }

  function toSubscriptionFilter(condition, ignored, rules) {
    let groups = expand(condition, ignored ?? []);
    const extra = Object.entries(rules ?? {}).flatMap(([name, operators]) => filtersOf(name, operators));
    if (extra.length > 0) groups = groups.flatMap((group) => extra.map((rule) => [...group, rule]));
    return { filterGroup: groups.map((filters) => ({ filters })) };
  }

  // --- OpenSearch

  const CLAUSES = {
    eq: (field, value) => ({ term: { [field]: value } }),
    ne: (field, value) => ({ bool: { must_not: { term: { [field]: value } } } }),
    range: (field, [gte, lte]) => ({ range: { [field]: { gte, lte } } }),
    exists: (field, value) => {
      const found = { exists: { field } };
      return value === true ? found : { bool: { must_not: found } };
    },
    multiMatch: (field, value) => ({ multi_match: { [field]: value } }),
    matchPhrase: (field, value) => ({ match_phrase: { [field]: value } }),
    matchPhrasePrefix: (field, value) => ({ match_phrase_prefix: { [field]: value } }),
  };
  for (const name of ["match", "wildcard", "regexp"]) CLAUSES[name] = (field, value) => ({ [name]: { [field]: value } });
  for (const name of ["gt", "gte", "lt", "lte"]) {
    CLAUSES[name] = (field, value) => ({ range: { [field]: { [name]: value } } });
  }

  const must = (parts) => (parts.length === 1 ? parts[0] : { bool: { must: parts } });

  function query(condition) {
    if (!isMap(condition)) reject("a filter must be a map");
    return must(Object.entries(condition).map(([name, value]) => clause(name, value)));
  }

  function clause(name, value) {
    if (name === "and") return must(value.map(query));
    if (name === "or") return { bool: { should: value.map(query), minimum_should_match: 1 } };
    if (name === "not") return { bool: { must_not: query(value) } };
    return must(
      Object.entries(value).map(([operator, operand]) => {
        if (!Object.hasOwn(CLAUSES, operator)) reject(`Unsupported condition ${name}.${operator}.`);
        return CLAUSES[operator](name, operand);
      }),
    );
  }

  const transform = {
    toDynamoDBFilterExpression: (condition) => stringify(expressionOf(condition)),
    toDynamoDBConditionExpression: (condition) => stringify(expressionOf(condition)),
    toElasticsearchQueryDSL: (condition) => stringify(query(condition)),
    toSubscriptionFilter,
  };
  Object.defineProperty(transform, "expressionOf", { value: expressionOf, enumerable: false });
  return transform;
};
