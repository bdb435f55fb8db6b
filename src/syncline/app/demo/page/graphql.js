// The two ways to reach a GraphQL API: POST for queries and mutations, a WebSocket in AppSync's `graphql-ws`
// dialect for subscriptions. Knows nothing of items or of the page.

const ACK_MS_MAX = 15_000;
const BACKOFF_MS_FIRST = 250;
const BACKOFF_MS_MAX = 5_000;

/** The API answered, and its answer was `errors`. */
export class GraphqlError extends Error {
  constructor(errors) {
    super(errors[0]?.message ?? "The API answered with an error.");
    this.type = errors[0]?.errorType ?? null;
    this.errors = errors;
  }
}

/** POST one operation. Returns `data`; throws GraphqlError, or TypeError when the server cannot be reached. */
export async function request(api, query, variables = {}) {
  const response = await fetch(api.url, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": api.apiKey },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (answer.errors?.length) throw new GraphqlError(answer.errors);
  return answer.data;
}

/**
 * One WebSocket that keeps a set of subscriptions alive.
 *
 * `subscriptions` maps a name to its document; `onevent(name, data)` hears each delivery and `onstate(state)` each change
 * among "offline", "connecting" and "live". "live" means that every subscription is acknowledged.
 */
export class Realtime {
  #api; #subscriptions; #onevent; #onstate;
  #socket = null; #timer = null; #watchdog = null; #attempt = 0; #wanted = false; #silenceMs = 300_000;

  constructor(api, { subscriptions, onevent, onstate }) {
    this.#api = api;
    this.#subscriptions = Object.entries(subscriptions);
    this.#onevent = onevent;
    this.#onstate = onstate;
  }

  open() {
    this.#wanted = true;
    this.#attempt = 0;
    this.#dial();
  }

  /** Cut the connection as a lost network would; nothing is said to the server. */
  cut() {
    this.#wanted = false;
    this.#drop();
    this.#onstate("offline");
  }

  #dial() {
    this.#onstate("connecting");
    const credential = { host: this.#api.host, "x-api-key": this.#api.apiKey };
    const socket = new WebSocket(this.#api.realtimeUrl, ["graphql-ws", `header-${base64url(JSON.stringify(credential))}`]);
    const pending = new Set(this.#subscriptions.map((_, number) => String(number)));
    this.#socket = socket;
    this.#watch(socket, ACK_MS_MAX);
    socket.onopen = () => socket.send(JSON.stringify({ type: "connection_init" }));
    socket.onmessage = (frame) => this.#receive(socket, JSON.parse(frame.data), credential, pending);
    socket.onclose = () => this.#lost(socket);
  }

  #receive(socket, message, credential, pending) {
    if (socket !== this.#socket) return;
    if (pending.size === 0) this.#watch(socket, this.#silenceMs);
    if (message.type === "data") {
      this.#onevent(this.#subscriptions[Number(message.id)][0], message.payload.data);
    } else if (message.type === "connection_ack") {
      this.#silenceMs = message.payload?.connectionTimeoutMs ?? this.#silenceMs;
      this.#subscriptions.forEach(([, query], number) => this.#start(socket, String(number), query, credential));
    } else if (message.type === "start_ack") {
      pending.delete(message.id);
      if (pending.size > 0) return;
      this.#attempt = 0;
      this.#watch(socket, this.#silenceMs);
      this.#onstate("live");
    } else if (message.type === "error" || message.type === "connection_error") {
      this.#lost(socket);
    }
  }

  #start(socket, id, query, authorization) {
    const data = JSON.stringify({ query, variables: {} });
    socket.send(JSON.stringify({ id, type: "start", payload: { data, extensions: { authorization } } }));
  }

  #watch(socket, silenceMs) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost(socket), silenceMs);
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#drop();
    if (!this.#wanted) return;
    this.#onstate("connecting");
    const longest = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_FIRST * 2 ** this.#attempt);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#dial(), longest * (0.5 + Math.random() / 2));
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    socket?.close();
  }
}

function base64url(text) {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
