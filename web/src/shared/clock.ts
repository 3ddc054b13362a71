import { useEffect, useState } from "react";

let offset = 0;

/** Count-downs follow the server's clock, not the viewer's. */
export function setServerClock(at: string): void {
  const difference = Date.parse(at) - Date.now();
  // Below a second it is the way of the message, not a difference of clocks.
  offset = Math.abs(difference) < 1000 ? 0 : difference;
}

export function serverNow(): number {
  return Date.now() + offset;
}

/** Now, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
