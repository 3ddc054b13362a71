// Walks the console in Chromium: both languages, a phone's width, two persons, live updates, no fault of the page.
// Started by `cargo test -p hudun-console --test browser`, which serves the console and passes its address.
import assert from "node:assert/strict";
import { Console, totp } from "./console.mjs";

const { HUDUN_URL: url, HUDUN_PASSWORD: password, HUDUN_SECRET: secret } = process.env;
const open = [];
const viewer = async (options = {}) => {
  const console = await Console.open({ url, ...options });
  open.push(console);
  return console;
};

try {
  const lead = await viewer();
  await lead.signIn("li.lei", password);
  await lead.part("incident").first().waitFor();
  await lead.part("start-drill").click();
  await lead.part("alarm").waitFor();
  await lead.part("alarm-open").click();
  assert.equal(await lead.figure("scope-likely"), 214);
  const room = new URL(lead.page.url()).pathname;
  for (const stage of ["监", "响", "隔", "析", "修", "通", "防"]) {
    await lead.page.locator(".stages").getByText(stage, { exact: true }).waitFor();
  }
  await lead.page.getByText("泄露范围").first().waitFor();
  await lead.language("en");
  await lead.page.getByText("Duties and deadlines").waitFor();
  const clock = () => lead.part("duty", { applies: "yes" }).locator(".clock").last().innerText();
  const before = await clock();
  await lead.page.waitForTimeout(1500);
  assert.notEqual(await clock(), before, "the count-down ticks");

  // One person asks, another approves on a phone, and the first one sees it without reloading.
  await lead.part("undo").first().click();
  await lead.part("approval").waitFor();
  assert.equal(await lead.part("approve").count(), 0, "whoever asked sees no button to approve");
  const second = await viewer({ width: 375, height: 800 });
  await second.signIn("han.mei", password);
  await second.page.goto(`${url}/approvals`);
  await second.part("approve").click();
  await lead.part("restriction", { lift: "gone" }).waitFor();
  for (const path of ["/", "/incidents", "/findings", "/exposures", "/inspection", "/approvals", "/policy", "/account", room]) {
    await second.page.goto(url + path);
    await second.page.locator("main .ant-card").first().waitFor();
    assert.equal(await second.overflow(), 0, `${path} is wider than a phone`);
  }

  // What is true of us of what was published: four lines each, a statement takes a reason, an asset is entered by hand.
  await lead.page.goto(`${url}/exposures`);
  const exposure = lead.part("exposure", { vulnerability: "CVE-2026-0001" });
  await exposure.waitFor();
  assert.equal(await exposure.getByTestId("story").locator("li").count(), 4);
  await exposure.getByTestId("check").click();
  await exposure.getByTestId("state").click();
  const state = lead.page.locator(".ant-modal-footer .ant-btn").last();
  assert.equal(await state.isDisabled(), true, "a statement takes a reason");
  await lead.page.locator(".ant-modal textarea").fill("the search is turned off");
  await state.click();
  await lead.page.locator(".ant-modal").waitFor({ state: "detached" });
  assert.equal(await lead.part("feed", { state: "shrunk" }).locator("button").count(), 1, "what is held back can be taken");
  await lead.page.getByTestId("add-asset").click();
  await lead.page.getByTestId("asset-name").fill("mail-01");
  await lead.page.getByTestId("asset-product").fill("Postfix");
  await lead.page.locator(".ant-modal-footer .ant-btn").last().click();
  await lead.page.locator(".ant-modal").waitFor({ state: "detached" });
  await lead.page.getByTestId("subscribe-text").fill("nginx");
  await lead.page.getByTestId("subscribe").click();

  // What the inspection stopped; an exception shows what it would let pass before it counts.
  await lead.page.goto(`${url}/inspection`);
  await lead.part("stop", { rule: "1000200" }).getByTestId("except").click();
  await lead.part("preview").getByText("1' or '1'='1").waitFor();
  const confirm = lead.page.locator(".ant-modal-footer .ant-btn").last();
  assert.equal(await confirm.isDisabled(), true, "an exception takes a reason");
  await lead.page.locator(".ant-modal textarea").fill("the search takes quotes");
  await confirm.click();
  await lead.part("exception").getByText("the search takes quotes").waitFor();

  // What a parameter looks like is shown in words, found by name and decided with a reason.
  await lead.part("parameters").locator("input").first().fill("page");
  await lead.part("parameter", { parameter: "search" }).waitFor({ state: "detached" });
  await lead.part("parameter", { parameter: "page" }).getByTestId("rule-parameter").click();
  const decide = lead.page.locator(".ant-modal-footer .ant-btn").last();
  assert.equal(await decide.isDisabled(), true, "a decision takes a reason");
  await lead.page.locator(".ant-modal textarea").fill("pages are numbers");
  await decide.click();
  await lead.page.locator(".ant-modal").waitFor({ state: "detached" });
  await lead.page.goto(url + room);

  // When it was known: a moment, evidence and a reason; a second decision corrects the first, and both stay. Only legal
  // sees the way past a gate.
  const legal = await viewer();
  await legal.signIn("wang.fa", password);
  await legal.page.goto(url + room);
  const confirmed = () => legal.page.locator(".ant-modal-footer .ant-btn").last();
  for (const [moment, evidence] of [
    ["2026-11-20T09:30", "#7"],
    ["2026-11-20T08:15:30", "a customer called"],
  ]) {
    await legal.part("decide-aware").click();
    assert.equal(await confirmed().isDisabled(), true, "a decision takes evidence and a reason");
    await legal.page.locator("#aware-at").fill(moment);
    await legal.page.locator("#aware-evidence").fill(`${evidence}\nthe log of the watch`);
    await legal.page.locator(".ant-modal textarea").last().fill("the watch confirmed it");
    await confirmed().click();
    await legal.page.locator(".ant-modal").waitFor({ state: "detached" });
    await legal.part("awareness", { current: "true" }).getByText(moment).waitFor();
  }
  await legal.part("awareness", { current: "false" }).getByText("2026-11-20T09:30:00").waitFor();
  assert.equal(await lead.part("release-gate").count(), 0, "the commander does not release a gate");
  await lead.part("gate", { state: "stop" }).getByTestId("gate-next").waitFor();
  await legal.part("release-gate").click();
  await legal.page.locator("#gate-what").fill("the number of the hole, to ENISA");
  await legal.page.locator("#gate-reference").fill("2026-17");
  assert.equal(await confirmed().isDisabled(), true, "a release takes a reason");
  await legal.page.locator(".ant-modal textarea").fill("the patch is out");
  await confirmed().click();
  await legal.part("gate", { state: "released" }).waitFor();
  await legal.part("revoke-gate").click();
  await legal.page.locator(".ant-modal textarea").fill("it is being used");
  await confirmed().click();
  await legal.part("gate", { state: "stop" }).getByTestId("gate-act").nth(1).waitFor();

  // A notice: legal, then the commander, then out.
  for (const [who, role] of [
    [legal, "legal"],
    [lead, "commander"],
  ]) {
    await who.part("notice", { audience: "person" }).locator("button").click();
    await who.part(`approve-notice-${role}`).click();
    await who.part("notice-approval", { role }).locator(".ant-tag-green, .ant-tag-color-green").or(who.part("send-notice")).first().waitFor();
  }
  await lead.part("send-notice").click();
  await lead.page.getByRole("button", { name: "confirm-send" }).click();
  await lead.part("notice", { audience: "person", state: "sent" }).waitFor();
  // One letter was cut off: a person has looked into the mail server's log.
  await lead.part("letter-taken").click();
  await lead.part("open-letter").waitFor({ state: "detached" });
  await lead.page.keyboard.press("Escape");
  // A vendor's letters: all at once, legal, then the commander; the one without a contact is left to a person.
  for (const [who, role] of [
    [legal, "legal"],
    [lead, "commander"],
  ]) {
    await who.page.goto(url + room);
    await who.part("tenant-letters").getByTestId(`approve-letters-${role}`).click();
    await who.page.getByRole("button", { name: "confirm-approve-letters" }).click();
    await who.part("tenant-letters").getByTestId(`approve-letters-${role}`).waitFor({ state: "detached" });
  }
  await lead.part("send-letters").click();
  await lead.page.getByRole("button", { name: "confirm-send-letters" }).click();
  await lead.part("letter-to", { tenant: "north" }).locator(".ant-tag-green, .ant-tag-color-green").first().waitFor();
  await lead.part("tenant-letters").getByText("1 of 2 tenants told").waitFor();
  await lead.part("letter-to", { tenant: "west" }).getByText("a person hands it over").first().waitFor();
  const [file] = await Promise.all([lead.page.waitForEvent("download"), lead.part("export-evidence").click()]);
  assert.match(file.suggestedFilename(), /\.hudun$/);

  // A first log-in by keyboard alone: code, new password, in.
  const fresh = await viewer({ width: 375, height: 800 });
  await fresh.page.goto(url);
  await fresh.page.locator("#account").fill("new.one");
  await fresh.page.locator("#password").fill(password);
  await fresh.page.keyboard.press("Enter");
  await fresh.page.locator("#code").fill(totp(secret));
  await fresh.page.keyboard.press("Enter");
  await fresh.page.locator("#old").fill(password);
  await fresh.page.locator("#new").fill("a quiet lake in autumn");
  await fresh.page.locator("#again").fill("a quiet lake in autumn");
  await fresh.page.keyboard.press("Enter");
  await fresh.page.locator("header.top").waitFor();

  for (const console of open) assert.deepEqual(console.faults, []);
} finally {
  for (const console of open) await console.close();
}
