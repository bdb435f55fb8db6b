// The page: waits for the API to be deployed, then puts two independent devices and the two feeds to work.

import { Delays, DelayMeter } from "./delay.js";
import { DeviceView } from "./device.js";
import { followLog, followStream } from "./panels.js";
import { ItemStore } from "./store.js";

const DEPLOY_POLL_MS = 300;
const $ = (selector) => document.querySelector(selector);

async function readConfig() {
  for (;;) {
    try {
      const response = await fetch("/demo/config.json", { cache: "no-store" });
      const { state, message, config } = await response.json();
      if (state === "ready") return config;
      waiting(message, state === "failed" ? "bad" : "busy");
    } catch {
      waiting("The server does not answer. Is `syncline demo` still running?", "bad");
    }
    await new Promise((done) => setTimeout(done, DEPLOY_POLL_MS));
  }
}

function waiting(text, kind) {
  $("#waiting").textContent = text;
  $("#waiting").dataset.kind = kind;
}

function apiOf(config) {
  const url = new URL(config.graphqlPath, location.href);
  const realtimeUrl = new URL(`${config.graphqlPath}/realtime`, location.href);
  realtimeUrl.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return { url: url.href, realtimeUrl: realtimeUrl.href, host: url.host, apiKey: config.apiKey };
}

function startDevices(config) {
  const meter = new DelayMeter($("#delay"));
  const devices = new Map();
  const delays = new Delays((delay) => {
    meter.add(delay);
    devices.get(delay.on).view.arrived(delay.change.split(" ")[1], delay.delayMs);
  });
  for (const name of ["Phone", "Tablet"]) {
    const store = new ItemStore(apiOf(config));
    const view = new DeviceView($(`#${name.toLowerCase()}`), name, store);
    store.addEventListener("sent", ({ detail }) => delays.sent(detail.change, name, detail.at));
    store.addEventListener("arrived", ({ detail }) => delays.arrived(detail.change, name, detail.at));
    devices.set(name, { store, view });
    store.connect();
  }
}

function describeApi(config) {
  $("#endpoint").textContent = apiOf(config).url;
  $("#table-name").textContent = config.tableName;
  $("#function-name").textContent = config.functionName;
}

function startTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = localStorage.getItem("theme");
  if (kept) document.documentElement.dataset.theme = kept;
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const button = $("#theme");
  const label = () => button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
    label();
  });
  label();
}

startTheme();
const config = await readConfig();
document.body.dataset.ready = "yes";
describeApi(config);
startDevices(config);
followStream($("#stream"), config);
followLog($("#log"), config);
