// The pictures of the README: one drill in the demo, looked at as the commander. Started by scripts/screenshots.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Console } from "./console.mjs";

const PASSWORD = "a lantern over still water";
/** Minutes of ordinary work before the drill, in milliseconds. */
const QUIET = 200_000;

/** Walks through a drill at `url` and leaves the pictures in `folder`. */
export async function takePictures({ url, password, folder }) {
  mkdirSync(folder, { recursive: true });
  const lead = await Console.open({ url, width: 1440, height: 960 });
  try {
    await firstLogIn(lead, password);
    const { page } = lead;
    const picture = (name, options = {}) =>
      page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled", caret: "hide", ...options });
    await page.waitForTimeout(QUIET); // some of the staff's ordinary day, so that the curves show it
    await lead.part("start-drill").click();
    await lead.part("alarm").waitFor();
    await lead.part("alarm-open").click();
    await lead.part("acknowledge").click();
    await lead.part("scope-likely").waitFor({ timeout: 60_000 });
    await lead.part("approve-step").first().waitFor({ timeout: 60_000 });
    await lead.part("notice").first().waitFor({ timeout: 60_000 });
    await page.waitForTimeout(5_000); // the attacker has been shut out by then, and the scope stands still
    const room = page.url();
    await page.evaluate(() => scrollTo(0, 0));
    await picture("war-room-zh");
    // The bar of stages stays in view and would lie over the picture of a panel.
    const bar = (position) => page.locator(".stages").evaluate((stages, value) => (stages.style.position = value), position);
    await bar("static");
    const panel = lead.part("scope").locator("xpath=ancestor-or-self::div[contains(concat(' ', @class, ' '), ' ant-card ')][1]");
    await panel.screenshot({ path: join(folder, "scope.png"), animations: "disabled" });
    await bar("");
    await lead.language("en");
    await page.evaluate(() => scrollTo(0, 0));
    await picture("war-room-en");
    await lead.language("zh");
    await page.goto(url);
    await lead.part("open-incidents").waitFor();
    await page.waitForTimeout(2_000);
    await picture("overview");
    await page.setViewportSize({ width: 375, height: 812 });
    await page.goto(room);
    await lead.part("grade").first().waitFor();
    await page.waitForTimeout(1_000);
    await picture("narrow");
    if (lead.faults.length > 0) throw new Error(`faults of the page:\n${lead.faults.join("\n")}`);
  } finally {
    await lead.close();
  }
}

/** A one-time password is changed before anything else. */
async function firstLogIn({ page, url }, password) {
  await page.goto(url);
  await page.locator("#account").fill("commander");
  await page.locator("#password").fill(password);
  await page.keyboard.press("Enter");
  await page.locator("#old").fill(password);
  await page.locator("#new").fill(PASSWORD);
  await page.locator("#again").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator("[data-testid=online][data-online=true]").waitFor();
}
