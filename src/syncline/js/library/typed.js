// `util.dynamodb`: plain values as DynamoDB's typed ones.
//
// N holds JSON numbers, as AppSync writes them.
syncline.makers.typed = (host) => {
  "use strict";
  const { reject, stringify, parse } = host;
  const TYPED = Symbol("typed");
  const MARKED = { [TYPED]: true };

  // A value that is typed already: a set, say, which plain JSON cannot say.
  function marked(value) {
    Object.defineProperty(value, TYPED, { value: true });
    return value;
  }

  function toDynamoDB(value) {
    switch (typeof value) {
      case "string":
        return { S: value };
      case "number":
        return { N: value };
      case "boolean":
        return { BOOL: value };
      case "object":
        if (value === null) return { NULL: null };
        if (Array.isArray(value)) return { L: value.map(toDynamoDB) };
        return value[TYPED] === MARKED[TYPED] ? value : { M: toMapValues(value) };
      default:
        return { NULL: null };
    }
  }

  function toMapValues(values) {
    const found = {};
    for (const name in values) {
      const value = values[name];
      if (value !== undefined) found[name] = toDynamoDB(value);
    }
    return found;
  }

  const wrap = (tag) => (value) => (value === undefined || value === null ? null : { [tag]: value });

  function toS3Object(key, bucket, region, version) {
    const s3 = { key, bucket, region };
    if (version !== undefined && version !== null) s3.version = version;
    return { S: stringify({ s3 }) };
  }

  function fromS3ObjectJson(text) {
    try {
      const { key, bucket, region, version } = parse(text).s3;
      return version === undefined ? { key, bucket, region } : { key, bucket, region, version };
    } catch {
      return reject("The text is not that of an S3 object.");
    }
  }

  const typed = {
    toDynamoDB, toMapValues, toS3Object, fromS3ObjectJson,
    toString: wrap("S"), toStringSet: wrap("SS"), toNumber: wrap("N"), toNumberSet: wrap("NS"),
    toBinary: wrap("B"), toBinarySet: wrap("BS"), toBoolean: wrap("BOOL"), toNull: () => ({ NULL: null }),
    toList: (values) => (values === undefined || values === null ? null : { L: values.map(toDynamoDB) }),
    toMap: (values) => (values === undefined || values === null ? null : { M: toMapValues(values) }),
  };
  Object.defineProperty(typed, "marked", { value: marked, enumerable: false });
  return typed;
};
