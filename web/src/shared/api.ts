import createClient from "openapi-fetch";
import type { components, paths } from "../../generated/api";
import { en } from "./words.en";
import { zh, type Key } from "./words.zh";

export type Schemas = components["schemas"];
export type Text = Schemas["Text"];
export type Role = Schemas["Role"];
export type Problem = Schemas["Problem"];

/** The typed client. The header proves that our own page asks; see the server's `admit`. */
export const api = createClient<paths>({ headers: { "X-Hudun-Request": "1" } });

/** The server said no, in words for a person. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.message.en);
  }
}

type Answer<T> = { data?: T; error?: Problem; response: Response };

/** The data of an answer, or the refusal as an exception. */
export async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  let got: Answer<T>;
  try {
    got = await answer;
  } catch {
    throw new Refused(0, said("offline", "problem.offline"));
  }
  if (got.response.ok && got.data !== undefined) return got.data;
  throw new Refused(got.response.status, isProblem(got.error) ? got.error : unexplained(got.response.status));
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "message" in value && "code" in value;
}

function unexplained(status: number): Problem {
  return said("unexplained", "problem.unexplained", status);
}

function said(code: string, key: Key, status = 0): Problem {
  const of = (words: Record<Key, string>) => words[key].replace("{status}", String(status));
  return { code, message: { zh: of(zh), en: of(en) } };
}
