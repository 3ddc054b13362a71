import { useCallback, useEffect, useRef, useState } from "react";
import { Refused, type Problem } from "./api";
import { useLive, type LiveEvent } from "./live";

export interface Query<T> {
  data: T | undefined;
  problem: Problem | undefined;
  loading: boolean;
  reload: () => void;
}

/** Waits this long after an event, so that a burst of events makes one request. */
const GATHER_MS = 120;

/**
 * Fetches, and fetches again when an event concerns it. One request at a time; the data shown stays while a new one
 * is under way, so that nothing flickers.
 */
export function useQuery<T>(key: string, fetch: () => Promise<T>, concerns: (event: LiveEvent) => boolean): Query<T> {
  const [state, setState] = useState<{ key: string; data?: T; problem?: Problem }>({ key });
  const latest = useRef({ key, fetch });
  latest.current = { key, fetch };
  const work = useRef({ busy: false, again: false, timer: undefined as ReturnType<typeof setTimeout> | undefined });

  const run = useCallback(async () => {
    const w = work.current;
    if (w.busy) {
      w.again = true;
      return;
    }
    w.busy = true;
    try {
      do {
        w.again = false;
        const asked = latest.current;
        try {
          const data = await asked.fetch();
          if (latest.current.key === asked.key) setState({ key: asked.key, data });
          else w.again = true;
        } catch (error) {
          const problem = error instanceof Refused ? error.problem : undefined;
          if (latest.current.key !== asked.key) w.again = true;
          else if (problem) setState((old) => ({ key: asked.key, data: old.key === asked.key ? old.data : undefined, problem }));
          else throw error;
        }
      } while (w.again);
    } finally {
      // A broken connection ends this round only: the next event asks again.
      w.busy = false;
    }
  }, []);

  useEffect(() => {
    void run();
  }, [key, run]);

  useEffect(() => {
    const w = work.current;
    return () => {
      clearTimeout(w.timer);
      w.timer = undefined;
    };
  }, []);

  useLive((event) => {
    if (event.type !== "reset" && !concerns(event)) return;
    const w = work.current;
    // A timer that runs is left alone: a steady stream of events must not put the request off for ever.
    w.timer ??= setTimeout(() => {
      w.timer = undefined;
      void run();
    }, GATHER_MS);
  });

  const current = state.key === key ? state : { key };
  return {
    data: current.data,
    problem: current.problem,
    loading: current.data === undefined && current.problem === undefined,
    reload: () => void run(),
  };
}
