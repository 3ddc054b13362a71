import { Button, Tag } from "antd";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { useMay } from "../shared/session";

/** The evidence pack, to be checked on another machine. */
export function Evidence({ evidence, incident }: { evidence: Schemas["EvidenceView"]; incident: string }) {
  const { t, lang } = useI18n();
  const { busy, run } = useCommand();
  const may = useMay("commander", "security", "legal", "auditor");
  const save = () =>
    run(async () => {
      let name = `${incident}.hudun`;
      const answer = api.POST("/api/incidents/{incident}/evidence", { params: { path: { incident } }, parseAs: "blob" }).then((got) => {
        name = /filename="([^"]+)"/.exec(got.response.headers.get("content-disposition") ?? "")?.[1] ?? name;
        return got;
      });
      const pack: unknown = await unwrap(answer);
      if (!(pack instanceof Blob)) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(pack);
      link.download = name;
      link.click();
      // The browser has taken the address by the next turn.
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      return t("evidence.saved", { name });
    });
  return (
    <div data-testid="evidence">
      <p>
        {t("evidence.entries", { n: evidence.entries, all: evidence.tree_size })}{" "}
        {evidence.verified === true && <Tag color="green">{t("evidence.verified")}</Tag>}
        {evidence.verified === false && <Tag color="red">{t("evidence.broken")}</Tag>}
      </p>
      <p className="mono soft">
        {evidence.root}
        <br />
        {evidence.checkpoint_at && t("evidence.signedAt", { at: moment(evidence.checkpoint_at, lang) })}
      </p>
      {may && (
        <Button loading={busy} data-testid="export-evidence" onClick={() => void save()}>
          {t("evidence.export")}
        </Button>
      )}
      <p className="soft">{t("evidence.how")}</p>
    </div>
  );
}
