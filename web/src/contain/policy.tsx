import { Button, Modal, Table } from "antd";
import { useState } from "react";
import { api, unwrap } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { useQuery } from "../shared/query";
import { AskReason } from "../shared/reason";
import { useMay } from "../shared/session";
import { Diff, Loaded, Nothing, Panel } from "../shared/ui";

/** The policy, revision by revision, with what changed and the way back. */
export function PolicyPage() {
  const { t, lang } = useI18n();
  const query = useQuery("policy", () => unwrap(api.GET("/api/policy/revisions")), (event) => event.type === "policy");
  const { run } = useCommand();
  const leads = useMay("commander", "security");
  const [between, setBetween] = useState<{ from: number; to: number }>();
  const back = (revision: number, reason: string) =>
    run(async () => {
      const answer = await unwrap(api.POST("/api/policy/roll-back", { body: { revision, reason } }));
      return answer.approval ? t("approval.asked") : t("policy.backDone", { revision: answer.revision });
    });
  return (
    <Panel title={t("nav.policy")}>
      <Loaded query={query}>
        {({ current, revisions }) => (
          <div className="wide">
            <Table
              rowKey="revision"
              size="small"
              dataSource={revisions}
              pagination={{ pageSize: 25, hideOnSinglePage: true }}
              locale={{ emptyText: <Nothing say={t("policy.none")} /> }}
              columns={[
                { title: t("policy.revision"), render: (_, row) => (row.revision === current ? <b>{`r${row.revision} ${t("policy.current")}`}</b> : `r${row.revision}`) },
                { title: t("policy.at"), render: (_, row) => moment(row.at, lang) },
                { title: t("policy.by"), dataIndex: "by" },
                { title: t("policy.reason"), dataIndex: "reason" },
                { title: t("policy.restrictions"), dataIndex: "restrictions" },
                {
                  title: "",
                  render: (_, row) => (
                    <div className="drillbar">
                      {row.revision > 0 && (
                        <Button size="small" onClick={() => setBetween({ from: row.revision - 1, to: row.revision })}>
                          {t("policy.diff")}
                        </Button>
                      )}
                      {row.revision !== current && (
                        <Button size="small" onClick={() => setBetween({ from: row.revision, to: current })}>
                          {t("policy.diffNow")}
                        </Button>
                      )}
                      {row.revision !== current && leads && (
                        <AskReason
                          label={t("policy.back")}
                          title={t("policy.backTitle", { revision: row.revision })}
                          hint={t("policy.backHint")}
                          danger
                          send={(reason) => back(row.revision, reason)}
                        />
                      )}
                    </div>
                  ),
                },
              ]}
            />
          </div>
        )}
      </Loaded>
      {between && <DiffModal {...between} close={() => setBetween(undefined)} />}
    </Panel>
  );
}

function DiffModal({ from, to, close }: { from: number; to: number; close: () => void }) {
  const { t } = useI18n();
  const query = useQuery(
    `diff ${from} ${to}`,
    () => unwrap(api.GET("/api/policy/diff", { params: { query: { from, to } } })),
    () => false,
  );
  return (
    <Modal open width={900} title={`r${from} → r${to}`} footer={null} onCancel={close}>
      <Loaded query={query}>{({ diff }) => (diff === "" ? <Nothing say={t("policy.same")} /> : <Diff text={diff} />)}</Loaded>
    </Modal>
  );
}
