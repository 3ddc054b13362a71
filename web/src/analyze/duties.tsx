import { Tag, Tooltip } from "antd";
import type { Schemas } from "../shared/api";
import { moment } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { Countdown, Nothing } from "../shared/ui";
import { Awareness } from "./aware";
import { Gates } from "./gates";

const APPLIES = {
  yes: { word: "duty.yes", color: "red" },
  unknown: { word: "duty.unknown", color: "orange" },
  coming: { word: "duty.coming", color: "blue" },
  no: { word: "duty.no", color: "default" },
} as const satisfies Record<Schemas["Applies"], { word: Key; color: string }>;

const EVIDENCE: Record<string, Key> = {
  verified: "duty.verified",
  secondary: "duty.secondary",
  memory: "duty.memory",
};

/** 析: what the law asks, with its clock, and why it does or doesn't apply. */
export function Duties({ room }: { room: Schemas["WarRoom"] }) {
  const { t } = useI18n();
  const { duties } = room;
  if (!duties)
    return (
      <>
        <Nothing say={t("duty.none")} />
        <Awareness room={room} />
      </>
    );
  return (
    <div data-testid="duties">
      <Awareness room={room} />
      <Gates gates={duties.gates} incident={room.incident.id} closed={room.incident.state === "closed"} />
      {duties.obligations.map((duty) => (
        <DutyRow key={duty.id} duty={duty} />
      ))}
      <small className="soft">{t("duty.rules", { version: duties.rules_version, day: duties.checked_on })}</small>
    </div>
  );
}

function DutyRow({ duty }: { duty: Schemas["ObligationView"] }) {
  const { t, say, lang } = useI18n();
  const look = APPLIES[duty.applies];
  const missing = duty.fields.filter((field) => !field.filled);
  const evidence = EVIDENCE[duty.evidence];
  return (
    <div className="row" data-testid="duty" data-id={duty.id} data-applies={duty.applies}>
      <Tag color={look.color}>{t(look.word)}</Tag>
      <div className="grow">
        <b>{say(duty.title)}</b> → {say(duty.recipient)}
        <div>{say(duty.reason)}</div>
        <small className="soft">
          {t("duty.trigger")} {say(duty.trigger)}
          {duty.triggered_at && ` (${moment(duty.triggered_at, lang)})`}
          {say(duty.clock_from) && (
            <>
              {" "}
              <span className={duty.provisional ? "clock near" : undefined} data-testid="clock-from">
                {say(duty.clock_from)}
              </span>
            </>
          )}{" "}
          · {t("duty.within")} {say(duty.within)} · {say(duty.article)}{" "}
          {/^https?:\/\//.test(duty.source) ? (
            <a href={duty.source} target="_blank" rel="noreferrer noopener">
              {t("duty.source")}
            </a>
          ) : (
            duty.source
          )}{" "}
          {evidence && <Tag>{t(evidence)}</Tag>}
        </small>
        {missing.length > 0 && duty.applies !== "no" && (
          <div>
            <Tooltip title={missing.map((field) => say(field.label)).join(t("ui.listSeparator"))}>
              <span className="clock near" tabIndex={0}>
                {t("duty.missing", { n: missing.length, all: duty.fields.length })}
              </span>
            </Tooltip>
          </div>
        )}
      </div>
      {duty.deadline && (duty.applies === "yes" || duty.applies === "unknown") && <Countdown to={duty.deadline} />}
    </div>
  );
}
