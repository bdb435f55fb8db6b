// A device on the page: its frame's content, drawn from its store. The list is patched, never rebuilt, so that
// focus and half-written edits survive what arrives from elsewhere.

import { h, icon, ICONS, milliseconds, clockTime } from "./dom.js";

const STATES = { live: "Live", connecting: "Connecting", offline: "Offline" };
const NOTICE_MS = 4_000;
const FRESH_MS = 1_600;

export class DeviceView {
  #name; #store; #cards = new Map(); #editing = null; #noticeTimer = null; #parts;

  constructor(root, name, store) {
    this.#name = name;
    this.#store = store;
    this.#parts = this.#build(root);
    store.addEventListener("change", () => this.#draw());
    store.addEventListener("refused", (event) => this.#notice(event.detail.message, "bad"));
    store.addEventListener("caughtup", (event) => this.#notice(caughtUp(event.detail.count), "good"));
    this.#draw();
  }

  /** Show on an item's card how long its last change took to arrive here. */
  arrived(id, delayMs) {
    const card = this.#cards.get(id);
    if (!card) return;
    card.arrivedVersion = card.item.version;
    card.delay.textContent = `${milliseconds(delayMs)} ms`;
    card.root.classList.remove("fresh");
    void card.root.offsetWidth;
    card.root.classList.add("arrived", "fresh");
    clearTimeout(card.timer);
    card.timer = setTimeout(() => card.root.classList.remove("fresh"), FRESH_MS);
  }

  #build(root) {
    const id = this.#name.toLowerCase();
    const state = h("span", { class: "state", role: "status" });
    const toggle = h("button", {
      type: "button", class: "switch", role: "switch", id: `${id}-network`, "aria-checked": "true",
      "aria-label": `${this.#name} network`, onclick: () => this.#toggle(),
    }, h("span", { class: "knob" }));
    const title = h("input", { name: "title", id: `${id}-title`, placeholder: "Title", required: true, maxlength: "80", autocomplete: "off", "aria-label": "Title" });
    const content = h("input", { name: "content", id: `${id}-content`, placeholder: "A few words", maxlength: "400", autocomplete: "off", "aria-label": "Content" });
    const add = h("button", { type: "submit", class: "primary", "aria-label": `Add item on ${this.#name}` }, icon(ICONS.add), h("span", {}, "Add"));
    const form = h("form", { class: "composer", onsubmit: (event) => this.#add(event, title, content) }, title, content, add);
    const notice = h("div", { class: "notice", role: "status", hidden: true });
    const list = h("ul", { class: "items", "aria-label": `Items on ${this.#name}`, tabindex: "-1" });
    const blank = h("div", { class: "blank" });
    const count = h("span", { class: "count" });
    root.replaceChildren(
      h("div", { class: "bar" }, state, h("label", { class: "network" }, h("span", { "aria-hidden": "true" }, "Network"), toggle)),
      h("div", { class: "heading" }, h("h3", {}, "Items"), count),
      form, notice, h("div", { class: "scroll" }, blank, list),
    );
    return { root, state, toggle, form, notice, list, blank, count };
  }

  #toggle() {
    if (this.#store.state === "offline") this.#store.connect();
    else this.#store.disconnect();
  }

  #add(event, title, content) {
    event.preventDefault();
    if (!title.value.trim()) return;
    this.#store.create(title.value.trim(), content.value.trim() || "—");
    title.value = content.value = "";
    title.focus();
  }

  #draw() {
    const { root, state, toggle, count } = this.#parts;
    const items = this.#store.items;
    root.dataset.state = this.#store.state;
    const waiting = this.#store.waiting;
    const queued = this.#store.state !== "live" && waiting > 0 ? ` · ${waiting} queued` : "";
    setText(state, `${STATES[this.#store.state]}${queued}`);
    toggle.setAttribute("aria-checked", String(this.#store.state !== "offline"));
    setText(count, this.#store.loaded ? String(items.length) : "");
    this.#drawBlank(items);
    this.#drawList(items);
  }

  #drawBlank(items) {
    const { blank, list } = this.#parts;
    const { loaded, failure } = this.#store;
    const kind = failure && !loaded ? "failed" : !loaded && items.length === 0 ? "loading" : items.length === 0 ? "empty" : "none";
    list.hidden = kind !== "none";
    blank.hidden = kind === "none";
    if (blank.dataset.kind === kind) return;
    blank.dataset.kind = kind;
    blank.replaceChildren(...this.#blankOf(kind, failure));
  }

  #blankOf(kind, failure) {
    if (kind === "loading") return [0, 1, 2].map(() => h("div", { class: "skeleton", "aria-hidden": "true" }));
    if (kind === "empty") return [h("p", { class: "lead" }, "Nothing here yet"), h("p", {}, "Add an item and watch it appear on the other device.")];
    if (kind === "failed") {
      return [
        h("p", { class: "lead" }, "The items could not be read"), h("p", {}, failure.message),
        h("button", { type: "button", class: "quiet", onclick: () => this.#store.retry() }, "Try again"),
      ];
    }
    return [];
  }

  #drawList(items) {
    const ids = new Set(items.map((item) => item.id));
    const focused = [...this.#cards].find(([, card]) => card.root.contains(document.activeElement))?.[0];
    for (const [id, card] of this.#cards) if (!ids.has(id)) { card.root.remove(); this.#cards.delete(id); }
    let before = this.#parts.list.firstElementChild;
    for (const item of items) {
      const card = this.#cards.get(item.id) ?? this.#newCard(item.id);
      this.#patch(card, item);
      if (card.root === before) before = before.nextElementSibling;
      else if (this.#editing === item.id && card.root.isConnected) before = card.root.nextElementSibling;
      else this.#parts.list.insertBefore(card.root, before);
    }
    if (focused && !ids.has(focused)) this.#parts.list.focus({ preventScroll: true });
  }

  #newCard(id) {
    const title = h("p", { class: "title" });
    const content = h("p", { class: "content" });
    const meta = h("span", { class: "meta" });
    const delay = h("span", { class: "delay", title: "From the click on the other device to here" });
    const edit = h("button", { type: "button", class: "tool edit", onclick: () => this.#edit(card) }, icon(ICONS.edit));
    const remove = h("button", { type: "button", class: "tool delete", onclick: () => this.#store.remove(card.item.id) }, icon(ICONS.delete));
    const shown = h("div", { class: "shown" }, h("div", { class: "text" }, title, content), h("div", { class: "tools" }, edit, remove));
    const card = { root: h("li", { class: "card", "data-id": id }, shown, h("div", { class: "foot" }, meta, delay)), title, content, meta, delay, edit, remove, shown };
    this.#cards.set(id, card);
    return card;
  }

  #patch(card, item) {
    if (card.arrivedVersion !== item.version) card.root.classList.remove("arrived", "fresh");
    card.item = item;
    setText(card.title, item.title);
    setText(card.content, item.content);
    setText(card.meta, describe(item));
    card.root.dataset.pending = item.pending ?? "";
    card.edit.setAttribute("aria-label", `Edit ${item.title}`);
    card.remove.setAttribute("aria-label", `Delete ${item.title}`);
  }

  #edit(card) {
    if (this.#editing) return;
    this.#editing = card.item.id;
    const title = h("input", { name: "title", value: card.item.title, required: true, maxlength: "80", "aria-label": "Title" });
    const content = h("textarea", { name: "content", rows: "2", maxlength: "400", "aria-label": "Content" }, card.item.content);
    const close = () => { this.#editing = null; form.replaceWith(card.shown); card.edit.focus(); this.#draw(); };
    const save = (event) => {
      event.preventDefault();
      const { id } = card.item;
      close();
      this.#store.update(id, title.value.trim(), content.value.trim() || "—");
    };
    const form = h("form", { class: "editor", onsubmit: save, onkeydown: (event) => editorKey(event, form, close) }, title, content,
      h("div", { class: "actions" },
        h("button", { type: "button", class: "quiet", onclick: close }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, "Save")));
    card.shown.replaceWith(form);
    title.focus();
    title.select();
  }

  #notice(text, kind) {
    const { notice } = this.#parts;
    setText(notice, text);
    notice.dataset.kind = kind;
    notice.hidden = false;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => { notice.hidden = true; }, NOTICE_MS);
  }
}

function editorKey(event, form, close) {
  if (event.key === "Escape") close();
  if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) form.requestSubmit();
}

function describe(item) {
  if (item.pending === "queued") return "Waiting for the network";
  if (item.pending === "sending") return "Sending";
  return `v${item.version} · ${clockTime(item.timestamp)}`;
}

function caughtUp(count) {
  return count === 1 ? "Caught up: 1 change while away" : `Caught up: ${count} changes while away`;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
