// Asks an API from pages of two origins in Chromium: `node origins.mjs API KEY PAGE...`. Prints what each page could do.
import { createRequire } from "node:module";

const require = createRequire(new URL("../clients/node/", import.meta.url));
const { chromium } = require("playwright-core");
const [, , api, key, ...pages] = process.argv;
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: QUIET });

/** Runs in the page. */
async function attempt({ api, key }) {
  const ask = () => fetch(api, { method: "POST", headers: { "content-type": "application/json", "x-api-key": key }, body: JSON.stringify({ query: "{ __typename }" }) });
  const connect = () => new Promise((resolve) => {
    const header = btoa(JSON.stringify({ host: new URL(api).host, "x-api-key": key })).replace(/=+$/, "");
    const socket = new WebSocket(`${api.replace("http", "ws")}/realtime`, ["graphql-ws", `header-${header}`]);
    socket.onopen = () => { resolve("open"); socket.close(); };
    socket.onerror = () => resolve("refused");
  });
  const answer = await ask().then((response) => response.json()).catch((failure) => failure.name);
  return { answer, socket: await connect() };
}

const seen = [];
for (const address of pages) {
  const page = await browser.newPage();
  await page.goto(address);
  seen.push(await page.evaluate(attempt, { api, key }));
}
await browser.close();
console.log(JSON.stringify(seen));
