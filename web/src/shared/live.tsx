import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import type { Schemas } from "./api";
import { setServerClock } from "./clock";

export type LiveEvent = Schemas["LiveEvent"];
type Listener = (event: LiveEvent) => void;

interface Live {
  /** Whether the stream is open. */
  online: boolean;
  follow: (listener: Listener) => () => void;
}

const Context = createContext<Live>({ online: false, follow: () => () => {} });

/** Keeps one stream open for the whole page. The browser resumes it by itself with the last number seen. */
export function LiveProvider({ children, onLost }: { children: ReactNode; onLost: () => void }) {
  const listeners = useRef(new Set<Listener>());
  const [online, setOnline] = useState(false);
  const lost = useRef(onLost);
  lost.current = onLost;

  useEffect(() => {
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    const tell = (event: LiveEvent) => listeners.current.forEach((listener) => listener(event));
    const open = (fresh: boolean) => {
      source = new EventSource("/api/events");
      source.onopen = () => {
        setOnline(true);
        // A stream opened anew has no number to resume from: everything may have changed.
        if (!fresh) tell({ id: 0, at: new Date().toISOString(), type: "reset" });
      };
      source.onmessage = (message: MessageEvent<string>) => {
        const event = JSON.parse(message.data) as LiveEvent;
        setServerClock(event.at);
        tell(event);
      };
      source.onerror = () => {
        setOnline(false);
        if (source?.readyState === EventSource.CLOSED) {
          lost.current();
          again = setTimeout(() => open(false), 2000);
        }
      };
    };
    open(true);
    return () => {
      source?.close();
      clearTimeout(again);
    };
  }, []);

  const live = useMemo<Live>(
    () => ({
      online,
      follow: (listener) => {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [online],
  );
  return <Context value={live}>{children}</Context>;
}

export function useOnline(): boolean {
  return useContext(Context).online;
}

/** Calls back for every event while the component is shown. */
export function useLive(listener: Listener): void {
  const { follow } = useContext(Context);
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => follow((event) => latest.current(event)), [follow]);
}

/** The case that an event is about, if any. */
export function incidentOf(event: LiveEvent): string | undefined {
  return "incident" in event && typeof event.incident === "string" ? event.incident : undefined;
}
