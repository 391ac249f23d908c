// The form inside pages of other origins: one that is configured, and one that is not. Fails as console.mjs does.
//
// node embed.mjs ORIGIN TOKEN PACKAGES CHROMIUM CONFIGURED OTHER

import { faults, hold, launch, messages, others, step } from "./shared.mjs";

const [configured, elsewhere] = others;
const browser = await launch();
try {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
  const site = await context.newPage();
  site.on("pageerror", (error) => faults.push(`page: ${error}`));
  site.on("console", (message) => { if (message.type() === "error") faults.push(`console: ${message.text()}`); });
  await site.goto(configured);
  const frame = site.frameLocator("iframe[title='Try it']");
  await frame.getByRole("heading", { name: "Start your trial" }).waitFor();
  const fits = () => site.locator("iframe").evaluate((element) => parseInt(element.style.height, 10));
  const inside = () => frame.locator("html").evaluate((html) => html.scrollHeight);
  await site.waitForFunction(() => document.querySelector("iframe").style.height.endsWith("px"));
  hold(await fits() === await inside(), "the frame is as high as the form");
  step("the form is in the page of a configured origin, and as high as it has to be");

  await frame.locator("#company").fill("Embedded Ltd");
  await frame.locator("#email").fill("embedded@example.com");
  await frame.locator("#phone").fill("16673289001");
  await frame.getByRole("button", { name: "Send code", exact: true }).click();
  await frame.getByRole("status").waitFor();
  await frame.locator("#code").fill((await messages("channel=sms&to=16673289001&limit=1"))[0].code);
  await frame.getByRole("button", { name: "Start the trial", exact: true }).click();
  await frame.getByText("Your trial is ready").first().waitFor();
  await site.waitForFunction(() => document.title === "applied");
  step("a visitor has applied, and the page was told");

  const other = await context.newPage();
  const refused = other.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
  await other.goto(elsewhere);
  await refused;
  hold(await other.frameLocator("iframe").getByRole("heading", { name: "Start your trial" }).count() === 0, "no form elsewhere");
  step("the browser shows no form in the page of another origin");
  hold(faults.length === 0, faults.join("\n"));
} finally {
  await browser.close();
}
