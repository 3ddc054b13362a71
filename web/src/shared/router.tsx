import { useSyncExternalStore, type MouseEvent, type ReactNode } from "react";

/** A route: the first part of the path and what follows it. */
export interface Place {
  page: string;
  id: string | undefined;
  hash: string;
}

export function parse(path: string, hash = ""): Place {
  const [page = "", id] = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { page, id, hash: hash.replace(/^#/, "") };
}

const listeners = new Set<() => void>();
let here = location.pathname + location.hash;

function changed(): void {
  here = location.pathname + location.hash;
  for (const listener of listeners) listener();
}

globalThis.addEventListener?.("popstate", changed);

export function go(to: string): void {
  history.pushState(null, "", to);
  changed();
  if (!to.includes("#")) scrollTo(0, 0);
}

export function usePlace(): Place {
  const now = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => here,
  );
  const [path = "", hash = ""] = now.split("#");
  return parse(path, hash);
}

export function Link({ to, children, ...rest }: { to: string; children: ReactNode; className?: string }) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
