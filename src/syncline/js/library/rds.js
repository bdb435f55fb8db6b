// `@aws-appsync/utils/rds`: SQL statements from plain values, for PostgreSQL and MySQL, and their results as rows.
syncline.makers.rds = (host) => {
  "use strict";
  const { reject, parse } = host;
  const KIND = Symbol("kind");
  const COMPARISONS = { eq: "=", ne: "!=", gt: ">", ge: ">=", lt: "<", le: "<=" };
  const LIKES = { contains: ["LIKE", "%", "%"], notContains: ["NOT LIKE", "", ""], beginsWith: ["LIKE", "", "%"] };
  const HINTS = ["DECIMAL", "JSON", "TIMESTAMP", "TIME", "UUID", "DATE"];
  const STATEMENTS_MAX = 2;
  const absent = (value) => value === undefined || value === null;
  const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

  function tagged(kind, members) {
    return Object.defineProperty(members, KIND, { value: kind });
  }

  // One numbering of variables over all statements of a request.
  class Writer {
    constructor(dialect) {
      this.dialect = dialect;
      this.quote = dialect === "pg" ? '"' : "`";
      this.variables = {};
      this.hints = {};
      this.count = 0;
    }

    bind(value) {
      if (absent(value)) return "NULL";
      const label = `:P${this.count}`;
      this.count += 1;
      if (isMap(value) && value[KIND] === "hint") {
        this.hints[label] = value.type;
        this.variables[label] = value.value;
      } else {
        this.variables[label] = value;
      }
      return label;
    }

    name(text) {
      const quote = this.quote;
      return String(text)
        .split(".")
        .map((part) => quote + part.split(quote).join(quote + quote) + quote)
        .join(".");
    }
  }

  // --- parts of statements

  function tableOf(given, writer, canBeFrom) {
    if (canBeFrom && !absent(given.from)) {
      if (!absent(given.table)) reject("'from' and 'table' keys cannot be used together");
      if (typeof given.from !== "string" && !isMap(given.from)) reject("'from' value is expected to be string or object.");
    }
    const table = given.table ?? (canBeFrom ? given.from : undefined);
    if (absent(table)) reject("'table' or 'from' key is required.");
    if (typeof table === "string") return writer.name(table);
    if (!isMap(table)) return reject("table name is expected to be a string or alias.");
    const pairs = Object.entries(table);
    if (pairs.length !== 1) reject("table alias is allowed only one key-value pair.");
    const [[alias, name]] = pairs;
    if (typeof name !== "string") reject("Table alias value is expected to be a string.");
    // AWS does this: the alias comes first.
    return `${writer.name(alias)} as ${writer.name(name)}`;
  }

  function columnsOf(columns, writer) {
    if (absent(columns) || columns === "*") return "*";
    if (!Array.isArray(columns)) return reject("Expected column to be * or an array.");
    return columns
      .map((each) => {
        if (typeof each !== "string") reject("Invalid type in column array.");
        return each === "*" ? "*" : writer.name(each);
      })
      .join(", ");
  }

  function orderOf(orders, writer) {
    if (!Array.isArray(orders)) reject("orderBy expects an array.");
    return orders
      .map((each) => {
        if (!isMap(each)) reject("orderBy item expected to be an object.");
        if (absent(each.column)) reject("orderBy item expected to have property column.");
        const direction = typeof each.dir === "string" ? each.dir.toUpperCase() : "ASC";
        if (direction !== "ASC" && direction !== "DESC") {
          reject(`orderBy dir can have either ASC or DESC found ${each.dir}.`);
        }
        return `${writer.name(each.column)} ${direction}`;
      })
      .join(", ");
  }

  function countOf(value, name) {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number !== "number" || Number.isNaN(number)) reject(`${name} expects a number.`);
    return number;
  }

  function returningOf(given, writer) {
    if (absent(given.returning)) return "";
    if (writer.dialect === "mysql") reject("returning is not supported in MySQL.");
    return ` RETURNING ${columnsOf(given.returning, writer)}`;
  }

  // --- conditions

  function whereOf(where, writer) {
    if (absent(where)) return "";
    if (!isMap(where)) return reject("WHERE values are expected to be SQL templates or a condition object.");
    if (where[KIND] === "sql") return ` WHERE ${fill(where, writer)}`;
    const found = conditions(where, writer);
    return found === "" ? "" : ` WHERE ${found}`;
  }

  function conditions(where, writer) {
    if (!isMap(where)) reject("Expected condition to be an Object.");
    return Object.entries(where)
      .map(([name, value]) => condition(name, value, writer))
      .filter((each) => each !== "")
      .join(" AND ");
  }

  function condition(name, value, writer) {
    if (name === "and" || name === "or") {
      if (!Array.isArray(value)) reject(`${name} expects conditions to be an array`);
      return value
        .map((each) => {
          if (!isMap(each)) reject(`Expected ${name} to be an Object.`);
          return `(${conditions(each, writer)})`;
        })
        .join(` ${name.toUpperCase()} `);
    }
    if (name === "not" && Array.isArray(value)) return `NOT (${value.map((each) => conditions(each, writer)).join(" AND ")})`;
    if (!isMap(value)) reject("Expected condition to be an Object.");
    return Object.entries(value)
      .map(([operator, operand]) => comparison(name, writer.name(name), operator, operand, writer))
      .join(" AND ");
  }

  function comparison(name, subject, operator, operand, writer) {
    const place = `${name}.${operator}`;
    if (Object.hasOwn(COMPARISONS, operator)) {
      if (absent(operand)) reject(`Value for ${place} can't be null.`);
      return `${subject} ${COMPARISONS[operator]} ${writer.bind(operand)}`;
    }
    if (Object.hasOwn(LIKES, operator)) {
      if (typeof operand !== "string") reject(`${place} expects a string value to be passed.`);
      const [word, before, after] = LIKES[operator];
      return `${subject} ${word} ${writer.bind(before + operand + after)}`;
    }
    if (operator === "attributeExists") {
      if (typeof operand !== "boolean") reject(`${place} expects a boolean value to be passed.`);
      return `${subject} IS ${operand ? "NOT " : ""}NULL`;
    }
    if (operator === "between") {
      if (!Array.isArray(operand)) reject(`${place} condition expects an array with length of 2.`);
      if (operand.length !== 2) {
        reject(`${place} condition expects an array with 2 values but received an array with length ${operand.length}.`);
      }
      return `${subject} BETWEEN ${writer.bind(operand[0])} AND ${writer.bind(operand[1])}`;
    }
    if (operator === "size") return sizeOf(name, subject, operand, writer);
    return reject(`Unsupported condition ${place}.`);
  }

  function sizeOf(name, subject, operand, writer) {
    if (!isMap(operand)) reject(`Expected ${name}.size to be an Object.`);
    return Object.entries(operand)
      .map(([operator, value]) => {
        if (!Object.hasOwn(COMPARISONS, operator) && operator !== "between") reject(`${name}.size has invalid size operator.`);
        return comparison(`${name}.size`, `LENGTH (${subject})`, operator, value, writer);
      })
      .join(" AND ");
  }

  // --- statements

  const WRITTEN = {
    select(given, writer) {
      const columns = columnsOf(given.columns, writer);
      let text = `SELECT ${columns === "" ? "" : `${columns} `}FROM ${tableOf(given, writer, true)}`;
      text += whereOf(given.where, writer);
      if (!absent(given.groupBy)) text += ` GROUP BY ${columnsOf(given.groupBy, writer)}`;
      if (!absent(given.orderBy)) {
        const order = orderOf(given.orderBy, writer);
        if (order !== "") text += ` ORDER BY ${order}`;
      }
      if (!absent(given.limit)) text += ` LIMIT ${writer.bind(countOf(given.limit, "limit"))}`;
      if (!absent(given.offset)) text += ` OFFSET ${writer.bind(countOf(given.offset, "offset"))}`;
      return text;
    },
    insert(given, writer) {
      const table = tableOf(given, writer, false);
      const values = Object.entries(valuesOf(given, "insert"));
      const columns = values.map(([name]) => writer.name(name)).join(", ");
      const bound = values.map(([, value]) => writer.bind(value)).join(", ");
      return `INSERT INTO ${table} (${columns}) VALUES (${bound})${returningOf(given, writer)}`;
    },
    update(given, writer) {
      const table = tableOf(given, writer, false);
      const values = Object.entries(valuesOf(given, "update"));
      const sets = values.map(([name, value]) => `${writer.name(name)} = ${writer.bind(value)}`).join(", ");
      return `UPDATE ${table} SET ${sets}${whereOf(given.where, writer)}${returningOf(given, writer)}`;
    },
    remove(given, writer) {
      const table = tableOf(given, writer, false);
      return `DELETE FROM ${table}${whereOf(given.where, writer)}${returningOf(given, writer)}`;
    },
  };

  function valuesOf(given, statement) {
    if (absent(given.values)) reject(`values are expected to be passed to ${statement}`);
    if (!isMap(given.values)) reject("Expected values to an Object.");
    return given.values;
  }

  const UNWRITTEN = ["having", "join", "innerJoin", "leftJoin", "rightJoin", "fullOuterJoin", "leftOuterJoin"];

  const statement = (kind) => (given) => {
    if (absent(given)) reject(`An argument is expected to be passed to ${kind}`);
    if (!isMap(given)) reject("Expected payload to be an Object.");
    for (const name of UNWRITTEN) if (!absent(given[name])) reject(`${kind} with ${name} is not supported`);
    return tagged(kind, { ...given });
  };

  function sql(strings, ...values) {
    return tagged("sql", { strings: [...strings], values });
  }

  function fill(template, writer) {
    return template.strings.reduce((text, part, at) => text + writer.bind(template.values[at - 1]) + part);
  }

  function write(given, writer, name) {
    if (typeof given === "string") return given;
    const kind = isMap(given) ? given[KIND] : undefined;
    if (kind === "sql") return fill(given, writer);
    if (!Object.hasOwn(WRITTEN, kind ?? "")) reject(`Unsupported type is passed as argument to ${name}`);
    return WRITTEN[kind](given, writer);
  }

  const request = (dialect, name) => (...given) => {
    const writer = new Writer(dialect);
    if (absent(given[0])) reject(`An argument is expected to be passed to ${name}`);
    if (given.length > STATEMENTS_MAX) reject(`${name} accepts at most ${STATEMENTS_MAX} statements.`);
    const statements = given.filter((each) => !absent(each)).map((each) => write(each, writer, name));
    return { statements, variableMap: writer.variables, variableTypeHintMap: writer.hints };
  };

  const typeHint = {};
  for (const type of HINTS) typeHint[type] = (value) => tagged("hint", { type, value });

  // --- results

  const SCALARS = ["longValue", "doubleValue", "stringValue", "booleanValue", "blobValue"];

  function unwrap(field) {
    for (const name of SCALARS) if (!absent(field[name])) return field[name];
    return isMap(field.arrayValue) ? elements(field.arrayValue) : null;
  }

  function elements(array) {
    if (Array.isArray(array.arrayValues)) return array.arrayValues.map(elements);
    const list = Object.values(array).find(Array.isArray);
    return list ?? [];
  }

  function rowsOf(result) {
    // AWS does this: a statement without records is one row without columns.
    if (!Array.isArray(result.records) || result.records.length === 0) return [{}];
    return result.records.map((record) => {
      const row = {};
      record.forEach((field, at) => {
        const column = (result.columnMetadata ?? [])[at] ?? {};
        const value = field.isNull === true ? null : unwrap(field);
        if (value !== null) row[column.label || column.name] = value;
      });
      return row;
    });
  }

  function toJsonObject(given) {
    try {
      const result = typeof given === "string" ? parse(given) : given;
      return result.sqlStatementResults.map(rowsOf);
    } catch {
      return null;
    }
  }

  return Object.freeze({
    select: statement("select"),
    insert: statement("insert"),
    update: statement("update"),
    remove: statement("remove"),
    sql,
    typeHint: Object.freeze(typeHint),
    toJsonObject,
    createPgStatement: request("pg", "createPgStatement"),
    createMySQLStatement: request("mysql", "createMySQLStatement"),
  });
};
