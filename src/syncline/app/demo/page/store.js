// One device's copy of the items: what the server confirmed, and on top of it the writes that are still under way.
// Offline, writes wait in order; back online, they are sent, and one read of the list shows what was missed.

import { GraphqlError, Realtime, request } from "./graphql.js";

const RETRY_MS = 1_000;
const FIELDS = "{ id title content timestamp version }";
const LIST = `query List { listDataItems ${FIELDS} }`;
const CREATE = `mutation Create($input: CreateDataItemInput!) { createDataItem(input: $input) ${FIELDS} }`;
const UPDATE = `mutation Update($input: UpdateDataItemInput!) { updateDataItem(input: $input) ${FIELDS} }`;
const DELETE = `mutation Delete($id: ID!) { deleteDataItem(id: $id) ${FIELDS} }`;
const SUBSCRIPTIONS = {
  created: `subscription Created { onDataItemCreated ${FIELDS} }`,
  updated: `subscription Updated { onDataItemUpdated ${FIELDS} }`,
  deleted: `subscription Deleted { onDataItemDeleted ${FIELDS} }`,
};

/** The name of one change, the same on every device that hears of it. */
export function changeName(kind, item) {
  return `${kind} ${item.id} ${kind === "updated" ? item.version : ""}`;
}

/**
 * A device's items. Events: "change" (draw again), "sent" and "arrived" (detail: { change, at, item }),
 * "refused" (detail: { message }) and "caughtup" (detail: { count }).
 */
export class ItemStore extends EventTarget {
  state = "connecting";
  loaded = false;
  failure = null;
  #api; #link; #confirmed = new Map(); #writes = []; #deleted = new Set(); #touched = new Set(); #number = 0; #sending = null;

  constructor(api) {
    super();
    this.#api = api;
    this.#link = new Realtime(api, {
      subscriptions: SUBSCRIPTIONS,
      onevent: (kind, data) => this.#hear(kind, Object.values(data)[0]),
      onstate: (state) => this.#enter(state),
    });
  }

  connect() { this.#link.open(); }

  disconnect() { this.#link.cut(); }

  get waiting() { return this.#writes.length; }

  /** Items as this device sees them, newest first, each with `pending`: null, "sending" or "queued". */
  get items() {
    const seen = new Map([...this.#confirmed].map(([id, item]) => [id, { ...item, pending: null }]));
    for (const write of this.#writes) {
      const pending = this.state === "live" ? "sending" : "queued";
      if (write.kind === "created" && !write.matched) {
        seen.set(write.id, { id: write.id, ...write.input, timestamp: write.made, version: 0, pending });
      } else if (write.kind === "updated" && seen.has(write.id)) {
        seen.set(write.id, { ...seen.get(write.id), ...write.input, pending });
      } else if (write.kind === "deleted") {
        seen.delete(write.id);
      }
    }
    return [...seen.values()].sort((a, b) => b.timestamp.localeCompare(a.timestamp) || a.id.localeCompare(b.id));
  }

  create(title, content) { this.#write("created", `new-${++this.#number}`, { title, content }); }

  update(id, title, content) { this.#write("updated", id, { title, content }); }

  remove(id) { this.#write("deleted", id, {}); }

  #write(kind, id, input) {
    const online = this.state === "live";
    this.#writes.push({ kind, id, input, made: new Date().toISOString(), at: online ? performance.now() : null });
    if (online) this.#send();
    this.#changed();
  }

  /** Send the writes in the order they were made, one at a time; keep those that could not leave. */
  async #send() {
    this.#sending ??= this.#sendAll().finally(() => { this.#sending = null; });
    await this.#sending;
  }

  async #sendAll() {
    while (this.#writes.length > 0 && this.state === "live") {
      const write = this.#writes[0];
      try {
        await this.#sendOne(write);
      } catch (failure) {
        if (!(failure instanceof GraphqlError)) { this.#sendLater(failure); return; }
        this.#announce("refused", { message: refusal(write, failure) });
      }
      this.#writes.splice(this.#writes.indexOf(write), 1);
      this.failure = null;
      this.#changed();
    }
  }

  /** The server could not be reached. A write whose own event was heard has arrived all the same. */
  #sendLater(failure) {
    this.failure = failure;
    this.#writes = this.#writes.filter((write) => !write.matched);
    this.#changed();
    setTimeout(() => this.#send(), RETRY_MS);
  }

  async #sendOne(write) {
    if (write.kind === "created") {
      const { createDataItem: item } = await request(this.#api, CREATE, { input: write.input });
      for (const later of this.#writes) if (later.id === write.id) later.id = item.id;
      this.#confirm("created", item, write.at);
    } else if (write.kind === "updated") {
      const { updateDataItem: item } = await request(this.#api, UPDATE, { input: { id: write.id, ...write.input } });
      this.#confirm("updated", item, write.at);
    } else {
      const { deleteDataItem: item } = await request(this.#api, DELETE, { id: write.id });
      this.#confirm("deleted", item ?? { id: write.id }, write.at);
    }
  }

  #confirm(kind, item, at) {
    this.#apply(kind, item);
    if (at !== null) this.#announce("sent", { change: changeName(kind, item), at, item });
  }

  #hear(kind, item) {
    const at = performance.now();
    if (!item) return;
    const own = kind === "created" && this.#writes.find((write) => write.kind === "created" && !write.matched
      && write.input.title === item.title && write.input.content === item.content);
    if (own) own.matched = true;
    this.#apply(kind, item);
    this.#changed();
    this.#announce("arrived", { change: changeName(kind, item), at, item });
  }

  #apply(kind, item) {
    this.#touched.add(item.id);
    if (kind === "deleted") {
      this.#deleted.add(item.id);
      this.#confirmed.delete(item.id);
    } else if (!this.#deleted.has(item.id) && item.version >= (this.#confirmed.get(item.id)?.version ?? 0)) {
      this.#confirmed.set(item.id, item);
    }
  }

  async #enter(state) {
    this.state = state;
    this.#changed();
    if (state !== "live") return;
    await this.#send();
    await this.#read();
  }

  /** Read the list; what subscriptions told meanwhile is newer and stays. */
  async #read() {
    this.#touched.clear();
    try {
      const { listDataItems: items } = await request(this.#api, LIST);
      if (this.state !== "live") return;
      const count = this.#merge(items ?? []);
      if (this.loaded && count > 0) this.#announce("caughtup", { count });
      this.loaded = true;
      this.failure = null;
    } catch (failure) {
      this.failure = failure;
    }
    this.#changed();
  }

  #merge(items) {
    let count = 0;
    const present = new Set(items.map((item) => item.id));
    for (const item of items) {
      if (this.#confirmed.get(item.id)?.version !== item.version && !this.#touched.has(item.id)) count += 1;
      this.#keep(item);
    }
    for (const id of [...this.#confirmed.keys()]) {
      if (present.has(id) || this.#touched.has(id)) continue;
      this.#confirmed.delete(id);
      count += 1;
    }
    return count;
  }

  #keep(item) {
    if (!this.#deleted.has(item.id) && item.version >= (this.#confirmed.get(item.id)?.version ?? 0)) this.#confirmed.set(item.id, item);
  }

  retry() {
    if (this.state === "live") this.#enter("live");
  }

  #changed() { this.#announce("change", null); }

  #announce(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}

function refusal(write, failure) {
  if (failure.type?.includes("ConditionalCheckFailed")) return "That item was deleted on the other device.";
  return `${{ created: "Not added", updated: "Not saved", deleted: "Not deleted" }[write.kind]}: ${failure.message}`;
}
