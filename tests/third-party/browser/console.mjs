// An operator at work in a real browser, from the refusal of an applicant to the audit. Prints one line for each step; fails at
// the first thing that is not as it should be: an error of the console, a breach of the content security policy, a request to
// another origin, a serious finding of axe.
//
// node console.mjs ORIGIN TOKEN PACKAGES CHROMIUM LOCALE SCRIPTS ADMINISTRATOR

import { api, faults, hold, judge, launch, messages, origin, others, step, token, watched } from "./shared.mjs";

async function codeFor(phone) {
  hold(await api("generateverifycode", { phone }) === "200", "a code is sent");
  return (await messages(`channel=sms&to=${phone}&limit=1`))[0].code;
}

async function look(browser, context, address) {
  const eye = await browser.newContext({ bypassCSP: true, storageState: await context.storageState(), viewport: { width: 360, height: 740 } });
  const page = await eye.newPage();
  await page.goto(address);
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
  await judge(page, address);
  await eye.close();
}

const [locale, scripts, administrator] = others;
const javaScriptEnabled = scripts === "scripts";
const browser = await launch();
try {
  const context = await browser.newContext({ locale, javaScriptEnabled, viewport: { width: 1280, height: 900 } });
  const page = watched(await context.newPage());
  const isEnglish = locale === "en-US";
  const t = (en, zh) => (isEnglish ? en : zh);
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const menu = (name) => page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  const signIn = async (token) => {
    await page.locator("input[name=token]").fill(token);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${origin}/console/`);
  };
  const noted = async () => hold(await page.locator(".note").count() === 1, `${page.url()} says what was done`);
  const phone = isEnglish ? "16673280001" : "16673280002";
  const applicant = async (code) => api("applyTenant", { companyName: `Browser ${locale}`, phone, phoneVerifyCode: code, email: `${locale}@example.com` });

  await page.goto(`${origin}/console/`);
  hold(page.url().endsWith("/console/sign-in"), "nobody is let in without a token");
  await page.locator("input[name=token]").fill("wrong");
  await press(t("Sign in", "登录"));
  hold(await page.getByRole("alert").count() === 1, "a wrong token is refused in words");
  await signIn(token);
  step(`${locale}: signed in`);

  const code = await codeFor(phone);
  const refused = await applicant(code);
  hold(refused === "006", `there is no access code yet, so the answer is not ${refused}`);
  await menu(t("Applications", "申请"));
  await page.locator("input[name=find]").fill(phone);
  await press(t("Search", "搜索"));
  await page.locator("tbody a").first().click();
  const story = await page.locator("ol.story").innerText();
  hold(story.includes("no voice and no multimedia access code was free") && story.includes("0 free of"), `the story says why: ${story}`);
  hold(story.includes("trialgate access-codes import"), "the story says what to do");
  step(`${locale}: found why it was 006`);

  await menu(t("Access codes", "接入码"));
  await page.locator("textarea").fill(isEnglish ? "voice,95001\nfax,1" : "voice,95002\nfax,1");
  await press(t("Import", "导入"));
  hold(await page.getByRole("alert").count() === 1, "a bad row is named");
  await page.locator("textarea").fill(isEnglish ? "voice,95001\nmultimedia,web-1" : "voice,95002\nmultimedia,web-2");
  await press(t("Import", "导入"));
  await noted();
  hold(await applicant(code) === "000", "the applicant gets through with the same code");
  step(`${locale}: imported access codes, and the applicant succeeds`);

  await menu(t("Settings", "设置"));
  const taken = await page.locator("main p").first().innerText();
  const reserved = /\d+/.exec(taken)[0];
  await page.locator("input[name=threshold]").fill(reserved);
  await press(t("Set", "设置"));
  await noted();
  hold(await api("generateverifycode", { phone: isEnglish ? "16673280003" : "16673280004" }) === "205", "the threshold is reached");
  await page.locator("input[name=threshold]").fill("1000");
  await press(t("Set", "设置"));
  await noted();
  hold(await api("generateverifycode", { phone: isEnglish ? "16673280003" : "16673280004" }) === "200", "the threshold was raised");
  step(`${locale}: raised the threshold after a 205`);

  await menu(t("Tenants", "租户"));
  await page.locator("tbody a").first().click();
  await press(t("Send the account mail again", "重发账号邮件"));
  await noted();
  await press(t("Convert to commercial", "转为正式租户"));
  await noted();
  hold((await page.locator("dl").innerText()).includes(t("commercial", "正式租户")), "the tenant is commercial");
  await press(t("Show phone and e-mail in full (audited)", "显示完整手机号和邮箱（记入审计）"));
  hold((await page.locator("dl").innerText()).includes(`${locale}@example.com`), "the address is shown in full");
  step(`${locale}: sent the account again and converted the tenant`);

  await api("generateverifycode", { phone: "16673290001" });
  await menu(t("Number ranges", "号段"));
  hold((await page.locator("tbody").innerText()).includes("+861667329"), "a prefix whose codes are not used is found out");
  await press(t("Unblock +861667329", "解除封禁 +861667329"));
  await noted();
  hold(!(await page.locator("main").innerText()).includes("+861667329"), "the prefix is released");
  await page.locator("input[name=prefix]").fill("+86166732");
  await page.locator("input[name=reason]").fill("our office");
  await press(t("Add to the safe list", "加入白名单"));
  await noted();
  hold((await page.locator("tbody").innerText()).includes("our office"), "the safe list says why");
  step(`${locale}: released a prefix, and made it safe`);

  await menu(t("API clients", "API 客户端"));
  await press(`${t("Suspend", "暂停")} site`);
  await noted();
  hold((await page.locator("tbody").innerText()).includes(t("suspended", "已暂停")), "the caller is suspended");
  await press(`${t("Resume", "恢复")} site`);
  await noted();
  step(`${locale}: suspended a caller and resumed it`);

  await menu(t("Audit", "审计"));
  const audit = await page.locator("tbody").innerText();
  for (const action of ["tenant.convert", "tenant.resend_mail", "tenant.reveal", "setting.set", "access_codes.import", "prefix.release", "prefix.safe_add", "caller.suspend"]) {
    hold(audit.includes(action), `${action} is in the audit`);
  }
  step(`${locale}: read the audit`);

  if (isEnglish) {
    for (const path of ["", "applications", "tenants", "access-codes", "mails", "phones?find=16673280001", "prefixes", "callers", "settings", "audit"]) {
      await look(browser, context, `${origin}/console/${path}`);
    }
    await menu("Applications");
    await page.locator("tbody a").first().click();
    await look(browser, context, page.url());
    await menu("Tenants");
    await page.locator("tbody a").first().click();
    await look(browser, context, page.url());
    step("axe found nothing serious, and the pages fit a phone");
  }
  await press(t("Sign out", "退出"));
  hold(page.url().includes("/console/sign-in"), "signed out");
  await page.goto(`${origin}/console/audit`);
  hold(page.url().endsWith("/console/sign-in"), "the session is over");

  await signIn(administrator);
  if (isEnglish) {
    await look(browser, context, `${origin}/console/callers`);
    await look(browser, context, `${origin}/console/settings`);
  }
  await menu(t("API clients", "API 客户端"));
  await page.getByText(t("Change the limits", "修改限制"), { exact: true }).click();
  await page.locator("input[name=query]").uncheck();
  await page.locator("input[name=rate]").fill("60");
  await press(`${t("Set", "设置")} site`);
  await noted();
  hold((await page.locator("tbody").innerText()).includes("verify-codes apply\t60"), "the limits are in force");
  await page.getByText(t("Remove permanently", "永久移除"), { exact: true }).click();
  await press(`${t("Remove", "移除")} site`);
  hold(!(await page.locator("tbody").innerText()).includes(t("removed", "已移除")), "nobody is removed by one click");
  await page.locator("input[name=sure]").check();
  await press(`${t("Remove", "移除")} site`);
  await noted();
  hold((await page.locator("tbody").innerText()).includes(t("removed", "已移除")), "the caller is removed");
  step(`${locale}: limited a caller and removed it, as an administrator`);
  await context.close();
  hold(faults.length === 0, faults.join("\n"));
} finally {
  await browser.close();
}
