import { App } from "antd";
import { useState } from "react";
import { Refused, type Text } from "./api";
import { useI18n } from "./i18n";

/** What is said when it is done: a sentence of the app, or the server's. */
type Said = string | { message: Text } | void;

/** Runs a command, says how it ended, and is busy meanwhile. */
export function useCommand(): { busy: boolean; run: (work: () => Promise<Said>) => Promise<boolean> } {
  const { message } = App.useApp();
  const { say } = useI18n();
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<Said>) => {
    setBusy(true);
    try {
      const done = await work();
      if (done) void message.success(typeof done === "string" ? done : say(done.message));
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      void message.error(say(error.problem.message), 6);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, run };
}
