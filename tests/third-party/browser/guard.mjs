// The guard in a real browser: with scripts, the browser works before a code is sent, and each piece of work is taken once;
// without, the page says what is needed. Fails as console.mjs does.
//
// node guard.mjs ORIGIN TOKEN PACKAGES CHROMIUM LOCALE WIDTH

import { readFileSync } from "node:fs";

import { faults, hold, judge, launch, messages, origin, others, packages, step, watched } from "./shared.mjs";

const [locale, pixels] = others;
const width = Number(pixels);
const phone = "16673287001";

const published = readFileSync(`${packages}/node_modules/altcha/dist/workers/pbkdf2.js`, "utf8");
const served = await (await fetch(`${origin}/apply/altcha.js`)).text();
hold(served.endsWith(`*/\n${published}`), "the worker is the published one, behind its licence");
step("the worker is the published one");

const browser = await launch();
try {
  const t = (en, zh) => (locale === "en-US" ? en : zh);
  const context = await browser.newContext({ locale, viewport: { width, height: 800 } });
  const page = watched(await context.newPage());
  await page.goto(`${origin}/apply`);
  await page.locator("#company").fill(`Guarded ${width}`);
  await page.locator("#email").fill(`guarded${width}@example.com`);
  await page.locator("#phone").fill(phone);
  // What is said while the browser works, as it is said.
  await page.evaluate(() => {
    const said = globalThis.said = [];
    new MutationObserver((changes) => said.push(...changes.map(({ target }) => target.textContent)))
      .observe(document.getElementById("checking"), { childList: true });
  });
  const sending = page.waitForRequest((request) => request.method() === "POST");
  await page.getByRole("button", { name: t("Send code", "获取验证码"), exact: true }).click();
  const body = (await sending).postData();
  await page.locator("main .good[role=status]").waitFor();
  hold((await page.evaluate(() => globalThis.said)).some((words) => words.includes(t("One moment", "请稍候"))), `${locale}: the wait is explained`);
  const [{ code }] = await messages(`channel=sms&to=${phone}&limit=1`);
  const again = await fetch(`${origin}/apply`, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body });
  hold(again.status === 403, `${locale}: the same work again is answered ${again.status}`);
  hold((await messages(`channel=sms&to=${phone}`)).length === 1, `${locale}: one message was sent`);
  await page.locator("#code").fill(code);
  await page.getByRole("button", { name: t("Start the trial", "开始试用"), exact: true }).click();
  await page.getByText(t("Your trial is ready", "试用已开通")).first().waitFor();
  await context.close();
  step(`${locale}: the browser worked once, and the trial is there`);

  const without = await browser.newContext({ locale, javaScriptEnabled: false, viewport: { width, height: 800 } });
  const eyes = await browser.newContext({ locale, bypassCSP: true, javaScriptEnabled: true, viewport: { width, height: 800 } });
  const plain = watched(await without.newPage());
  await plain.goto(`${origin}/apply`);
  hold((await plain.locator("noscript").innerText()).includes("JavaScript"), `${locale}: what is needed is said at once`);
  await plain.locator("#phone").fill("16673287003");
  await plain.getByRole("button", { name: t("Send code", "获取验证码"), exact: true }).click();
  const told = await plain.locator("main [role=alert]").innerText();
  hold(told.includes(t("Turn on JavaScript", "请启用 JavaScript")) && /(Request id|请求编号) \S{8,}/.test(told), `${locale}: ${told}`);
  hold((await messages("channel=sms&to=16673287003")).length === 0, `${locale}: no message was sent`);
  const eye = await eyes.newPage();
  await eye.setContent(await plain.content());
  await eye.addStyleTag({ url: `${origin}/apply/style.css` });
  await judge(eye, `${locale}: refused by the guard`);
  await without.close();
  await eyes.close();
  step(`${locale}: without scripts, it is said what is needed`);
  hold(faults.length === 0, faults.join("\n"));
} finally {
  await browser.close();
}
