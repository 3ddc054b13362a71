import { Button, Input, Tag } from "antd";
import { useRef, useState } from "react";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { Dialog } from "../shared/dialog";
import { useI18n } from "../shared/i18n";
import { useMay } from "../shared/session";

type Of = { notice: Schemas["NoticeView"]; incident: string };

const FORMS = ["pdf", "docx", "json"] as const;

/** The notice as a file. Who may not hand it in does not need one. */
export function Save({ notice, incident }: Of) {
  const { t } = useI18n();
  const { busy, run } = useCommand();
  const may = useMay("commander", "legal", "pr", "auditor");
  if (!may) return null;
  const save = (form: (typeof FORMS)[number]) =>
    run(async () => {
      const path = { incident, notice: notice.id, form };
      const asked = api.POST("/api/incidents/{incident}/notices/{notice}/export/{form}", { params: { path }, parseAs: "blob" });
      const file: unknown = await unwrap(asked);
      keep(file, `notice.${form}`);
      return t("notice.saved");
    });
  return (
    <>
      {FORMS.map((form) => (
        <Button key={form} loading={busy} data-testid={`export-${form}`} onClick={() => void save(form)}>
          {form.toUpperCase()}
        </Button>
      ))}
    </>
  );
}

/** A person handed it in: the number of the receipt, and a picture of it. */
export function HandIn({ notice, incident }: Of) {
  const { t } = useI18n();
  const { run } = useCommand();
  const [open, setOpen] = useState(false);
  const [receipt, setReceipt] = useState(notice.receipt ?? "");
  const [large, setLarge] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const send = () =>
    run(async () => {
      const chosen = file.current?.files?.[0];
      const proof = chosen ? { name: chosen.name.slice(0, 100), content: await base64(chosen) } : null;
      const params = { path: { incident, notice: notice.id } };
      return unwrap(api.POST("/api/incidents/{incident}/notices/{notice}/hand-in", { params, body: { receipt: receipt.trim(), proof } }));
    });
  return (
    <>
      <Button type="primary" data-testid="hand-in" onClick={() => setOpen(true)}>
        {notice.receipt ? t("handin.more") : t("handin.do")}
      </Button>
      <Dialog
        open={open}
        title={t("handin.title")}
        ok={t("handin.do")}
        reason="none"
        ready={!large && receipt.trim() !== ""}
        send={send}
        close={() => setOpen(false)}
      >
        <p>{t("handin.hint")}</p>
        <label htmlFor="receipt">{t("handin.receipt")}</label>
        <Input id="receipt" autoFocus maxLength={200} value={receipt} disabled={notice.receipt !== null && notice.receipt !== undefined} onChange={(event) => setReceipt(event.target.value)} />
        <p style={{ marginTop: 12 }}>
          <label htmlFor="proof">{t("handin.proof")}</label>
          <br />
          <input
            id="proof"
            ref={file}
            type="file"
            accept="image/png,image/jpeg,application/pdf"
            onChange={(event) => setLarge((event.target.files?.[0]?.size ?? 0) > LARGEST)}
          />
          {large && <span role="alert"> {t("handin.large")}</span>}
        </p>
      </Dialog>
    </>
  );
}

/** What was kept of the hand-in. Opening one goes on the ledger. */
export function Proofs({ notice, incident }: Of) {
  const { t } = useI18n();
  const { busy, run } = useCommand();
  const may = useMay("commander", "legal", "pr", "auditor");
  if (!notice.receipt) return null;
  const open = (proof: Schemas["ProofView"]) =>
    run(async () => {
      const path = { incident, notice: notice.id, proof: proof.sha256 };
      const asked = api.POST("/api/incidents/{incident}/notices/{notice}/proofs/{proof}", { params: { path }, parseAs: "blob" });
      const file: unknown = await unwrap(asked);
      keep(file, proof.name);
      return t("notice.saved");
    });
  return (
    <p data-testid="receipt">
      <Tag color="green">{t("handin.done", { n: notice.receipt })}</Tag>
      {notice.proofs.map((proof) => (
        <Button key={proof.sha256} size="small" loading={busy} disabled={!may} onClick={() => void open(proof)}>
          {proof.name}
        </Button>
      ))}
    </p>
  );
}

function keep(file: unknown, name: string) {
  if (!(file instanceof Blob)) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The browser has taken the address by the next turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function base64(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
}

const LARGEST = 5 * 1024 * 1024;
