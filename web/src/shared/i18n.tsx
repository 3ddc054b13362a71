import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import type { Text } from "./api";
import { en } from "./words.en";
import { zh, type Key } from "./words.zh";

export type Lang = "zh" | "en";
export type { Key };

const WORDS: Record<Lang, Record<Key, string>> = { zh, en };
const KEPT = "hudun.lang";

interface I18n {
  lang: Lang;
  setLang: (lang: Lang) => void;
  /** A word of the app, with `{name}` replaced. */
  t: (key: Key, values?: Record<string, string | number>) => string;
  /** A text of the server in the viewer's language. */
  say: (text: Text) => string;
}

const Context = createContext<I18n | undefined>(undefined);

export function fill(template: string, values: Record<string, string | number> = {}): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

export function I18nProvider({ children }: { children: ReactNode }) {
  const [lang, setLang] = useState<Lang>(() => (localStorage.getItem(KEPT) === "en" ? "en" : "zh"));
  useEffect(() => {
    localStorage.setItem(KEPT, lang);
    document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  }, [lang]);
  const i18n = useMemo<I18n>(
    () => ({
      lang,
      setLang,
      t: (key, values) => fill(WORDS[lang][key], values),
      say: (text) => text[lang] || text.zh || text.en,
    }),
    [lang],
  );
  return <Context value={i18n}>{children}</Context>;
}

export function useI18n(): I18n {
  const i18n = useContext(Context);
  if (!i18n) throw new Error("useI18n stands outside I18nProvider");
  return i18n;
}
