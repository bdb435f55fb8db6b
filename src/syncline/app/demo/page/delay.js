// From the click on one device to the arrival on the other. Both ends are read from this page's one clock.

import { h, milliseconds } from "./dom.js";

const KEPT = 36;
const PENDING_MAX = 200;

/** Pairs what one device sent with what the other heard, whichever is told first. */
export class Delays {
  #sent = new Map(); #arrived = new Map(); #ondelay;

  constructor(ondelay) { this.#ondelay = ondelay; }

  sent(change, from, at) { this.#pair(this.#sent, change, { from, at }); }

  arrived(change, on, at) { this.#pair(this.#arrived, `${change} on ${on}`, { change, on, at }); }

  #pair(side, name, fact) {
    side.set(name, fact);
    if (side.size > PENDING_MAX) side.delete(side.keys().next().value);
    for (const [key, { change, on, at }] of this.#arrived) {
      const sent = this.#sent.get(change);
      if (!sent) continue;
      this.#arrived.delete(key);
      if (sent.from !== on) this.#ondelay({ change, from: sent.from, on, delayMs: at - sent.at });
    }
  }
}

/** The last delay in figures, the ones before it as bars. */
export class DelayMeter {
  #parts; #values = [];

  constructor(root) {
    const latest = h("output", { class: "latest none" }, "0");
    const route = h("span", { class: "route" }, "Make a change on either device");
    const bars = h("svg", { class: "bars", viewBox: `0 0 ${KEPT * 4} 40`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const median = h("dd", {}, "–");
    const longest = h("dd", {}, "–");
    root.replaceChildren(
      h("div", { class: "figure" }, latest, h("span", { class: "unit" }, "ms")), route, bars,
      h("dl", {}, h("div", {}, h("dt", {}, "Median"), median), h("div", {}, h("dt", {}, "Slowest"), longest)),
    );
    this.#parts = { latest, route, bars, median, longest };
  }

  add({ from, on, delayMs }) {
    this.#values.push({ from, delayMs });
    if (this.#values.length > KEPT) this.#values.shift();
    const sorted = this.#values.map((value) => value.delayMs).sort((a, b) => a - b);
    this.#parts.latest.classList.remove("none");
    this.#parts.latest.textContent = milliseconds(delayMs);
    this.#parts.route.textContent = `${from} to ${on}`;
    this.#parts.median.textContent = `${milliseconds(sorted[sorted.length >> 1])} ms`;
    this.#parts.longest.textContent = `${milliseconds(sorted.at(-1))} ms`;
    this.#drawBars(sorted.at(-1));
  }

  #drawBars(top) {
    const first = KEPT - this.#values.length;
    this.#parts.bars.replaceChildren(...this.#values.map(({ from, delayMs }, number) => {
      const height = Math.max(2, (delayMs / top) * 40);
      return h("rect", { x: (first + number) * 4, y: 40 - height, width: 2.6, height, rx: 0.6, class: `from-${from.toLowerCase()}` });
    }));
  }
}
