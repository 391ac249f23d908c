// A visitor in a real browser: the way from the empty form to the trial, and each refusal on it. Prints one line for each step; fails as console.mjs does.
//
// node apply.mjs ORIGIN TOKEN PACKAGES CHROMIUM DATABASE LOCALE WIDTH SCRIPTS

import { spawn } from "node:child_process";
import { once } from "node:events";

import { faults, hold, judge, launch, messages, origin, others, step, token, watched } from "./shared.mjs";

const [database, locale, width, scripts] = others;

async function ops(method, path, body, type = "application/json") {
  const headers = { authorization: `Bearer ${token}`, "content-type": type };
  const answer = await fetch(`${origin}/ops/v1/${path}`, { method, headers, body });
  hold(answer.ok, `${method} ${path}: ${answer.status} ${await answer.text()}`);
}
const threshold = (number) => ops("PUT", "email-quota", JSON.stringify({ threshold: number }));
const sms = async (fault) => {
  const answer = await fetch(`${origin}/sandbox/faults`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ sms: fault }) });
  hold(answer.ok, `faults: ${await answer.text()}`);
};

// Somebody else writes to the database for as long as this lasts.
async function whileLocked(work) {
  const lock = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()";
  const holder = spawn("python3", ["-c", lock, database], { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  try { return await work(); } finally { holder.stdin.end(); await once(holder, "exit"); }
}

const browser = await launch();
try {
  const javaScriptEnabled = scripts === "scripts";
  const number = 1;
  const name = `${locale}, ${width} pixels, ${javaScriptEnabled ? "with" : "without"} scripts`;
  const context = await browser.newContext({ locale, javaScriptEnabled, viewport: { width: Number(width), height: 800 } });
  const eyes = await browser.newContext({ locale, javaScriptEnabled: true, bypassCSP: true, viewport: { width: Number(width), height: 800 } });
  const page = watched(await context.newPage());
  const t = (en, zh) => (locale === "en-US" ? en : zh);
  const phone = (which) => `1667328${String(1000 * number + which).padStart(4, "0")}`;
  const fill = async (fields) => { for (const [field, value] of Object.entries(fields)) await page.locator(`#${field}`).fill(value); };
  // An answer is there when the middle of the page is another one.
  const press = async (label) => {
    await page.evaluate(() => document.querySelector("main").setAttribute("data-before", ""));
    await page.getByRole("button", { name: label, exact: true }).click();
    await page.locator("main:not([data-before])").waitFor();
  };
  const send = () => press(t("Send code", "获取验证码"));
  const start = () => press(t("Start the trial", "开始试用"));
  const told = async (en, zh, role = "alert") => {
    const text = await page.locator(`main [role=${role}]`).innerText();
    hold(text.includes(t(en, zh)), `${name}: ${text}`);
    if (role === "alert") hold(/(Request id|请求编号) \S{8,}/.test(text), `${name}: there is an id to quote: ${text}`);
  };
  const codeFor = async (of) => (await messages(`channel=sms&to=${of}&limit=1`))[0].code;
  const see = async () => {
    const eye = await eyes.newPage();
    await eye.setContent(await page.content());
    await eye.addStyleTag({ url: `${origin}/apply/style.css` });
    await judge(eye, `${name}: ${await page.title()}`);
    await eye.close();
  };

  const first = await page.goto(`${origin}/apply`);
  hold(first.status() === 200 && await page.locator("html").getAttribute("lang") === t("en", "zh-CN"), `${name}: the form`);
  await see();
  const option = await page.locator("#country option").first().innerText();
  hold(option === (javaScriptEnabled ? t("China +86", "中国 +86") : "CN +86"), `${name}: ${option}`);
  await start();
  const problems = page.locator("main .wrong a");
  hold(await problems.count() === 5, `${name}: every empty field is named`);
  hold(await page.locator("main .wrong[role=alert]").evaluate((summary) => summary === document.activeElement), `${name}: the summary has the focus`);
  await see();
  await problems.first().click();
  hold(await page.evaluate(() => document.activeElement.id) === "company", `${name}: the link leads to the field`);
  step(`${name}: empty fields are named`);

  await fill({ company: `Company ${number}`, email: `visitor${number}@example.com`, phone: phone(1) });
  await page.locator("#agreed").check();
  await send();
  await told("We have sent a code", "验证码已发送", "status");
  hold(await page.evaluate(() => document.activeElement.id) === "code", `${name}: the code is typed next`);
  hold(await page.locator("#company").inputValue() === `Company ${number}` && await page.locator("#agreed").isChecked(), `${name}: what was typed stays`);
  const button = page.locator("button.second");
  if (javaScriptEnabled) {
    hold(await button.isDisabled() && /\d+/.test(await button.innerText()), `${name}: the button counts down`);
  } else {
    await send();
    await told("A code was sent to this phone already", "已向该手机发送过验证码");
  }
  await see();
  await fill({ code: "000000x" });
  await start();
  await told("The code is wrong", "验证码错误");
  hold(await page.locator("#code").inputValue() === "", `${name}: a wrong code is not offered again`);
  const code = await codeFor(phone(1));
  await fill({ code });
  await start();
  await told("No trial numbers are left right now", "试用号码暂时已分配完");
  hold(await page.locator("#code").inputValue() === code, `${name}: a code that is good stays`);
  await ops("POST", "access-codes/import", `kind,code\nvoice,9500${number}\nmultimedia,web-${number}\n`, "text/csv");
  await threshold(number - 1);
  await start();
  await told("No more trials can be started today", "今日的试用名额已满");
  await threshold(1000);
  await whileLocked(start);
  await told("Many people are applying right now", "当前申请人数较多");
  step(`${name}: 201, 002, 006, 205 and 005 are explained`);
  await start();
  const text = await page.locator("main").innerText();
  hold(text.includes(t("Your trial is ready", "试用已开通")) && text.includes(`visitor${number}@example.com`), `${name}: ${text}`);
  await see();
  step(`${name}: the trial is there`);

  const again = async (which) => {
    await page.goto(`${origin}/apply`);
    await fill({ company: `Other ${number}-${which}`, email: `other${number}-${which}@example.com`, phone: phone(which) });
    await page.locator("#agreed").check();
  };
  await again(2);
  await fill({ company: ` company  ${number}` });
  await send();
  await fill({ code: await codeFor(phone(2)) });
  await start();
  await told("has a trial or a contract already", "已有试用或正式租户");
  await again(3);
  await fill({ code: "000000" });
  await start();
  await told("The code does not exist or has expired", "验证码不存在或已过期");
  await again(4);
  await send();
  for (const expected of [["The code is wrong", "验证码错误"], ["The code is wrong", "验证码错误"], ["The code is wrong", "验证码错误"], ["The code cannot be verified", "验证码校验异常"]]) {
    await fill({ code: "wrong" });
    await start();
    await told(...expected);
  }
  await again(4);
  await send();
  await told("The code could not be sent", "验证码发送异常");
  await sms("refuse");
  await again(5);
  await send();
  await told("No message can be sent to this phone right now", "短信发送失败");
  await sms("none");
  await threshold(number);
  await again(6);
  await send();
  await told("No more trials can be started today", "今日的试用名额已满");
  await threshold(1000);
  step(`${name}: 004, 001, 003, 202, 204 and 205 for a code are explained`);

  await page.locator(".language").click();
  hold(await page.locator("html").getAttribute("lang") === t("zh-CN", "en"), `${name}: the other language`);
  await page.goto(`${origin}/apply/terms`);
  hold((await page.locator(".terms").innerText()).includes("Be kind."), `${name}: the terms`);
  await context.close();
  await eyes.close();
  hold(faults.length === 0, faults.join("\n"));
} finally {
  await browser.close();
}
