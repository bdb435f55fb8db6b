// `util`, `extensions` and `runtime`: what `@aws-appsync/utils` exports.
//
// Owns: the functions that need nothing from the host but time and chance. Java's date patterns and XML are asked for.
syncline.makers.utils = (host) => {
  "use strict";
  const { call, signal, reject, ask, plain, chance, fraction, pattern, stringify, parse, module, NativeDate } = host;
  const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const KSUID_EPOCH = 1400000000n;

  // --- errors

  function entryOf(message, type, data, info) {
    const text = (value) => (value === undefined || value === null ? null : String(value));
    return { message: text(message), errorType: text(type), data: plain(data), errorInfo: plain(info) };
  }

  function error(message, type, data, info) {
    signal("error", entryOf(message, type, data, info));
  }

  function appendError(message, type, data, info) {
    call.errors ??= [];
    call.errors.push(entryOf(message, type, data, info));
  }

  function unauthorized() {
    signal("unauthorized");
  }

  // --- text

  function utf8(text) {
    const bytes = [];
    for (const character of String(text)) {
      const point = character.codePointAt(0);
      if (point < 0x80) bytes.push(point);
      else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
      else if (point < 0x10000) {
        const whole = point >= 0xd800 && point < 0xe000 ? 0xfffd : point;
        bytes.push(0xe0 | (whole >> 12), 0x80 | ((whole >> 6) & 63), 0x80 | (whole & 63));
      } else bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    }
    return bytes;
  }

  function textOf(bytes) {
    const escaped = bytes.map((each) => "%" + (each < 16 ? "0" : "") + each.toString(16)).join("");
    try {
      return decodeURIComponent(escaped);
    } catch {
      return bytes.map((each) => (each < 0x80 ? String.fromCharCode(each) : "\ufffd")).join("");
    }
  }

  function base64Encode(text) {
    const bytes = utf8(text);
    let found = "";
    for (let at = 0; at < bytes.length; at += 3) {
      const word = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      const left = bytes.length - at;
      found += BASE64[word >> 18] + BASE64[(word >> 12) & 63];
      found += (left > 1 ? BASE64[(word >> 6) & 63] : "=") + (left > 2 ? BASE64[word & 63] : "=");
    }
    return found;
  }

  function base64Decode(text) {
    const bytes = [];
    let word = 0;
    let bits = 0;
    for (const character of String(text).replaceJs(/=+$/, "")) {
      const value = BASE64.indexOf(character);
      if (value < 0) reject("Illegal base64: " + text);
      word = ((word << 6) | value) & 0xffffff;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        bytes.push((word >> bits) & 255);
      }
    }
    return textOf(bytes);
  }

  function urlEncode(text) {
    // As a form encodes it: Java's URLEncoder.
    return encodeURIComponent(String(text))
      .replaceJs(/%20/g, "+")
      .replaceJs(/[!'()~]/g, (found) => "%" + found.charCodeAt(0).toString(16).toUpperCase());
  }

  function urlDecode(text) {
    try {
      return decodeURIComponent(String(text).replaceJs(/\+/g, " "));
    } catch {
      return reject("Illegal URL encoding: " + text);
    }
  }

  const ESCAPES = { '"': '\\"', "'": "\\'", "\\": "\\\\", "/": "\\/", "\b": "\\b", "\n": "\\n", "\t": "\\t" };
  ESCAPES["\f"] = "\\f";
  ESCAPES["\r"] = "\\r";

  function escapeJavaScript(text) {
    return String(text).replaceJs(/["'\\/\b\n\t\f\r]|[^ -~]/g, (found) => {
      const hex = found.charCodeAt(0).toString(16).toUpperCase();
      return ESCAPES[found] ?? "\\u" + "0".repeat(4 - hex.length) + hex;
    });
  }

  // --- ids

  function hexadecimal(number) {
    const digits = number.toString(16);
    return "0".repeat(8 - digits.length) + digits;
  }

  function autoId() {
    const digits = hexadecimal(chance()) + hexadecimal(chance()) + hexadecimal(chance()) + hexadecimal(chance());
    const variant = "89ab"[parseInt(digits[16], 16) & 3];
    const head = `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}`;
    return `${head}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`;
  }

  function random(bits) {
    let found = 0n;
    for (let at = 0; at < bits; at += 16) found = (found << 16n) | BigInt(chance() >>> 16);
    return found;
  }

  function digitsOf(number, alphabet, width) {
    const base = BigInt(alphabet.length);
    let found = "";
    for (let at = 0; at < width; at += 1) {
      found = alphabet[Number(number % base)] + found;
      number /= base;
    }
    return found;
  }

  function autoUlid() {
    return digitsOf((BigInt(Math.floor(call.now)) << 80n) | random(80), CROCKFORD, 26);
  }

  function autoKsuid() {
    const seconds = BigInt(Math.floor(call.now / 1000)) - KSUID_EPOCH;
    return digitsOf(((seconds < 0n ? 0n : seconds) << 128n) | random(128), BASE62, 27);
  }

  // --- time

  function milliseconds(value) {
    const number = typeof value === "string" ? Number(value) : value;
    if (typeof number !== "number" || !Number.isFinite(number)) reject(`${value} is not a number of milliseconds`);
    return Math.floor(number);
  }

  const STRICT_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;
  const operands = (zone) => (zone === undefined || zone === null ? [] : [String(zone)]);

  function formatted(instant, form, zone) {
    return ask("time.epochMilliSecondsToFormatted", milliseconds(instant), String(form), ...operands(zone));
  }

  function parseInstant(text) {
    const found = STRICT_INSTANT.test(text) ? NativeDate.parse(text) : NaN;
    return Number.isNaN(found) ? ask("time.parseISO8601ToEpochMilliSeconds", String(text)) : found;
  }

  const time = {
    nowISO8601: () => new NativeDate(call.now).toISOString(),
    nowEpochSeconds: () => Math.floor(call.now / 1000),
    nowEpochMilliSeconds: () => Math.floor(call.now),
    nowFormatted: (form, zone) => formatted(call.now, form, zone),
    parseFormattedToEpochMilliSeconds: (text, form, zone) =>
      ask("time.parseFormattedToEpochMilliSeconds", String(text), String(form), ...operands(zone)),
    parseISO8601ToEpochMilliSeconds: parseInstant,
    epochMilliSecondsToSeconds: (instant) => Math.floor(milliseconds(instant) / 1000),
    epochMilliSecondsToISO8601: (instant) => new NativeDate(milliseconds(instant)).toISOString(),
    epochMilliSecondsToFormatted: formatted,
  };

  // --- numbers, headers, XML

  function number(value) {
    if (typeof value !== "number") reject(`${value} is not a number`);
    return value;
  }

  const math = {
    roundNum: (value) => Math.floor(number(value) + 0.5),
    minVal: (one, other) => Math.min(number(one), number(other)),
    maxVal: (one, other) => Math.max(number(one), number(other)),
    randomDouble: fraction,
    randomWithinRange(low, high) {
      if (number(high) < number(low)) reject("randomWithinRange takes two numbers, the smaller first");
      return Math.floor(low + fraction() * (high - low));
    },
  };

  const FORMS = ["NFC", "NFD", "NFKC", "NFKD"];
  const str = {
    normalize(text, form) {
      const name = String(form).toUpperCase();
      if (!FORMS.includes(name)) reject(`${name} is no normalization form: nfc, nfd, nfkc or nfkd is`);
      return String(text).normalize(name);
    },
  };

  const WITHHELD = ["transfer-encoding", "connection", "host", "expect", "keep-alive", "upgrade"];
  WITHHELD.push("proxy-authenticate", "proxy-authorization", "te", "content-length");
  const http = {
    copyHeaders: (headers) =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => !WITHHELD.includes(name.toLowerCase()))),
    addResponseHeader: (...members) => effect("addResponseHeader")(...members),
    addResponseHeaders: (...members) => effect("addResponseHeaders")(...members),
  };
  const xml = {
    toMap: (text) => ask("xml.toMap", String(text)),
    toJsonString: (text, encode) => {
      const found = stringify(ask("xml.toMap", String(text)));
      return encode === true ? stringify(found) : found;
    },
  };

  const util = {
    error, appendError, unauthorized, escapeJavaScript, urlEncode, urlDecode, base64Encode, base64Decode,
    autoId, autoUlid, autoKsuid,
    matches: (regex, text) => pattern(String(regex), "").test(String(text)),
    authType: () => parse(call.facts).authType,
    time: Object.freeze(time),
    math: Object.freeze(math),
    str: Object.freeze(str),
    http: Object.freeze(http),
    xml: Object.freeze(xml),
    dynamodb: Object.freeze(module("typed")),
    get transform() {
      return module("transform");
    },
    rds: Object.freeze({ toJsonObject: (result) => module("rds").toJsonObject(result) }),
  };

  // --- extensions: collected as data, for the host to act upon

  const effect = (name) => (...members) => {
    call.effects ??= [];
    call.effects.push({ name, arguments: members.map(plain) });
  };
  const extensions = {};
  for (const name of [
    "setSubscriptionFilter", "setSubscriptionInvalidationFilter", "invalidateSubscriptions", "evictFromApiCache",
  ]) {
    extensions[name] = effect(name);
  }

  const runtime = {
    earlyReturn: (value, options) =>
      signal("return", { value: plain(value), skipTo: (options && options.skipTo) || "NEXT" }),
  };

  return { util: Object.freeze(util), extensions: Object.freeze(extensions), runtime: Object.freeze(runtime) };
};
