import { describe, expect, it } from "vitest";
import { countdown, localMoment, percent, shortId, span } from "./format";

describe("countdown", () => {
  it("ticks through days, hours and past its end", () => {
    expect(countdown(0)).toBe("00:00:00");
    expect(countdown(61_999)).toBe("00:01:01");
    expect(countdown(72 * 3_600_000 - 1000)).toBe("2 d 23:59:59");
    expect(countdown(-5_000)).toBe("−00:00:05");
  });
});

describe("localMoment", () => {
  it("says the same instant as the field, with an offset", () => {
    for (const field of ["2026-11-30T09:30", "2026-07-01T23:59:30"]) {
      const written = localMoment(field);
      expect(written).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
      expect(new Date(written).getTime()).toBe(new Date(field).getTime());
    }
    expect(localMoment("")).toBe("");
    expect(localMoment("soon")).toBe("");
  });
});

describe("span", () => {
  it("keeps the unit that a person thinks in", () => {
    expect(span(undefined)).toBe("—");
    expect(span(0)).toBe("0 ms");
    expect(span(999)).toBe("999 ms");
    expect(span(4_200)).toBe("4.2 s");
    expect(span(185_000)).toBe("3 min 05 s");
    expect(span(7_800_000)).toBe("2 h 10 min");
  });
});

describe("percent", () => {
  it("never says 100 % while something is unexplained", () => {
    expect(percent(1)).toBe("100 %");
    expect(percent(0.999_99)).toBe("99.99 %");
    expect(percent(null)).toBe("—");
  });
});

describe("shortId", () => {
  it("keeps the kind and the tail", () => {
    expect(shortId("incident-0190c0ffee123456")).toBe("incident-…123456");
    expect(shortId("abc")).toBe("abc");
  });
});
