// What happens below the API: the table's change stream and the function's log, both read by public AWS operations.

import { call } from "./aws.js";
import { clockTime, h } from "./dom.js";

const STREAM_POLL_MS = 400;
const LOG_POLL_MS = 800;
const ROWS_MAX = 80;
const LOG_LOOKBACK_MS = 10 * 60 * 1000;
// Lines of one instant may come in after later ones, from another process: the last seconds are read again.
const LATE_MS = 2_000;
const RECORDS_PER_READ = 200;
const EVENT_NAMES = { INSERT: "Insert", MODIFY: "Modify", REMOVE: "Remove" };

/** A scrolling list that follows its end unless the reader has scrolled up. */
class Feed {
  #list; #blank; #status;

  constructor(root, { empty }) {
    this.#list = root.querySelector("ol");
    this.#blank = root.querySelector(".blank");
    this.#status = root.querySelector(".feed-state");
    this.#blank.textContent = empty;
  }

  add(rows) {
    if (rows.length === 0) return;
    const follows = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    this.#blank.hidden = true;
    this.#list.hidden = false;
    this.#list.append(...rows.slice(-ROWS_MAX));
    while (this.#list.childElementCount > ROWS_MAX) this.#list.firstElementChild.remove();
    if (follows) this.#list.scrollTop = this.#list.scrollHeight;
  }

  state(text, kind) {
    if (this.#status.textContent !== text) this.#status.textContent = text;
    this.#status.dataset.kind = kind;
  }
}

/** Read the change stream from its oldest record on, for as long as the page lives. */
export async function followStream(root, config) {
  const feed = new Feed(root, { empty: "No change yet. Each one lands here in the commit that made it." });
  let iterator = null;
  let last = null;
  await follow(feed, STREAM_POLL_MS, async () => {
    iterator ??= await shardIterator(config, last);
    const input = { ShardIterator: iterator, Limit: RECORDS_PER_READ };
    iterator = null;
    const { Records: records, NextShardIterator: next } = await call("dynamodbstreams", "GetRecords", input, config.region);
    iterator = next ?? null;
    last = records.at(-1)?.dynamodb.SequenceNumber ?? last;
    feed.add(records.map(recordRow));
    return records.length === RECORDS_PER_READ;
  });
}

async function shardIterator(config, last) {
  const { StreamDescription: stream } = await call("dynamodbstreams", "DescribeStream", { StreamArn: config.streamArn }, config.region);
  const start = last
    ? { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", SequenceNumber: last }
    : { ShardIteratorType: "TRIM_HORIZON" };
  const input = { StreamArn: config.streamArn, ShardId: stream.Shards.at(-1).ShardId, ...start };
  return (await call("dynamodbstreams", "GetShardIterator", input, config.region)).ShardIterator;
}

function recordRow({ eventName, dynamodb: change }) {
  const image = change.NewImage ?? change.OldImage ?? {};
  return h("li", { class: "record" },
    h("span", { class: `event ${eventName.toLowerCase()}` }, EVENT_NAMES[eventName] ?? eventName),
    h("span", { class: "subject" }, image.title?.S ?? change.Keys?.id?.S ?? ""),
    h("span", { class: "step" }, versions(change)),
    h("time", {}, clockTime(change.ApproximateCreationDateTime * 1000)),
    h("span", { class: "sequence", title: `Sequence number ${change.SequenceNumber}` }, shortened(change.SequenceNumber)));
}

function versions({ OldImage: before, NewImage: after }) {
  return [before, after].filter(Boolean).map((image) => `v${image.version?.N ?? "?"}`).join(" → ");
}

function shortened(sequence) {
  return sequence.length > 8 ? `…${sequence.slice(-7)}` : sequence;
}

/** Read the function's log from ten minutes ago on, for as long as the page lives. */
export async function followLog(root, config) {
  const feed = new Feed(root, { empty: "The function has not run yet. It is invoked for every change." });
  const seen = new Map();
  let since = Date.now() - LOG_LOOKBACK_MS;
  let token;
  await follow(feed, LOG_POLL_MS, async () => {
    const input = { logGroupName: config.logGroup, startTime: since, nextToken: token };
    const { events, nextToken } = await filterLogEvents(input, config.region);
    const fresh = events.filter((event) => !seen.has(event.eventId));
    for (const { eventId, timestamp } of fresh) { seen.set(eventId, timestamp); since = Math.max(since, timestamp - LATE_MS); }
    for (const [eventId, timestamp] of seen) if (timestamp < since) seen.delete(eventId);
    token = nextToken;
    feed.add(fresh.map(logRow));
    return Boolean(nextToken);
  });
}

async function filterLogEvents(input, region) {
  try {
    return await call("logs", "FilterLogEvents", input, region);
  } catch (failure) {
    // The group is made by the function's first line.
    if (failure.code === "ResourceNotFoundException") return { events: [] };
    throw failure;
  }
}

function logRow({ timestamp, message }) {
  const text = message.trimEnd();
  const written = /^\[(\w+)\]\t\S+\t(\S*)\t([^]*)$/.exec(text);
  if (written) {
    const [, level, requestId, line] = written;
    const said = h("code", { title: `Request ${requestId}` }, h("span", { class: "level" }, level), ` ${line}`);
    return h("li", { class: `log ${level.toLowerCase()}` }, h("time", {}, clockTime(timestamp)), said);
  }
  const kind = /^(START|END|REPORT|INIT_START)\b/.exec(text)?.[1]?.toLowerCase() ?? "line";
  return h("li", { class: `log ${kind}` }, h("time", {}, clockTime(timestamp)), h("code", {}, text.replaceAll("\t", "  ")));
}

/** Call `read` again and again: at once while it returns true, else after a pause; never while the page is hidden. */
async function follow(feed, pauseMs, read) {
  for (;;) {
    let more = false;
    try {
      if (!document.hidden) { more = await read(); feed.state("Following", "live"); }
    } catch (failure) {
      feed.state(failure instanceof TypeError ? "Server not reachable" : failure.message, "bad");
    }
    if (!more) await new Promise((done) => setTimeout(done, pauseMs));
  }
}
