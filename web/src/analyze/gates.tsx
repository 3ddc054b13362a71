import { Alert, Button, Input } from "antd";
import { useState } from "react";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { Dialog } from "../shared/dialog";
import { moment } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { AskReason } from "../shared/reason";
import { useMay } from "../shared/session";

type Gate = Schemas["GateView"];

const STATES = {
  stop: { word: "gate.stop", type: "error" },
  unknown: { word: "gate.unknown", type: "warning" },
  released: { word: "gate.released", type: "success" },
} as const satisfies Record<Schemas["GateWord"], { word: Key; type: "error" | "warning" | "success" }>;

/** Where two laws pull apart: what stops, why, what to do, and what counsel has released. */
export function Gates({ gates, incident, closed }: { gates: Gate[]; incident: string; closed: boolean }) {
  return gates.map((gate) => <GateRow key={gate.id} gate={gate} incident={incident} closed={closed} />);
}

function GateRow({ gate, incident, closed }: { gate: Gate; incident: string; closed: boolean }) {
  const { t, say, lang } = useI18n();
  const { run } = useCommand();
  const counsel = useMay("legal") && !closed;
  const [open, setOpen] = useState(false);
  const look = STATES[gate.state];
  const params = { path: { incident, gate: gate.id } };
  const revoke = (reason: string) => run(() => unwrap(api.POST("/api/incidents/{incident}/gates/{gate}/revoke", { params, body: { reason } })));
  return (
    <div data-testid="gate" data-id={gate.id} data-state={gate.state} style={{ marginBottom: 8 }}>
      <Alert
        type={look.type}
        showIcon
        title={`${say(gate.title)} · ${t(look.word)}`}
        description={
          <>
            <div>{say(gate.why)}</div>
            <b data-testid="gate-next">{say(gate.next)}</b>
            <div>
              <small>
                {say(gate.articles)}
                {gate.because.length > 0 && ` · ${t("gate.because")} ${gate.because.map(say).join(t("ui.listSeparator"))}`}
                {gate.rules.length > 0 && ` · ${t("gate.holds")} ${gate.rules.join(t("ui.listSeparator"))}`}
              </small>
            </div>
            {gate.acts.map((act) => (
              <div key={act.at} data-testid="gate-act">
                {t(act.release ? "gate.releasedBy" : "gate.revokedBy", { who: act.by, at: moment(act.at, lang) })} {act.what} {act.reason} {act.reference}
              </div>
            ))}
            {counsel && gate.releasable && gate.state !== "released" && (
              <Button data-testid="release-gate" onClick={() => setOpen(true)}>
                {t("gate.release")}
              </Button>
            )}
            {counsel && gate.state === "released" && (
              <AskReason label={t("gate.revoke")} title={t("gate.revokeTitle", { gate: say(gate.title) })} danger testid="revoke-gate" send={revoke} />
            )}
          </>
        }
      />
      {open && <ReleaseDialog gate={gate} incident={incident} close={() => setOpen(false)} />}
    </div>
  );
}

function ReleaseDialog({ gate, incident, close }: { gate: Gate; incident: string; close: () => void }) {
  const { t, say } = useI18n();
  const { run } = useCommand();
  const [what, setWhat] = useState("");
  const [reference, setReference] = useState("");
  const params = { path: { incident, gate: gate.id } };
  const send = (reason: string) => {
    const body = { what: what.trim(), reference: reference.trim(), reason };
    return run(() => unwrap(api.POST("/api/incidents/{incident}/gates/{gate}/release", { params, body })));
  };
  return (
    <Dialog
      title={t("gate.releaseTitle", { gate: say(gate.title) })}
      ok={t("gate.release")}
      danger
      ready={what.trim() !== "" && reference.trim() !== ""}
      send={send}
      close={close}
    >
      <p>{say(gate.why)}</p>
      <label htmlFor="gate-what">{t("gate.what")}</label>
      <Input id="gate-what" autoFocus maxLength={500} value={what} onChange={(event) => setWhat(event.target.value)} />
      <label htmlFor="gate-reference">{t("gate.reference")}</label>
      <Input id="gate-reference" maxLength={500} value={reference} onChange={(event) => setReference(event.target.value)} />
    </Dialog>
  );
}
