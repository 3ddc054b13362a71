// Starts `hudun demo` for a script, tells where it listens, and stops it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";

/** The binary named on the command line, or the release build. */
export function binary(named) {
  const built = `${process.env.CARGO_TARGET_DIR ?? "target"}/release/hudun`;
  const file = named ?? built;
  if (!existsSync(file)) throw new Error(`${file} does not exist; build it with: cargo build --release`);
  return file;
}

/** Runs a program to its end; `{ status, stdout, stderr }`. `show` passes its log on, without the progress lines. */
export function run(program, args, { env = {}, show = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    if (show) createInterface(child.stderr).on("line", (line) => console.error(line.replace(/^.*\r\x1b\[K/, "")));
    child.on("error", reject);
    child.on("close", (status, signal) => {
      children.delete(child);
      resolve({ status: status ?? signal, stdout, stderr });
    });
  });
}

/** A demo on free ports: `console`, `scrm`, `passwords` (of a first start), `stop()`. */
export async function startDemo(hudun, data, args = [], seconds = 120) {
  const child = spawn(hudun, ["demo", "--data", data, "--port", "0", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let said = "";
  let log = "";
  const ended = new Promise((resolve) => child.on("close", resolve)).then((status) => {
    children.delete(child);
    return status;
  });
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (log += data));
  const until = Date.now() + seconds * 1000;
  while (!/Ctrl-C/.test(said)) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill("SIGKILL");
      throw new Error(`the demo did not start within ${seconds} s:\n${log}${said}`);
    }
    await pause(100);
  }
  const address = (line) => said.split("\n").find((text) => line.test(text))?.match(/http:\/\/\S+/)?.[0];
  const passwords = Object.fromEntries(
    [...said.matchAll(/^ {4}([a-z]+) +(\S+)$/gm)].map(([, account, password]) => [account, password]),
  );
  return {
    console: address(/控制台 console/),
    scrm: address(/SCRM .*guarded/),
    passwords,
    /** What the demo has logged so far. */
    log: () => log,
    /** Ends it politely; the exit status. */
    stop: async () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));
for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]]) process.on(signal, () => process.exit(status));
