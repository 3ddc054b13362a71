import { Button, Tag } from "antd";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment, span, timeOfDay } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { useMay } from "../shared/session";
import { AskReason } from "../shared/reason";
import { Countdown, DrillTag, Figure, GradeTag, Panel, StateTag } from "../shared/ui";

export const MARKS = {
  onset: "mark.onset",
  detected: "mark.detected",
  alerted: "mark.alerted",
  acknowledged: "mark.acknowledged",
  contained: "mark.contained",
  scoped: "mark.scoped",
  drafted: "mark.drafted",
  repaired: "mark.repaired",
  closed: "mark.closed",
} as const satisfies Record<Schemas["TimelineMark"], Key>;

/** The head of the war-room: what it is, how grave, since when, and the next thing to press. */
export function Head({ room }: { room: Schemas["WarRoom"] }) {
  const { t, say, lang } = useI18n();
  const { incident } = room;
  const { busy, run } = useCommand();
  const leads = useMay("commander", "security");
  const commands = useMay("commander");
  const path = { params: { path: { incident: incident.id } } };
  const onset = incident.marks.find((mark) => mark.mark === "onset")?.at;
  return (
    <Panel
      title={
        <>
          <GradeTag grade={incident.grade} />
          <StateTag state={incident.state} />
          <DrillTag drill={incident.drill} />
          {room.statutory && <Tag>{say(room.statutory.label)}</Tag>}
        </>
      }
      extra={<span className="mono">{incident.id}</span>}
    >
      <h1 style={{ fontSize: 22, margin: "4px 0 8px" }}>{say(incident.title)}</h1>
      <div className="soft">
        {incident.tenant} · {t("incident.openedAt", { at: moment(incident.opened_at, lang) })}
        {incident.suspects.length > 0 && ` · ${t("incident.suspects")} ${incident.suspects.join(", ")}`}
        {incident.modules.length > 0 && ` · ${t("incident.modules")} ${incident.modules.join(", ")}`}
        {incident.acknowledged_by && ` · ${t("incident.takenBy", { who: incident.acknowledged_by })}`}
      </div>
      {incident.rows.map((row) => (
        <div className="row" key={row.id} data-testid="grade-row">
          <GradeTag grade={row.grade} />
          <span className="grow">{say(row.text)}</span>
          <span className="mono soft">{row.id}</span>
        </div>
      ))}
      <div className="figures" style={{ margin: "12px 0" }}>
        {incident.marks.map((mark) => (
          <Figure
            key={mark.mark}
            testid={`mark-${mark.mark}`}
            label={t(MARKS[mark.mark])}
            value={onset && mark.mark !== "onset" ? `+${span(Date.parse(mark.at) - Date.parse(onset))}` : timeOfDay(mark.at)}
          />
        ))}
        {incident.next_due && <Figure label={t("incident.nextDue")} value={<Countdown to={incident.next_due} />} />}
      </div>
      <div className="drillbar">
        {!incident.acknowledged_by && leads && incident.state !== "closed" && (
          <Button
            type="primary"
            loading={busy}
            data-testid="acknowledge"
            onClick={() => void run(() => unwrap(api.POST("/api/incidents/{incident}/acknowledge", path)))}
          >
            {t("incident.acknowledge")}
          </Button>
        )}
        {!room.run && incident.playbook && leads && (
          <Button
            type="primary"
            danger
            loading={busy}
            data-testid="start-run"
            onClick={() => void run(() => unwrap(api.POST("/api/incidents/{incident}/run", { ...path, body: {} })))}
          >
            {t("run.start", { name: say(incident.playbook.name) })}
          </Button>
        )}
        {!room.run && !incident.playbook && <span className="soft">{t("run.noOffer")}</span>}
        {commands && incident.state !== "closed" && (
          <AskReason
            label={t("incident.close")}
            title={t("incident.closeTitle")}
            testid="close"
            send={(reason) => run(() => unwrap(api.POST("/api/incidents/{incident}/close", { ...path, body: { reason } })))}
          />
        )}
      </div>
    </Panel>
  );
}
