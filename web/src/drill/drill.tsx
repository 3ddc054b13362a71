import { Button, Card, Tag } from "antd";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { useI18n } from "../shared/i18n";
import { useMay } from "../shared/session";

/** What can be drilled in the demo, so far. */
const DRILL = "stolen-account";

/** The big button of the demo: a real attack over HTTP against the guarded SCRM. */
export function DrillBar({ demo }: { demo: Schemas["DemoView"] }) {
  const { t } = useI18n();
  const { busy, run } = useCommand();
  const leads = useMay("commander", "security");
  const hands = useMay("commander", "security", "it");
  return (
    <Card size="small" data-testid="drill-bar">
      <div className="drillbar">
        {leads && (
          <Button
            type="primary"
            danger
            size="large"
            style={{ height: 64, fontSize: 18, paddingInline: 32 }}
            loading={busy || demo.drill !== null}
            data-testid="start-drill"
            onClick={() =>
              void run(async () => {
                await unwrap(api.POST("/api/drills", { body: { name: DRILL } }));
                return t("drill.started");
              })
            }
          >
            {demo.drill ? t("drill.running") : t("drill.start")}
          </Button>
        )}
        <div style={{ flex: 1, minWidth: 220 }}>
          {t("drill.what")}
          <div className="soft">
            {t("drill.scrm")}{" "}
            <a href={demo.scrm} target="_blank" rel="noreferrer noopener">
              {demo.scrm}
            </a>{" "}
            <Tag color={demo.vulnerable ? "red" : "green"} data-testid="vulnerable" data-vulnerable={demo.vulnerable}>
              {demo.vulnerable ? t("drill.vulnerable") : t("drill.hardened")}
            </Tag>
          </div>
        </div>
        {hands && demo.vulnerable && <RestartHardened />}
      </div>
    </Card>
  );
}

/** The root fix of the demo: the SCRM without its hole. */
export function RestartHardened() {
  const { t } = useI18n();
  const { busy, run } = useCommand();
  return (
    <Button loading={busy} data-testid="restart-hardened" onClick={() => void run(() => unwrap(api.POST("/api/demo/scrm/restart-hardened")))}>
      {t("drill.restart")}
    </Button>
  );
}
