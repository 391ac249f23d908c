// apply.mjs ORIGIN PHONE [CODE COMPANY EMAIL]: has a code sent, or applies.

const base = "/apiaccess/rest/ipccprovision/v1/applyTry/";

async function call(origin, path, fields) {
  const answer = await fetch(origin + base + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fields),
    signal: AbortSignal.timeout(20_000),
  });
  // A problem of RFC 9457: `errors` names each field and what to give.
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return { code: (await answer.json()).returnCode, again: answer.headers.get("retry-after") };
}

const sendCode = (origin, phone) => call(origin, "generateverifycode", { phone });
const apply = (origin, phone, phoneVerifyCode, companyName, email) =>
  call(origin, "applyTenant", { phone, phoneVerifyCode, companyName, email });

const [origin, phone, ...rest] = process.argv.slice(2);
const { code, again } = rest.length ? await apply(origin, phone, ...rest) : await sendCode(origin, phone);
console.log(code, again ?? "");
