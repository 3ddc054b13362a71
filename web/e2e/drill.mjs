// The whole drill through the console, as people would do it: five persons, each in a browser of their own.
import assert from "node:assert/strict";
import { Console } from "./console.mjs";

const PATIENCE = 60_000;
/** The password that everybody chooses. */
const OWN = "a quiet lake in autumn";

/** Drives the drill on a demo with fresh data. `attacker` tells, once the attack is over, how many customers it has. */
export async function driveDrill({ url, passwords, attacker }) {
  const open = [];
  const enter = async (account, options = {}) => {
    const person = await Console.open({ url, ...options });
    person.page.setDefaultTimeout(PATIENCE);
    open.push(person);
    await firstLogIn(person, account, passwords[account]);
    return person;
  };
  try {
    const lead = await enter("commander");
    const security = await enter("security");
    const it = await enter("it");
    const legal = await enter("legal", { width: 375, height: 800 });

    // 监, 响: the alarm comes by itself, and leads to a case of grade high with its rows and tasks.
    await lead.page.goto(`${url}/`);
    await lead.part("start-drill").click();
    await lead.part("alarm").waitFor();
    await lead.part("alarm-open").click();
    await lead.part("grade", { grade: "high" }).first().waitFor();
    await lead.part("grade-row").first().waitFor();
    const room = new URL(lead.page.url()).pathname;
    for (const department of ["it", "security", "legal", "pr", "business"]) {
      await lead.part("task", { department }).first().waitFor();
    }
    const stolen = await attacker();
    await lead.part("acknowledge").click();

    // 隔, 析: one button; containment, then the scope, which is the attacker's own list.
    await lead.part("start-run").click();
    await lead.part("restriction").nth(3).waitFor();
    await lead.part("scope-likely").waitFor();
    assert.equal(await lead.figure("scope-likely"), stolen, "the scope is not the attacker's list");
    await lead.part("duty", { id: "CN-PIPL-57", applies: "yes" }).waitFor();
    for (const id of ["CN-NCIR-4", "CN-NDSR-11", "EU-GDPR-33", "EU-GDPR-34"]) {
      assert.ok((await lead.part("duty", { id }).count()) > 0, `${id} is not shown`);
    }
    await lead.part("severity").first().waitFor();

    // 修: the patch is proven, a second person approves it, the SCRM is fixed, and the fix is proven.
    await security.page.goto(url + room);
    await lead.part("patch").first().waitFor();
    await security.part("approve-step").click();
    await it.page.goto(`${url}/`);
    await it.part("restart-hardened").click();
    await it.part("vulnerable", { vulnerable: "false" }).waitFor();
    await it.page.goto(url + room);
    await it.part("approve-step").click();
    await lead.part("repair", { verdict: "pass" }).waitFor();
    await lead.part("retrospective").first().waitFor();

    // 通: legal on a phone, then the commander; the bulletin goes out.
    const bulletin = { audience: "staff", lang: "zh-CN" };
    await lead.part("notice", bulletin).locator("button").first().click();
    await lead.part("approve-notice-commander").click();
    await lead.part("send-notice").click();
    await lead.page.getByRole("button", { name: "confirm-send" }).click();
    await lead.part("notice", { ...bulletin, state: "sent" }).waitFor();
    await lead.page.keyboard.press("Escape");
    await legal.page.goto(url + room);
    await legal.part("notice", { audience: "person", lang: "zh-CN" }).locator("button").first().click();
    await legal.part("approve-notice-legal").click();
    await legal.part("notice-approval", { role: "legal" }).first().waitFor();
    assert.equal(await legal.overflow(), 0, "the war-room is wider than a phone");

    // 隔 again: what one person asks to lift, another approves.
    await security.part("undo").first().click();
    await lead.page.goto(`${url}/approvals`);
    if ((await lead.part("approve").count()) > 0) await lead.part("approve").first().click();

    // 防: evidence; and the same page in English.
    await lead.page.goto(url + room);
    const [file] = await Promise.all([lead.page.waitForEvent("download"), lead.part("export-evidence").click()]);
    assert.match(file.suggestedFilename(), /\.(hudun|tar)$/);
    await lead.language("en");
    await lead.page.getByText("Duties and deadlines").waitFor();
    for (const person of open) assert.deepEqual(person.faults, []);
    return { stolen };
  } catch (error) {
    for (const person of open) console.error(await standing(person));
    if (process.env.HUDUN_E2E_PICTURE) await open.at(-1)?.page.screenshot({ path: process.env.HUDUN_E2E_PICTURE, fullPage: true });
    throw error;
  } finally {
    for (const person of open) await person.close();
  }
}

/** Where a person stands when a drill breaks off: page, notices, messages, faults. */
async function standing({ page, faults }) {
  const texts = (part) => page.locator(part).allInnerTexts().catch(() => []);
  const shown = [...(await texts("[data-testid=notice]")), ...(await texts(".ant-message, .ant-alert, .ant-popover"))];
  return [page.url(), ...shown.map((text) => text.replace(/\s+/g, " ")), ...faults].join("\n    ");
}

/** The one-time password, then one of their own. */
async function firstLogIn(person, account, password) {
  const { page } = person;
  await page.goto(person.url);
  await page.locator("#account").fill(account);
  await page.locator("#password").fill(password);
  await page.keyboard.press("Enter");
  await page.locator("#old").fill(password);
  await page.locator("#new").fill(OWN);
  await page.locator("#again").fill(OWN);
  await page.keyboard.press("Enter");
  await page.locator("header.top").waitFor();
}
