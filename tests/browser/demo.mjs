// Drives the demo page in headless Chromium: `node demo.mjs URL SCENARIO SCREENSHOTS`. Prints what it saw as one JSON object.
import { createRequire } from "node:module";

const require = createRequire(new URL("../clients/node/", import.meta.url));
const { chromium } = require("playwright-core");
const [, , url, scenario, screenshots] = process.argv;
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: QUIET });
const page = await browser.newPage({ viewport: { width: 1320, height: 1120 } });
page.setDefaultTimeout(10_000);
const complaints = [];
page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
page.on("pageerror", (error) => complaints.push(String(error)));

const card = (device, title) => page.locator(`#${device} .card`, { has: page.getByText(title, { exact: true }) });
const titles = (device) => page.locator(`#${device} .card .title`).allTextContents();
const state = (device) => page.locator(`#${device}`).getAttribute("data-state");

/** Say a word to the test and wait until it has done its part. */
async function told(word) {
  console.log(word);
  for await (const _ of process.stdin.iterator({ destroyOnReturn: false })) return;
}

async function open() {
  await page.goto(url);
  for (const device of ["phone", "tablet"]) await page.waitForSelector(`#${device}[data-state="live"]`);
  await page.waitForFunction(() => [...document.querySelectorAll(".count")].every((count) => count.textContent !== ""));
}

async function create(device, title, content = "A few words") {
  await page.fill(`#${device}-title`, title);
  await page.fill(`#${device}-content`, content);
  await page.press(`#${device}-content`, "Enter");
}

async function edit(device, title, next) {
  await card(device, title).locator(".edit").click();
  await page.fill(`#${device} .editor input`, next);
  await page.press(`#${device} .editor input`, "Enter");
}

async function clear() {
  for (let left = (await titles("phone")).length; left > 0; left -= 1) {
    await page.locator("#phone .card .delete").first().click();
    await page.waitForFunction((count) => document.querySelectorAll("#tablet .card").length === count, left - 1);
  }
}

const scenarios = {
  async sync() {
    await create("phone", "Milk");
    await card("tablet", "Milk").waitFor();
    const created = await card("tablet", "Milk").locator(".delay").textContent();
    await edit("tablet", "Milk", "Oat milk");
    await card("phone", "Oat milk").waitFor();
    const edited = await card("phone", "Oat milk").locator(".meta").textContent();
    await card("phone", "Oat milk").locator(".delete").click();
    await card("tablet", "Oat milk").waitFor({ state: "detached" });
    return { created, edited, left: await titles("tablet"), latest: await page.locator(".latest").textContent() };
  },

  async offline() {
    await create("phone", "Shared");
    await card("tablet", "Shared").waitFor();
    await page.click("#phone-network");
    await create("phone", "Written offline");
    await edit("tablet", "Shared", "Shared, changed");
    await create("tablet", "Written meanwhile");
    await page.waitForFunction(() => [...document.querySelectorAll("#tablet .card")].every((card) => card.dataset.pending === ""));
    const apart = { phone: await titles("phone"), tablet: await titles("tablet"), state: await page.locator("#phone .state").textContent() };
    await page.click("#phone-network");
    await card("tablet", "Written offline").waitFor();
    await card("phone", "Written meanwhile").waitFor();
    await page.waitForSelector("#phone .notice:not([hidden])");
    const notice = await page.locator("#phone .notice").textContent();
    return { apart, notice, phone: await titles("phone"), tablet: await titles("tablet") };
  },

  // The test stops the server when it reads "stop", and starts it again when it reads "start".
  async restart() {
    await create("phone", "Before");
    await card("tablet", "Before").waitFor();
    await told("stop");
    await page.waitForSelector('#phone[data-state="connecting"]');
    await create("phone", "Meanwhile");
    const waiting = await page.locator("#phone .state").textContent();
    await told("start");
    await card("tablet", "Meanwhile").waitFor();
    await page.waitForSelector('#phone[data-state="live"]');
    complaints.splice(0);
    return { waiting, phone: await titles("phone"), tablet: await titles("tablet") };
  },

  async feeds() {
    await create("phone", "Seen below");
    await card("tablet", "Seen below").waitFor();
    await edit("tablet", "Seen below", "Seen twice");
    await card("phone", "Seen twice").locator(".delete").click();
    await page.locator("#stream .record", { hasText: "Seen twice" }).filter({ hasText: "Remove" }).waitFor();
    await page.locator("#log .log", { hasText: "Processing MODIFY" }).last().waitFor();
    const events = await page.locator("#stream .record", { hasText: /Seen (below|twice)/ }).locator(".event").allTextContents();
    return { events, log: await page.locator("#log .log code").allTextContents() };
  },

  async keyboard() {
    await page.focus("#phone-title");
    await page.keyboard.type("By keyboard");
    await page.keyboard.press("Tab");
    await page.keyboard.type("No mouse");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await card("tablet", "By keyboard").waitFor();
    await page.focus("#phone-network");
    await page.keyboard.press("Space");
    const off = await state("phone");
    await page.keyboard.press("Space");
    await page.waitForSelector('#phone[data-state="live"]');
    const named = await page.evaluate(() => [...document.querySelectorAll("button, input, textarea")]
      .filter((control) => !control.textContent.trim() && !control.getAttribute("aria-label")).map((control) => control.outerHTML));
    return { off, named };
  },

  async looks() {
    await create("phone", "Order coffee beans", "Two bags of the Guji, whole bean");
    await create("tablet", "Book the train to Leipzig", "Saturday, before ten");
    await create("phone", "Water the balcony plants", "Tomatoes twice a day this week");
    for (const title of ["Order coffee beans", "Book the train to Leipzig", "Water the balcony plants"]) {
      await card("phone", title).waitFor();
      await card("tablet", title).waitFor();
    }
    await page.locator("#log .log").first().waitFor();
    const sizes = { wide: [1320, 1120], medium: [900, 1500], narrow: [390, 1900] };
    const overflowing = [];
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const [size, [width, height]] of Object.entries(sizes)) {
        await page.setViewportSize({ width, height });
        await page.screenshot({ path: `${screenshots}/demo-${size}-${colorScheme}.png` });
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wider > 0) overflowing.push(`${size} by ${wider}px`);
      }
    }
    return { overflowing };
  },
};

try {
  await open();
  await clear();
  const seen = await scenarios[scenario]();
  console.log(JSON.stringify({ ...seen, complaints }));
} catch (failure) {
  await page.screenshot({ path: `${screenshots}/demo-${scenario}-failed.png` });
  console.log(JSON.stringify({ failure: String(failure), complaints }));
} finally {
  await browser.close();
}
