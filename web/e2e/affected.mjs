// Walks the public page "Was I affected?" in Chromium by keyboard alone, 320 px wide, in both languages. Started by
// `cargo test -p hudun-affected --test browser`, which serves the page and the mailbox. HUDUN_SHOTS names a folder for
// screenshots.
import assert from "node:assert/strict";
import { Console } from "./console.mjs";

const { HUDUN_URL: url, HUDUN_MAILBOX: mailbox, HUDUN_SHOTS: shots, HUDUN_APART: apart } = process.env;
const viewer = await Console.open({ url, width: 320, height: 640 });
const { page } = viewer;

/** What has the focus, and whether a person can see that it has. */
const focused = () =>
  page.evaluate(() => {
    const at = document.activeElement;
    const style = getComputedStyle(at);
    return { name: at.id || at.textContent.trim(), tag: at.tagName, seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
  });

/** Presses Tab until the element with this id or text has the focus. */
const tabTo = async (name) => {
  for (let n = 0; n < 20; n += 1) {
    await page.keyboard.press("Tab");
    const at = await focused();
    if (at.tag !== "BODY") assert.ok(at.seen, `the focus on ${at.name} can't be seen`);
    if (at.name === name) return;
  }
  assert.fail(`${name} can't be reached by Tab`);
};

let count = 0;
const look = async (name) => {
  assert.equal(await viewer.overflow(), 0, `${name} is wider than 320 px`);
  // Every input that is shown has a label, and what can be pressed is large enough (WCAG 2.2, 2.5.8: 24 px).
  const wrong = await page.evaluate(() => {
    const fields = [...document.querySelectorAll("input:not([type=hidden]), textarea")];
    const small = [...document.querySelectorAll("button, summary")].filter((part) => part.getBoundingClientRect().height < 24);
    return [...fields.filter((field) => field.labels.length === 0), ...small].map((part) => part.outerHTML);
  });
  assert.deepEqual(wrong, [], name);
  assert.equal(await page.locator("h1").count(), 1, name);
  count += 1;
  if (shots) await page.screenshot({ path: `${shots}/${String(count).padStart(2, "0")}-${name}.png`, fullPage: true });
};

/** Presses Enter, and waits until the next page is here: under an address of its own, or in the place of this one. */
const enter = async (path, part) => {
  if (!apart) {
    await Promise.all([page.waitForURL(path), page.keyboard.press("Enter")]);
    return;
  }
  await page.keyboard.press("Enter");
  await page.locator(part).first().waitFor();
  assert.equal(new URL(page.url()).origin, url, "the person stays where the page is hosted");
};

const first = (lang) => (apart ? `${url}/${lang === "zh" ? "" : "en.html"}` : `${url}/?lang=${lang}`);

const walk = async (lang, words) => {
  await page.goto(first(lang));
  assert.ok((await page.evaluate(() => document.documentElement.lang)).startsWith(lang));
  await look(`${lang}-start`);
  await tabTo("email");
  await page.keyboard.type(words.address);
  await tabTo(words.send);
  await enter(/\/code/, "#code");
  assert.equal((await focused()).name, "code", "the code can be typed at once");
  await look(`${lang}-code`);

  // A wrong code is said, and described at the field.
  await page.keyboard.type("x");
  await enter(/\/answer/, "#problem");
  await page.locator("#problem").waitFor();
  assert.equal(await page.locator("#code").getAttribute("aria-describedby"), "problem");
  await look(`${lang}-wrong`);
  const code = await (await fetch(mailbox)).text();
  await page.locator("#code:focus").waitFor();
  await page.keyboard.type(code);
  await (apart ? page.keyboard.press("Enter") : Promise.all([page.waitForLoadState("load"), page.keyboard.press("Enter")]));
  await page.locator(words.affected ? "section h2" : "h1").first().waitFor();
  await page.getByText(words.shown).first().waitFor();
  await look(`${lang}-answer`);
  if (!words.affected) return;

  await tabTo(words.help);
  await page.keyboard.press("Enter");
  await tabTo("words-0");
  await page.keyboard.type(words.words);
  await look(`${lang}-help`);
  await tabTo(words.ask);
  await enter(/\/help/, ".reference");
  await page.getByText("7KQ2-M4XA").waitFor();
  await look(`${lang}-helped`);
};

try {
  await walk("zh", { address: "li@example.cn", send: "发送验证码", affected: true, shown: "手机号", help: "需要帮助", ask: "请人联系我", words: "有人冒充客服" });
  await walk("en", { address: "wang@example.cn", send: "Send the code", affected: true, shown: "orders", help: "I need help", ask: "Ask to be contacted", words: "Somebody called me" });
  await walk("en", { address: "nobody@example.cn", send: "Send the code", affected: false, shown: "Nothing is under this address" });
  await page.goto(first("zh"));
  await tabTo("English");
  await Promise.all([page.waitForURL(apart ? /en\.html/ : /lang=en/), page.keyboard.press("Enter")]);

  if (apart) {
    // In the midst of it the language changes in place, and the way back leads to the hosted page.
    await page.goto(first("zh"));
    await page.locator("#email").fill("li@example.cn");
    await page.keyboard.press("Enter");
    await page.locator("#code").waitFor();
    await tabTo("English");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Enter the code" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    await page.getByText("Use another address").click();
    await page.waitForURL(/en\.html$/);
    // The answering server is away: it is said, and what was typed stays.
    await page.route("**/code?*", (route) => route.abort());
    await page.locator("#email").fill("li@example.cn");
    await page.keyboard.press("Enter");
    await page.locator(".failed[role=alert]").waitFor();
    assert.equal(await page.locator("#email").inputValue(), "li@example.cn");
    await look("en-failed");
    await page.unroute("**/code?*");
  }

  // No script needed, no cookie, and nothing that the content policy had to refuse.
  assert.deepEqual(await page.context().cookies(), []);
  assert.deepEqual(viewer.faults, []);
} finally {
  await viewer.close();
}
