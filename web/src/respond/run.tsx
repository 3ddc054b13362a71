import { Button, Tag } from "antd";
import { api, unwrap, type Role, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment, span, timeOfDay } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { AskReason } from "../shared/reason";
import { ROLES } from "../shared/roles";
import { useSession } from "../shared/session";
import { Countdown, Nothing } from "../shared/ui";

const STEPS = {
  pending: { word: "step.pending", color: "default" },
  running: { word: "step.running", color: "processing" },
  waiting: { word: "step.waiting", color: "orange" },
  done: { word: "step.done", color: "green" },
  failed: { word: "step.failed", color: "red" },
  unknown: { word: "step.unknown", color: "volcano" },
  skipped: { word: "step.skipped", color: "default" },
} as const satisfies Record<Schemas["StepState"], { word: Key; color: string }>;

const RUNS = {
  running: "run.running",
  waiting: "run.waiting",
  done: "run.done",
  failed: "run.failed",
  stopped: "run.stopped",
} as const satisfies Record<Schemas["RunState"], Key>;

/** 响: the run, step by step, as it happens. */
export function RunPanel({ room }: { room: Schemas["WarRoom"] }) {
  const { t, say, lang } = useI18n();
  const { run, incident } = room;
  if (!run) {
    const offer = incident.playbook;
    if (!offer) return <Nothing say={t("run.none")} />;
    return (
      <>
        <p>{t("run.offered", { name: say(offer.name), version: offer.version })}</p>
        <ol>
          {offer.steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
      </>
    );
  }
  return (
    <div data-testid="run" data-state={run.state}>
      <p>
        <b>{say(run.name)}</b> <span className="soft">{run.version}</span> <Tag>{t(RUNS[run.state])}</Tag>
        <br />
        <small className="soft">
          {t("run.startedBy", { who: run.started_by, at: moment(run.started_at, lang) })} · SHA-256 <span className="mono">{run.sha256.slice(0, 16)}…</span>
        </small>
      </p>
      {run.steps.map((step) => (
        <StepRow key={step.id} step={step} incident={incident.id} />
      ))}
    </div>
  );
}

function StepRow({ step, incident }: { step: Schemas["StepView"]; incident: string }) {
  const { t, say } = useI18n();
  const look = STEPS[step.state];
  const took = step.started_at && step.ended_at ? span(Date.parse(step.ended_at) - Date.parse(step.started_at)) : undefined;
  return (
    <div className="row" data-testid="step" data-step={step.id} data-state={step.state}>
      <Tag color={look.color}>{t(look.word)}</Tag>
      <div className="grow">
        <span>{say(step.name)}</span> {step.action && <span className="mono soft">{step.action}</span>}
        {step.receipt && <div className="soft">{say(step.receipt)}</div>}
        {step.error && <div style={{ color: "var(--danger)" }}>{step.error}</div>}
        {step.waiting && <Wait waiting={step.waiting} incident={incident} step={step.id} />}
      </div>
      {step.started_at && (
        <span className="clock soft">
          {timeOfDay(step.started_at)} {took && `(${took})`}
        </span>
      )}
    </div>
  );
}

function Wait({ waiting, incident, step }: { waiting: Schemas["Waiting"]; incident: string; step: string }) {
  const { t, say } = useI18n();
  const { me } = useSession();
  const { busy, run } = useCommand();
  const may = waiting.roles.some((role: Role) => me.roles.includes(role));
  const decide = (approve: boolean, note: string) =>
    run(() =>
      unwrap(
        api.POST("/api/incidents/{incident}/steps/{step}/decide", {
          params: { path: { incident, step } },
          body: { approve, note },
        }),
      ),
    );
  return (
    <div>
      <b>{say(waiting.question)}</b> {waiting.due_at && <Countdown to={waiting.due_at} />}
      <div className="drillbar">
        {may ? (
          <>
            <Button type="primary" loading={busy} data-testid="approve-step" onClick={() => void decide(true, "")}>
              {t("ui.approve")}
            </Button>
            <AskReason label={t("ui.decline")} title={t("step.declineTitle")} testid="decline-step" send={(note) => decide(false, note)} />
          </>
        ) : (
          <span className="soft">{t("step.waitsFor", { roles: waiting.roles.map((role) => t(ROLES[role])).join(t("ui.listSeparator")) })}</span>
        )}
      </div>
    </div>
  );
}
