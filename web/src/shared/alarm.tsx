import { Button } from "antd";
import { useEffect, useState } from "react";
import type { Schemas } from "./api";
import { span } from "./format";
import { useI18n } from "./i18n";
import { useLive, type LiveEvent } from "./live";
import { go } from "./router";

type AlertEvent = Extract<LiveEvent, { type: "alert" }>;

/** At most this many alerts stand on top of the page; further ones are counted. */
const SHOWN = 3;

/** The alert for the security lead: on top of whatever page is open, and as a desktop notification where allowed. */
export function Alarm() {
  const { t, say } = useI18n();
  const [alerts, setAlerts] = useState<AlertEvent[]>([]);
  useLive((event) => {
    if (event.type !== "alert") return;
    setAlerts((old) => [event, ...old.filter((known) => !known.incident || known.incident !== event.incident)]);
    if ("Notification" in globalThis && Notification.permission === "granted") {
      new Notification(t("app.name"), { body: say(event.title), tag: event.incident ?? String(event.id) });
    }
  });
  useEffect(() => {
    document.title = alerts.length > 0 ? `(${alerts.length}) ${t("alarm.title")} · ${t("app.name")}` : t("app.name");
  }, [alerts.length, t]);
  const drop = (gone: AlertEvent) => setAlerts((old) => old.filter((alert) => alert.id !== gone.id));
  return (
    <div aria-live="assertive">
      {alerts.slice(0, SHOWN).map((alert) => (
        <div className="alarm" role="alert" key={alert.id} data-testid="alarm">
          <span>{t(LEVELS[alert.level])}</span>
          <strong>{say(alert.title)}</strong>
          <span>{t("alarm.after", { time: span(Date.parse(alert.at) - Date.parse(alert.triggered_at)) })}</span>
          {alert.incident && (
            <Button
              type="primary"
              danger
              data-testid="alarm-open"
              onClick={() => {
                drop(alert);
                go(`/incidents/${alert.incident}`);
              }}
            >
              {t("alarm.open")}
            </Button>
          )}
          <Button onClick={() => drop(alert)}>{t("alarm.dismiss")}</Button>
        </div>
      ))}
      {alerts.length > SHOWN && <div className="alarm">{t("alarm.more", { n: alerts.length - SHOWN })}</div>}
    </div>
  );
}

export const LEVELS = {
  informational: "level.informational",
  low: "level.low",
  medium: "level.medium",
  high: "level.high",
  critical: "level.critical",
} as const satisfies Record<Schemas["Level"], string>;
