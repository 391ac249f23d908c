// The owner of a trial in a real browser: from the empty form to the tenant's page, and in again by another password. Prints one
// line for each step; fails as console.mjs does.
//
// node portal.mjs ORIGIN TOKEN PACKAGES CHROMIUM LOCALE WIDTH SCRIPTS

import { faults, hold, judge, launch, messages, origin, others, step, watched } from "./shared.mjs";

const [locale, width, scripts] = others;
const javaScriptEnabled = scripts === "scripts";

const browser = await launch();
try {
  const name = `${locale}, ${width} pixels, ${javaScriptEnabled ? "with" : "without"} scripts`;
  const viewport = { width: Number(width), height: 800 };
  const context = await browser.newContext({ locale, javaScriptEnabled, viewport });
  const page = watched(await context.newPage());
  const t = (en, zh) => (locale === "en-US" ? en : zh);
  const [phone, email] = ["16673285001", "owner@example.com"];
  const press = (label) => page.getByRole("button", { name: label, exact: true }).click();
  const fill = async (fields) => { for (const [field, value] of Object.entries(fields)) await page.locator(`#${field}`).fill(value); };
  // The policy lets no script of others in: axe looks with the same session, and the policy switched off.
  const see = async (path) => {
    const eyes = await browser.newContext({ locale, bypassCSP: true, viewport, storageState: await context.storageState() });
    const eye = await eyes.newPage();
    await eye.goto(`${origin}${path}`);
    await judge(eye, `${name}: ${path}`);
    await eyes.close();
  };

  await page.goto(`${origin}/apply`);
  await fill({ company: "Owner", email, phone });
  await press(t("Send code", "获取验证码"));
  await page.locator("main [role=status]").waitFor();
  await fill({ code: (await messages(`channel=sms&to=${phone}&limit=1`))[0].code });
  await press(t("Start the trial", "开始试用"));
  await page.locator("#applied").waitFor();
  let mail;
  while (!(mail = (await messages(`channel=mail&to=${email}&limit=1`))[0])) await new Promise((again) => setTimeout(again, 20));
  const [account] = /admin@[0-9a-f-]{36}/.exec(mail.text);
  const [initial] = /\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b/.exec(mail.text);
  await page.locator("main a[href*='/portal/']").click();
  hold(page.url() === `${origin}/portal/sign-in`, `${name}: ${page.url()}`);
  await see("/portal/sign-in");
  step(`${name}: from the form to the portal's door`);

  const enter = async (password) => {
    await fill({ account, password });
    await press(t("Sign in", "登录"));
    await page.waitForLoadState();
  };
  await enter("wrong");
  hold(await page.getByRole("alert").count() === 1, `${name}: a wrong password is refused in words`);
  await enter(initial);
  hold(page.url().endsWith("/portal/password"), `${name}: a password has to be chosen, not ${page.url()}`);
  await see("/portal/password");
  const choose = async (password) => {
    await fill({ new: password, again: password });
    await press(t("Set password", "设置密码"));
    await page.waitForLoadState();
  };
  await choose("passwordpassword");
  hold(await page.getByRole("alert").count() === 1, `${name}: one that is tried first is refused`);
  await choose("tulpe wagen mond 7");
  hold(await page.getByRole("status").count() === 1, `${name}: it is set`);
  const text = await page.locator("main").innerText();
  for (const part of ["Owner", account, t("Days left", "剩余天数")]) hold(text.includes(part), `${name}: ${part} in ${text}`);
  hold(!text.includes(email) && !text.includes(phone), `${name}: the contact is masked`);
  await see("/portal/");
  step(`${name}: chose a password, and saw the tenant`);

  await press(t("Become a customer", "申请转为正式租户"));
  await page.locator("#asked").waitFor();
  await see("/portal/");
  await press(t("Withdraw the request", "撤回申请"));
  await page.waitForLoadState();
  hold(await page.locator("#asked").count() === 0, `${name}: the wish is taken back`);
  step(`${name}: asked for conversion, and thought otherwise`);

  await press(t("Sign out", "退出登录"));
  await page.waitForLoadState();
  await page.goto(`${origin}/portal/`);
  hold(page.url().endsWith("/portal/sign-in"), `${name}: signed out`);
  await enter(initial);
  hold(await page.getByRole("alert").count() === 1, `${name}: the initial password is used up`);
  await enter("tulpe wagen mond 7");
  hold(page.url().endsWith("/portal/"), `${name}: in by the new password`);
  step(`${name}: in again by the new password alone`);

  const elsewhere = await browser.newContext({ locale, javaScriptEnabled, viewport, storageState: await context.storageState() });
  const other = watched(await elsewhere.newPage());
  await other.goto(`${origin}/portal/`);
  hold(other.url().endsWith("/portal/"), `${name}: in elsewhere too`);
  await press(t("Sign out everywhere", "在所有设备上退出"));
  await page.waitForLoadState();
  await other.reload();
  hold(other.url().endsWith("/portal/sign-in"), `${name}: signed out everywhere, not at ${other.url()}`);
  await elsewhere.close();
  step(`${name}: signed out everywhere`);

  await page.getByRole("link", { name: t("Forgot password?", "忘记密码？") }).click();
  await page.waitForLoadState();
  await see("/portal/lost");
  await fill({ account: email });
  await press(t("Send link", "发送链接"));
  await page.locator("#asked").waitFor();
  let link;
  while (!(link = /http:\/\/\S+\/portal\/new-password\?link=[\w-]+/.exec((await messages(`channel=mail&to=${email}&limit=1`))[0].text))) await new Promise((again) => setTimeout(again, 20));
  const path = link[0].slice(origin.length);
  hold(link[0].startsWith(`${origin}/portal/`), `${name}: the link leads here, not to ${link[0]}`);
  await page.goto(link[0]);
  await see(path);
  await choose("noch ein langer satz");
  hold(page.url().includes("/portal/?said=chosen"), `${name}: in by the link, not at ${page.url()}`);
  await page.goto(link[0]);
  hold(await page.getByRole("alert").count() === 1, `${name}: the link is over`);
  await context.close();
  step(`${name}: lost the password, and chose another by a link that works once`);
  hold(faults.length === 0, faults.join("\n"));
} finally {
  await browser.close();
}
