// A headless Chromium driven over JSON lines: a command per line on standard input, its
// answer per line on standard output, in order.
//
//   {"do": "open", "url": ..., "storage": {...}, "width": ..., "height": ..., "theme": ...}
//   {"do": "click", "selector": "css" | "text": "..." | "role": "button", "name": "..."}
//   ... see `commands`. Selectors reach through open shadow roots.
//
// playwright-core comes with the peers, whose lock file pins it.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../peers/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser;
let context;
let page;
let complaints = [];

function locate({ selector, text, role, name, label, within, exact = false, nth = 0 }) {
  const scope = within ? page.locator(within) : page;
  if (role) return scope.getByRole(role, { name, exact }).nth(nth);
  if (label) return scope.getByLabel(label, { exact }).nth(nth);
  if (text) return scope.getByText(text, { exact }).nth(nth);
  return scope.locator(selector).nth(nth);
}

// The text that a person sees below an element, shadow roots and slots included.
function visibleText(root) {
  const parts = [];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.textContent.replace(/\s+/g, " ").trim();
      if (text && node.parentElement?.checkVisibility({ visibilityProperty: true })) parts.push(text);
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE && node.nodeType !== Node.DOCUMENT_FRAGMENT_NODE) return;
    if (["SCRIPT", "STYLE", "TEMPLATE"].includes(node.tagName)) return;
    if (node.tagName === "SLOT" && node.assignedNodes().length) {
      node.assignedNodes().forEach(walk);
    } else {
      (node.shadowRoot ?? node).childNodes.forEach(walk);
    }
  };
  walk(root);
  return parts.join("\n");
}

const commands = {
  async launch({ executable }) {
    browser = await chromium.launch({ executablePath: executable, headless: true, args: QUIET });
    return browser.version();
  },

  // A fresh profile each time; what is in `storage` is in localStorage before the first script.
  async open({ url, storage = {}, width = 1280, height = 900, theme = "light", timeout }) {
    await context?.close();
    context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, locale: "en-US" });
    context.setDefaultTimeout(timeout);
    const origin = new URL(url).origin;
    await context.addInitScript(
      ([where, items]) => {
        if (location.origin !== where) return;
        for (const [key, value] of Object.entries(items)) {
          if (localStorage.getItem(key) === null) localStorage.setItem(key, value);
        }
      },
      [origin, storage],
    );
    page = await context.newPage();
    complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url, { waitUntil: "domcontentloaded" });
  },

  async goto({ url }) {
    await page.goto(url, { waitUntil: "domcontentloaded" });
  },
  async theme({ theme }) {
    await page.emulateMedia({ colorScheme: theme });
  },
  async viewport({ width, height }) {
    await page.setViewportSize({ width, height });
  },
  async click({ timeout, ...target }) {
    await locate(target).click({ timeout });
  },
  async fill({ value, timeout, ...target }) {
    await locate(target).fill(value, { timeout });
  },
  async press({ key }) {
    await page.keyboard.press(key);
  },
  async type({ keys }) {
    await page.keyboard.type(keys);
  },
  async paste({ text }) {
    await page.keyboard.insertText(text);
  },
  async wait({ state = "visible", timeout, ...target }) {
    await locate(target).waitFor({ state, timeout });
  },
  async waitUrl({ pattern, timeout }) {
    await page.waitForURL(new RegExp(pattern), { timeout });
  },
  async count({ selector }) {
    return page.locator(selector).count();
  },
  async attribute({ attribute, ...target }) {
    return locate(target).getAttribute(attribute);
  },
  async text({ selector = "body" }) {
    return page.locator(selector).first().evaluate(visibleText);
  },
  async screenshot({ path, selector }) {
    if (selector) await page.locator(selector).first().screenshot({ path });
    else await page.screenshot({ path });
  },
  async evaluate({ expression }) {
    return page.evaluate(expression);
  },
  async url() {
    return page.url();
  },
  async complaints() {
    return complaints;
  },
  async close() {
    await browser?.close();
    browser = undefined;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...fields } = JSON.parse(line);
  let answer;
  try {
    answer = { ok: (await commands[name](fields)) ?? null };
  } catch (error) {
    // Playwright colours its messages for a terminal.
    answer = { error: String(error.message ?? error).replace(/\x1b\[\d+m/g, "") };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser?.close();
process.exit(0);
