import { Button, Input, Tag } from "antd";
import { useState } from "react";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { Dialog } from "../shared/dialog";
import { localMoment, moment, zoneOf } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { useMay } from "../shared/session";

/** When the case became an incident: who decided, on what, and what was decided before. */
export function Awareness({ room }: { room: Schemas["WarRoom"] }) {
  const { t, lang } = useI18n();
  const may = useMay("commander", "legal") && room.incident.state !== "closed";
  const [open, setOpen] = useState(false);
  return (
    <>
      {room.awareness.map((one) => (
        <div className="row" key={one.number} data-testid="awareness" data-current={one.current}>
          <Tag color={one.current ? "green" : "default"}>{t(one.current ? "aware.current" : "aware.earlier", { n: one.number })}</Tag>
          <div className="grow">
            <b>{one.written}</b> {t("aware.by", { who: one.by, at: moment(one.at, lang) })}
            <div>{one.reason}</div>
            {one.early && <div>{t("aware.earlySaid", { why: one.early })}</div>}
            <small className="soft">
              {t("aware.evidence")} <span className="mono">{one.evidence.join(t("ui.listSeparator"))}</span>
            </small>
          </div>
        </div>
      ))}
      {may && (
        <p>
          <Button data-testid="decide-aware" onClick={() => setOpen(true)}>
            {t(room.awareness.length > 0 ? "aware.correct" : "aware.decide")}
          </Button>
        </p>
      )}
      {open && <AwareDialog room={room} close={() => setOpen(false)} />}
    </>
  );
}

function AwareDialog({ room, close }: { room: Schemas["WarRoom"]; close: () => void }) {
  const { t } = useI18n();
  const { run } = useCommand();
  const [at, setAt] = useState("");
  const [evidence, setEvidence] = useState("");
  const [early, setEarly] = useState("");
  const stands = evidence.split("\n").filter((line) => line.trim() !== "");
  const written = localMoment(at);
  const send = (reason: string) => {
    const body = { moment: written, reason, evidence: stands, early: early.trim() };
    return run(() => unwrap(api.POST("/api/incidents/{incident}/aware", { params: { path: { incident: room.incident.id } }, body })));
  };
  return (
    <Dialog title={t("aware.title")} ok={t("aware.decide")} ready={written !== "" && stands.length > 0} send={send} close={close}>
      <p>{t("aware.hint")}</p>
      <label htmlFor="aware-at">{t("aware.at", { zone: zoneOf(at) })}</label>
      <br />
      <input id="aware-at" type="datetime-local" step={1} required autoFocus value={at} onChange={(event) => setAt(event.target.value)} />
      <p style={{ marginTop: 12 }}>
        <label htmlFor="aware-evidence">{t("aware.evidenceHint")}</label>
        <Input.TextArea id="aware-evidence" rows={3} value={evidence} onChange={(event) => setEvidence(event.target.value)} />
      </p>
      <label htmlFor="aware-early">{t("aware.early")}</label>
      <Input id="aware-early" maxLength={500} value={early} onChange={(event) => setEarly(event.target.value)} />
    </Dialog>
  );
}
