// Drives the console in a real Chromium as a person would. Used by the browser tests of the whole drill.
//
//   const console = await Console.open({ url: "http://127.0.0.1:9443" });
//   await console.signIn("li.lei", password, totpSecret);
//
// The browser is CHROMIUM or /usr/bin/chromium; every run has a profile of its own.
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export class Console {
  /** Opens a browser with a fresh profile. `width` 375 is a phone. */
  static async open({ url, width = 1440, height = 900 }) {
    const profile = mkdtempSync(join(tmpdir(), "hudun-e2e-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: FLAGS,
      viewport: { width, height },
      acceptDownloads: true,
    });
    return new Console(url, context, profile);
  }

  constructor(url, context, profile) {
    this.url = url;
    this.context = context;
    this.profile = profile;
    this.page = context.pages()[0];
    /** Errors of the page and refusals of the content policy: a test asserts that there are none. */
    this.faults = [];
    this.page.on("pageerror", (error) => this.faults.push(String(error)));
    this.page.on("console", (line) => {
      // A refused command is logged by the browser as a failed resource; that is not a fault of the page.
      if (line.type() === "error" && !/Failed to load resource/.test(line.text())) this.faults.push(line.text());
    });
  }

  async close() {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true });
  }

  /** Signs in by password, then by code where one is asked for. */
  async signIn(account, password, secret) {
    const { page } = this;
    await page.goto(this.url);
    await page.locator("#account").fill(account);
    await page.locator("#password").fill(password);
    await page.locator("button[type=submit]").click();
    const code = page.locator("#code");
    await page.locator("header.top").or(code).first().waitFor();
    if (await code.isVisible()) {
      await code.fill(totp(secret));
      await page.locator("button[type=submit]").click();
    }
    await page.locator("[data-testid=online][data-online=true]").waitFor();
  }

  async signOut() {
    await this.page.locator("header.top button").last().click();
    await this.page.locator("#account").waitFor();
  }

  /** `zh` or `en`. */
  async language(lang) {
    await this.page.getByText(lang === "zh" ? "中文" : "English", { exact: true }).click();
    await this.page.waitForFunction((want) => document.documentElement.lang.startsWith(want), lang);
  }

  /** An element by its test id, narrowed by its data attributes: part("notice", { audience: "person" }). */
  part(testid, data = {}) {
    const narrowed = Object.entries(data).map(([name, value]) => `[data-${name}="${value}"]`);
    return this.page.locator(`[data-testid="${testid}"]${narrowed.join("")}`);
  }

  async openIncident(id) {
    await this.page.goto(`${this.url}/incidents/${id}`);
    await this.part("grade").first().waitFor();
  }

  /** The figure of a box such as scope-likely, as a number. */
  async figure(testid) {
    const text = await this.part(testid).locator("b").innerText();
    return Number(text.replace(/[^\d.]/g, ""));
  }

  /** How far the page is wider than the window; 0 is right. */
  async overflow() {
    return this.page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
  }
}

/** RFC 6238: six digits, thirty seconds, SHA-1. */
export function totp(secret, now = Date.now()) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/=+$/, "")].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)));
  const mac = createHmac("sha1", key).update(step).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
