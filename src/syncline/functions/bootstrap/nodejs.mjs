// The Lambda Runtime API's client for nodejs functions: asks for events, runs the handler, posts what came of it.
//
// Follows "Building a custom runtime" and what AWS's own Node.js runtime prints and posts. It uses no package, so that
// a function finds only what it brought. The server gives `host:port/token` in AWS_LAMBDA_RUNTIME_API.

import { existsSync, readFileSync, statSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import util from "node:util";

const env = process.env;
const [, host, port, token] = /^(.*):(\d+)\/(.*)$/.exec(env.AWS_LAMBDA_RUNTIME_API);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

let requestId; // of the event under way, or of the last one: late output belongs to it
let emptied = () => {}; // what to do when the event loop has nothing left to run

// The Runtime API.

function call(method, route, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { agent, host, port, method, path: `/${token}/2018-06-01/runtime/${route}`, headers };
    const request = http.request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts).toString("utf8") }));
      response.on("error", reject);
    });
    request.on("error", reject);
    if (body !== undefined) request.setHeader("Content-Length", Buffer.byteLength(body));
    request.end(body);
  });
}

// Output: one event per call, with the time, the request and the level, as Lambda's text format has it.

function patchConsole() {
  const levels = { log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR", trace: "TRACE" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...parts) => print(level, util.format(...parts));
  }
}

function print(level, message) {
  // A line end inside a message travels as CR, so that the message stays one event.
  const line = `${new Date().toISOString()}\t${requestId}\t${level}\t${message}`.replace(/\r?\n/g, "\r");
  process.stdout.write(`${line}\n`);
}

// Errors.

class Fault extends Error {
  constructor(name, message, cause) {
    super(message);
    this.name = name;
    if (cause?.stack) this.stack = cause.stack;
  }
}

function isError(value) {
  return value instanceof Error || util.types.isNativeError(value) || Boolean(value?.name && value.message && value.stack);
}

function posted(error) {
  if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  const shown = { errorType: error.name, errorMessage: error.message, trace: String(error.stack).split("\n") };
  if (error.name === "Runtime.UnhandledPromiseRejection") {
    return { ...shown, reason: posted(error.reason), promise: {} };
  }
  return shown;
}

function logged(error) {
  if (!isError(error)) return JSON.stringify(posted(error));
  const { errorType, errorMessage, trace } = posted(error);
  try {
    return JSON.stringify({ errorType, errorMessage, ...error, name: undefined, stack: trace });
  } catch {
    return JSON.stringify({ errorType, errorMessage, stack: trace });
  }
}

// What the process does not survive is told as a failed start: the server answers with it once the process is gone.
async function die(error, status) {
  print("ERROR", `Uncaught Exception \t${logged(error)}`);
  try {
    await call("POST", "init/error", JSON.stringify(posted(error)));
  } finally {
    process.exit(status);
  }
}

// The handler.

async function loadHandler(text) {
  const base = path.basename(text);
  const dot = base.indexOf(".");
  if (dot < 1 || dot === base.length - 1) throw new Fault("Runtime.MalformedHandlerName", "Bad handler");
  if (text.includes("..")) {
    const advice = "Use absolute paths when specifying root directories in handler names.";
    throw new Fault("Runtime.MalformedHandlerName", `'${text}' is not a valid handler name. ${advice}`);
  }
  const module = await loadModule(path.join(path.dirname(text), base.slice(0, dot)));
  const names = base.slice(dot + 1).split(".");
  const inside = (start) => names.reduce((value, name) => value?.[name], start);
  const handler = inside(module) ?? inside(module.default);
  if (!handler) throw new Fault("Runtime.HandlerNotFound", `${text} is undefined or not exported`);
  if (typeof handler !== "function") throw new Fault("Runtime.HandlerNotFound", `${text} is not a function`);
  return handler;
}

async function loadModule(name) {
  const root = env.LAMBDA_TASK_ROOT;
  const require = createRequire(path.join(root, "handler.js"));
  try {
    for (const suffix of ["", ".js", ".mjs", ".cjs"]) {
      const file = path.resolve(root, name + suffix);
      if (!existsSync(file) || !statSync(file).isFile()) continue;
      return isModule(file) ? await import(pathToFileURL(file).href) : require(file);
    }
    return require(existsSync(path.resolve(root, name)) ? `./${name}` : name);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault("Runtime.UserCodeSyntaxError", String(error), error);
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
      throw new Fault("Runtime.ImportModuleError", String(error), error);
    }
    throw error;
  }
}

function isModule(file) {
  if (!file.endsWith(".js")) return file.endsWith(".mjs");
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, "utf8")).type === "module";
    if (folder === path.dirname(folder) || folder === env.LAMBDA_TASK_ROOT) return false;
  }
}

// One event.

function contextOf(headers, finish) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const parsed = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  let waits = true;
  return {
    get callbackWaitsForEmptyEventLoop() {
      return waits;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waits = Boolean(value);
    },
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    clientContext: parsed("lambda-runtime-client-context"),
    identity: parsed("lambda-runtime-cognito-identity"),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: (error, result) => finish(error, result),
    succeed: (result) => finish(null, result),
    fail: (error) => finish(error ?? "handled"),
  };
}

// What the handler gives: {result}, or {error}. A promise counts at once; a callback may wait for an empty event loop;
// when neither came and nothing is left to run, the result is null.
function outcomeOf(handler, event, headers) {
  return new Promise((resolve) => {
    const finish = (error, result) => resolve(error === undefined || error === null ? { result } : { error });
    const context = contextOf(headers, finish);
    emptied = () => resolve({ result: null });
    const callback = (error, result) => {
      if (!context.callbackWaitsForEmptyEventLoop || (error !== undefined && error !== null)) finish(error, result);
      else emptied = () => resolve({ result });
    };
    try {
      const returned = handler(event, context, callback);
      if (typeof returned?.then === "function") {
        returned.then(
          (result) => resolve({ result }),
          (error) => resolve({ error }),
        );
      }
    } catch (error) {
      resolve({ error });
    }
  });
}

function marshalled(result) {
  try {
    return { body: JSON.stringify(result === undefined ? null : result) ?? "null" };
  } catch (error) {
    return { error: new Fault("Runtime.MarshalError", `Unable to stringify response body: ${error.message}`, error) };
  }
}

async function run(handler) {
  for (;;) {
    const next = await call("GET", "invocation/next");
    requestId = next.headers["lambda-runtime-aws-request-id"];
    env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"] ?? "";
    const outcome = await outcomeOf(handler, JSON.parse(next.body), next.headers);
    emptied = () => {};
    const { body, error = outcome.error } = "error" in outcome ? outcome : marshalled(outcome.result);
    if (body !== undefined) {
      await call("POST", `invocation/${requestId}/response`, body, { "Content-Type": "application/json" });
    } else {
      print("ERROR", `Invoke Error \t${logged(error)}`);
      await call("POST", `invocation/${requestId}/error`, JSON.stringify(posted(error)));
    }
  }
}

patchConsole();
process.on("beforeExit", () => emptied());
process.on("uncaughtException", (error) => die(error, 129));
process.on("unhandledRejection", (reason) => {
  const error = new Fault("Runtime.UnhandledPromiseRejection", String(reason), isError(reason) ? reason : undefined);
  die(Object.assign(error, { reason }), 128);
});
loadHandler(env._HANDLER).then(run, (error) => die(error, 1));
