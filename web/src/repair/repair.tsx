import { Button, Tag } from "antd";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { useMay } from "../shared/session";
import { Nothing } from "../shared/ui";

const VERDICTS = {
  pass: { word: "verdict.pass", color: "green" },
  fail: { word: "verdict.fail", color: "red" },
  open: { word: "verdict.open", color: "default" },
} as const satisfies Record<Schemas["Verdict"], { word: Key; color: string }>;

/** 修: hot patches with their proof, and the proof that the hole is shut in the product itself. */
export function Repair({ room }: { room: Schemas["WarRoom"] }) {
  const { t, say, lang } = useI18n();
  const { busy, run } = useCommand();
  const leads = useMay("commander", "security");
  const hands = useMay("commander", "security", "it");
  const path = { params: { path: { incident: room.incident.id } } };
  const { repair } = room;
  const open = room.incident.state !== "closed";
  return (
    <>
      {room.patches.length === 0 && <Nothing say={t("patch.none")} />}
      {room.patches.map((patch) => (
        <PatchRow key={patch.id} patch={patch} incident={room.incident.id} />
      ))}
      {leads && open && (
        <Button loading={busy} data-testid="propose-patch" onClick={() => void run(() => unwrap(api.POST("/api/incidents/{incident}/patches", path)))}>
          {t("patch.propose")}
        </Button>
      )}
      <div className="row" style={{ marginTop: 16 }} data-testid="repair" data-verdict={repair.verdict}>
        <Tag color={VERDICTS[repair.verdict].color}>{t(VERDICTS[repair.verdict].word)}</Tag>
        <div className="grow">
          <b>{t("repair.title")}</b>
          <div>{say(repair.summary)}</div>
          {repair.at && <small className="soft">{moment(repair.at, lang)}</small>}
        </div>
        {hands && open && (
          <Button loading={busy} data-testid="verify-repair" onClick={() => void run(() => unwrap(api.POST("/api/incidents/{incident}/repair/verify", path)))}>
            {t("repair.verify")}
          </Button>
        )}
      </div>
      {repair.replay.map((row, at) => (
        <div className="row" key={at}>
          <Tag color={row.refused ? "green" : "red"}>{row.refused ? t("repair.refused") : t("repair.served")}</Tag>
          <span className="grow">{say(row.what)}</span>
          <span className="mono">
            {row.request} → {row.status}
          </span>
        </div>
      ))}
    </>
  );
}

function PatchRow({ patch, incident }: { patch: Schemas["PatchView"]; incident: string }) {
  const { t, say } = useI18n();
  const { busy, run } = useCommand();
  const leads = useMay("commander", "security");
  const { proof } = patch;
  const state = patch.state === "enforce" ? "patch.enforced" : patch.state === "observe" ? "patch.observed" : "patch.proposed";
  return (
    <div className="row" data-testid="patch" data-state={patch.state ?? "proposed"} data-verdict={proof?.verdict ?? "open"}>
      <Tag color={patch.state === "enforce" ? "green" : "blue"}>{t(state)}</Tag>
      <div className="grow">
        <b>{say(patch.title)}</b> <span className="mono soft">{patch.name}</span>
        <ul style={{ margin: "4px 0", paddingLeft: 20 }}>
          {patch.conditions.map((condition) => (
            <li key={condition.en}>{say(condition)}</li>
          ))}
        </ul>
        <span className="soft">{say(patch.effect)}</span>
        {proof && (
          <div>
            <Tag color={proof.attack.good === proof.attack.all ? "green" : "red"}>
              {t("patch.attack", { good: proof.attack.good, all: proof.attack.all })}
            </Tag>
            <Tag color={proof.real.good === proof.real.all ? "green" : "red"}>{t("patch.real", { good: proof.real.good, all: proof.real.all })}</Tag>
            <Tag color={VERDICTS[proof.verdict].color}>{t(VERDICTS[proof.verdict].word)}</Tag>
          </div>
        )}
      </div>
      {leads && patch.state !== "enforce" && (
        <Button
          type="primary"
          loading={busy}
          disabled={proof?.verdict !== "pass"}
          title={proof?.verdict !== "pass" ? t("patch.unproven") : undefined}
          data-testid="enforce-patch"
          onClick={() =>
            void run(() =>
              unwrap(api.POST("/api/incidents/{incident}/patches/{patch}/enforce", { params: { path: { incident, patch: patch.id } } })),
            )
          }
        >
          {t("patch.enforce")}
        </Button>
      )}
    </div>
  );
}
