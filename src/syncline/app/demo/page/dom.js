// Small DOM vocabulary: elements from a description, and nothing else.

/** An element: `h("button", { class: "quiet", onclick }, "Edit")`. Null children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = tag === "svg" || tag === "path" || tag === "rect"
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A 16-pixel stroke icon from one path. */
export function icon(path) {
  return h("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, h("path", { d: path }));
}

export const ICONS = {
  edit: "M11.2 2.8l2 2L5.5 12.5 3 13l.5-2.5z",
  delete: "M3 4.5h10M6.5 4.5v-1h3v1M4.5 4.5l.6 8h5.8l.6-8M6.8 7v3.2M9.2 7v3.2",
  add: "M8 3.5v9M3.5 8h9",
};

/** Milliseconds as people read them. */
export function milliseconds(value) {
  if (value < 10) return value.toFixed(1);
  return value < 1000 ? String(Math.round(value)) : `${(value / 1000).toFixed(1)}k`;
}

/** The time of day of an instant, to the second. */
export function clockTime(instant) {
  return new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}
