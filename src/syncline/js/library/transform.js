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

  // A condition or filter as DynamoDB's expression with its names and values.
  function expressionOf(condition) {
    const names = {};
    const values = {};
    const written = new Map();

    function nameOf(field) {
      let found = written.get(field);
      if (found === undefined) {
        found = field.replaceJs(/\W/g, "_");
        while (found !== field && Object.hasOwn(names, "#" + found)) found += "_";
        written.set(field, found);
        names["#" + found] = field;
      }
      return found;
    }

    function valueOf(label, value) {
      values[label] = toDynamoDB(value);
      return label;
    }

    // The members of a condition, none in parentheses: DynamoDB refuses two pairs around one thing.
    function members(each, path) {
      if (!isMap(each)) reject("a condition must be a map");
      return Object.entries(each).map(([name, value]) => member(name, value, path));
    }

    const joined = (parts, glue) => (parts.length === 1 ? parts[0] : parts.map((each) => `(${each})`).join(glue));
    const conditions = (each, path) => joined(members(each, path), " AND ");

    function member(name, value, path) {
      if (name === "and" || name === "or") {
        const parts = Array.isArray(value) ? value : [value];
        const written = parts.map((each, at) => conditions(each, `${path}${name}_${at}_`));
        return joined(written, ` ${name.toUpperCase()} `);
      }
      if (name === "not") return `NOT (${conditions(value, `${path}not_`)})`;
      if (!isMap(value)) reject(`the condition of ${name} must be a map of operators`);
      const short = nameOf(name);
      return Object.entries(value)
        .map(([operator, operand]) => operation(name, short, `#${short}`, operator, operand, path))
        .join(" AND ");
    }

    function operation(field, short, subject, operator, operand, path) {
      const label = `:${path}${short}_${operator}`;
      if (Object.hasOwn(COMPARISONS, operator)) return `${subject} ${COMPARISONS[operator]} ${valueOf(label, operand)}`;
      if (Object.hasOwn(CALLS, operator)) return `${CALLS[operator]}(${subject},${valueOf(label, operand)})`;
      if (operator === "attributeExists") return `attribute_${operand === true ? "exists" : "not_exists"}(${subject})`;
      if (operator === "attributeType") {
        return `attribute_type(${subject},${valueOf(label, TYPES[operand] ?? operand)})`;
      }
      if (operator === "between" && Array.isArray(operand) && operand.length === 2) {
        return `${subject} BETWEEN ${valueOf(`${label}_1`, operand[0])} AND ${valueOf(`${label}_2`, operand[1])}`;
      }
      if (operator === "in" && Array.isArray(operand)) {
        return `${subject} IN (${operand.map((each, at) => valueOf(`${label}_${at + 1}`, each)).join(", ")})`;
      }
      if (operator === "size" && isMap(operand)) {
        const size = `size(${subject})`;
        return Object.entries(operand)
          .map(([inner, value]) => operation(field, `${short}_size`, size, inner, value, path))
          .join(" AND ");
      }
      return reject(`Unsupported condition ${field}.${operator}.`);
    }

    const expression = members(condition, "")
      .map((each) => `(${each})`)
      .join(" AND ");
    return { expression, expressionNames: names, expressionValues: values };
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
