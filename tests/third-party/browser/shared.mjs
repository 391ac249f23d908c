// What every test in a browser needs: the interface beside the browser, and eyes for what must not be.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import process from "node:process";

export const [origin, token, packages, executablePath, ...others] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/// What is not as it should be.
export const faults = [];
export const step = (words) => console.log(words);
export const hold = (truth, words) => { if (!truth) throw new Error(words); };

export async function api(path, body) {
  const response = await fetch(`${origin}/apiaccess/rest/ipccprovision/v1/applyTry/${path}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  return (await response.json()).retCode;
}

export async function messages(filter) {
  return (await (await fetch(`${origin}/sandbox/messages?${filter}`)).json()).messages;
}

export function watched(page) {
  page.on("console", (message) => { if (message.type() === "error" && !message.text().includes("status of 4")) faults.push(`console: ${message.text()}`); });
  page.on("pageerror", (error) => faults.push(`page: ${error}`));
  page.on("request", (request) => { if (!request.url().startsWith(origin)) faults.push(`request to ${request.url()}`); });
  return page;
}

// The policy forbids scripts of others, axe's too: it looks at the page with the policy switched off.
export async function judge(page, address) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  for (const { id, impact, nodes } of violations) {
    if (impact === "serious" || impact === "critical") faults.push(`axe at ${address}: ${id}: ${nodes[0].html}`);
  }
  const [wide, wanted] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  if (wide > wanted) faults.push(`${address} is ${wide} pixels wide in a window of ${wanted}`);
}

export const launch = () => chromium.launch({ executablePath: executablePath || "/usr/bin/chromium", args: ["--no-sandbox"] });
