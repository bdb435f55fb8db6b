// The ground every handler stands on: one call in, one JSON text out.
//
// Owns: the state of the call under way, signals that end a handler, console, and what differs from plain JavaScript.
// Never: holds anything of a call once the next one begins, except answers that depend on their arguments only.
(function (global) {
  "use strict";
  const { parse, stringify } = JSON;
  const SIGNAL = { toString: () => "The handler has ended." };
  const ANSWERS_MAX = 1000;
  Error.stackTraceLimit = 64;
  const answers = new Map();
  const call = { now: 0, seed: "", facts: null, chance: null, signal: null, logs: null, errors: null, effects: null };

  // A signal ends the handler. It is remembered, too: code that catches what is thrown cannot take it back.
  function signal(kind, members) {
    call.signal = { kind, ...members };
    throw SIGNAL;
  }

  // What a helper says of input that it cannot take. The position of the user's call is put before it.
  function reject(text) {
    const failure = new Error(text);
    failure.name = "Rejected";
    throw failure;
  }

  function plain(value) {
    return value === undefined ? null : value;
  }

  // What only the host knows: it answers, and the handler runs again with the answer at hand. Handlers are pure: same
  // context, time and chance, same way through.
  function ask(name, ...operands) {
    const key = name + stringify(operands);
    const found = answers.get(key);
    if (found === undefined) signal("ask", { key, name, operands });
    if (found.failure !== null) reject(found.failure);
    return typeof found.value === "object" && found.value !== null ? parse(stringify(found.value)) : found.value;
  }

  function give(key, text) {
    answers.set(key, parse(text));
  }

  function outcome(value, ctx) {
    const found = { value };
    if (ctx.stash !== undefined) found.stash = ctx.stash;
    if (call.signal !== null) found.signal = call.signal;
    if (call.logs !== null) found.logs = call.logs;
    if (call.errors !== null) found.errors = call.errors;
    if (call.effects !== null) found.effects = call.effects;
    return found;
  }

  function hide(info, name) {
    if (info !== null && info !== undefined && Object.hasOwn(info, name)) {
      Object.defineProperty(info, name, { value: info[name], enumerable: false });
    }
  }

  function contextOf(text) {
    const ctx = parse(text);
    if (ctx.arguments !== undefined) ctx.args = ctx.arguments;
    if (ctx.info !== undefined) {
      // Both are there when read by name, and left out when info is serialised whole. AWS does this.
      hide(ctx.info, "selectionSetList");
      hide(ctx.info, "selectionSetGraphQL");
    }
    return ctx;
  }

  // The entry of one handler: the context as JSON in, the outcome as JSON out.
  function entry(handler) {
    return function (text, now, seed, facts) {
      call.now = now;
      call.seed = seed;
      call.facts = facts;
      call.chance = call.signal = call.logs = call.errors = call.effects = null;
      let ctx = {};
      try {
        ctx = contextOf(text);
        return stringify(outcome(handler(ctx), ctx));
      } catch (thrown) {
        return stringify(ended(thrown, ctx));
      }
    };
  }

  function ended(thrown, ctx) {
    const found = outcome(undefined, ctx);
    if (call.signal === null) found.failure = failureOf(thrown);
    return found;
  }

  function failureOf(thrown) {
    if (!(thrown instanceof Error)) return { name: "Error", message: String(thrown), stack: "" };
    return { name: String(thrown.name), message: String(thrown.message), stack: String(thrown.stack) };
  }

  function forget() {
    if (answers.size > ANSWERS_MAX) answers.clear();
  }

  // --- console

  function shown(value) {
    if (value === undefined) return "undefined";
    return typeof value === "function" ? "function" : stringify(value);
  }

  function logger(level) {
    return (...values) => {
      call.logs ??= [];
      call.logs.push({ level, stack: new Error().stack, text: values.map(shown).join(" ") });
    };
  }

  const console = named({ log: logger("INFO"), error: logger("ERROR"), debug: logger("DEBUG") });

  // --- chance: xoshiro128** from the seed that the host handed in

  function chance() {
    if (call.chance === null) {
      call.chance = [0, 8, 16, 24].map((at) => parseInt(call.seed.slice(at, at + 8), 16) | 0);
    }
    const s = call.chance;
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  function fraction() {
    return ((chance() >>> 5) * 67108864 + (chance() >>> 6)) / 9007199254740992;
  }

  // --- what differs from plain JavaScript

  const METACHARACTERS = /[\\^$.|?*+()[\]{}]/;
  const CLASSES = {
    Lower: "a-z", Upper: "A-Z", ASCII: "\\x00-\\x7F", Alpha: "a-zA-Z", Digit: "0-9", Alnum: "a-zA-Z0-9",
    Punct: "!-\\/:-@\\[-`{-~", Graph: "!-~", Print: " -~", Blank: " \\t", Cntrl: "\\x00-\\x1F\\x7F",
    XDigit: "0-9a-fA-F", Space: " \\t\\n\\x0B\\f\\r",
  };
  const patterns = new Map();

  // A Java regular expression as a JavaScript one, as far as they differ in what resolvers write.
  function pattern(text, flags) {
    const key = flags + text;
    let found = patterns.get(key);
    if (found === undefined) {
      if (patterns.size > 200) patterns.clear();
      found = compiled(text, flags);
      patterns.set(key, found);
    }
    found.lastIndex = 0;
    return found;
  }

  function compiled(text, flags) {
    let source = text.replaceJs(/\\Q([^]*?)(?:\\E|$)/g, (_, quoted) => quoted.replaceJs(/[\\^$.|?*+()[\]{}/]/g, "\\$&"));
    source = source.replaceJs(/^\(\?([ims]+)\)/, (_, found) => {
      flags += found;
      return "";
    });
    source = source.replaceJs(/(\[\^?[^\]]*)?\\p\{(?:Is)?(\w+)\}/g, (whole, inside, name) => {
      const members = CLASSES[name];
      if (members === undefined) return whole;
      return inside === undefined ? `[${members}]` : inside + members;
    });
    source = source.replaceJs(/\\[AzZ]/g, (found) => (found === "\\A" ? "^" : "$"));
    source = source.replaceJs(/([*+?}])\+/g, "$1");
    if (/\\p\{/.test(source)) flags += "u";
    try {
      return new RegExp(source, flags);
    } catch (failure) {
      return reject(`Invalid regular expression ${text}: ${failure.message}`);
    }
  }

  // Java's replacement text: $1 and ${name} are groups, a backslash takes the next character as it is.
  function expand(template, groups, names) {
    return template.replaceJs(/\\([^])|\$(\d)|\$\{(\w+)\}/g, (_, escaped, group, name) => {
      if (escaped !== undefined) return escaped;
      return (group !== undefined ? groups[Number(group)] : names && names[name]) ?? "";
    });
  }

  const { replace, replaceAll } = String.prototype;

  function javaReplace(native, flags) {
    return function (wanted, replacement) {
      if (typeof wanted !== "string") return native.call(this, wanted, replacement);
      if (typeof replacement === "function") return replace.call(this, pattern(wanted, flags), replacement);
      const text = String(replacement);
      if (!METACHARACTERS.test(wanted) && !/[$\\]/.test(text)) return native.call(this, wanted, text);
      return replace.call(this, pattern(wanted, flags), (...found) => {
        const names = typeof found.at(-1) === "object" ? found.pop() : undefined;
        return expand(text, found.slice(0, -2), names);
      });
    };
  }

  function define(target, name, value) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
  }

  define(String.prototype, "replaceJs", replace);
  define(String.prototype, "replace", javaReplace(replace, ""));
  define(String.prototype, "replaceAll", javaReplace(replaceAll, "g"));
  // AWS does this: text that is not JSON gives a blank string, not an exception.
  define(JSON, "parse", (text, reviver) => {
    try {
      return parse(text, reviver);
    } catch {
      return "";
    }
  });
  define(Math, "random", fraction);
  const NativeDate = Date;
  function HandedDate(...parts) {
    if (new.target === undefined) return new NativeDate(call.now).toString();
    return parts.length === 0 ? new NativeDate(call.now) : new NativeDate(...parts);
  }
  HandedDate.prototype = NativeDate.prototype;
  HandedDate.UTC = NativeDate.UTC;
  HandedDate.parse = NativeDate.parse;
  HandedDate.now = () => call.now;
  define(NativeDate.prototype, "constructor", HandedDate);
  define(global, "Date", HandedDate);

  // --- modules of the library, made when the first code imports them

  const makers = {};
  const made = {};

  // Functions get the names that users call them by: positions in their code are found by them.
  function named(members) {
    for (const name of Object.keys(members)) {
      const member = Object.getOwnPropertyDescriptor(members, name).value;
      if (typeof member === "function") Object.defineProperty(member, "name", { value: name });
      else if (typeof member === "object" && member !== null) named(member);
    }
    return Object.freeze(members);
  }

  function module(name) {
    if (made[name] === undefined) {
      made[name] = named(makers[name](host));
      // The maker's source and code are not needed again.
      delete makers[name];
    }
    return made[name];
  }

  const host = { call, signal, reject, ask, plain, chance, fraction, pattern, stringify, parse, module, NativeDate };

  // `factory` is the user's code as a function of what it imports; the result makes one handler's entry.
  function load(factory) {
    const utils = module("utils");
    const handlers = factory(utils.util, utils.extensions, utils.runtime, console, module);
    return (name) => (typeof handlers[name] === "function" ? entry(handlers[name]) : null);
  }

  global.syncline = { makers, load, give, forget };
})(globalThis);
