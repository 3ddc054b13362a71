import type { Lang } from "./i18n";

/** 2 d 03:04:05, or 03:04:05; the sign says that it is over. */
export function countdown(ms: number): string {
  const over = ms < 0;
  const total = Math.floor(Math.abs(ms) / 1000);
  const days = Math.floor(total / 86_400);
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = [Math.floor((total % 86_400) / 3600), Math.floor((total % 3600) / 60), total % 60].map(two).join(":");
  return `${over ? "−" : ""}${days > 0 ? `${days} d ` : ""}${clock}`;
}

/** A measured span: 320 ms, 4.2 s, 3 min 05 s, 2 h 10 min. */
export function span(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "—";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${String(Math.floor((ms % 60_000) / 1000)).padStart(2, "0")} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
}

export function moment(at: string | null | undefined, lang: Lang): string {
  if (!at) return "—";
  return new Date(at).toLocaleString(lang === "zh" ? "zh-CN" : "en-GB", { hour12: false });
}

/** What a field for a moment holds, with the offset of this browser's zone at that moment; empty while it is none. */
export function localMoment(field: string): string {
  const date = new Date(field);
  if (field === "" || Number.isNaN(date.getTime())) return "";
  const minutes = -date.getTimezoneOffset();
  const two = (n: number) => String(Math.floor(Math.abs(n))).padStart(2, "0");
  const seconds = field.length === "2026-11-30T09:30".length ? ":00" : "";
  return `${field}${seconds}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** The zone in which such a field is read. */
export function zoneOf(field: string): string {
  const offset = localMoment(field).slice(-6);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return offset ? `${timeZone} ${offset}` : timeZone;
}

/** The time of day with milliseconds, for timelines. */
export function timeOfDay(at: string): string {
  const date = new Date(at);
  const pad = (n: number, width: number) => String(n).padStart(width, "0");
  return `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}.${pad(date.getMilliseconds(), 3)}`;
}

export function count(n: number, lang: Lang): string {
  return n.toLocaleString(lang === "zh" ? "zh-CN" : "en-GB");
}

/** Never rounds up to 100 %: what is not explained must stay visible. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return "—";
  const cut = Math.floor(share * 10_000) / 100;
  return `${cut % 1 === 0 ? cut.toFixed(0) : cut.toFixed(2)} %`;
}

/** The tail of an identifier, enough to tell it from its neighbours. */
export function shortId(id: string): string {
  const dash = id.indexOf("-");
  const tail = id.slice(-6);
  return dash > 0 ? `${id.slice(0, dash)}-…${tail}` : tail;
}
