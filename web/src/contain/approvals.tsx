import { Button, Tag } from "antd";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { useQuery } from "../shared/query";
import { AskReason } from "../shared/reason";
import { ROLES } from "../shared/roles";
import { Link } from "../shared/router";
import { useSession } from "../shared/session";
import { Loaded, Nothing, Panel } from "../shared/ui";

const KINDS = { lift: "approval.lift", "roll-back": "approval.rollBack" } as const satisfies Record<Schemas["ApprovalKind"], Key>;

/** What one person asked for and another one decides. */
export function ApprovalRow({ approval }: { approval: Schemas["Approval"] }) {
  const { t, say, lang } = useI18n();
  const { me } = useSession();
  const { busy, run } = useCommand();
  const mine = approval.asked_by === me.account;
  const may = approval.roles.some((role) => me.roles.includes(role));
  const decide = (approve: boolean, note: string) =>
    run(() =>
      unwrap(api.POST("/api/approvals/{approval}/decide", { params: { path: { approval: approval.id } }, body: { approve, note } })),
    );
  return (
    <div className="row" data-testid="approval" data-id={approval.id}>
      <Tag color="orange">{t(KINDS[approval.kind])}</Tag>
      <div className="grow">
        <b>{say(approval.what)}</b>
        <div className="soft">
          {t("approval.askedBy", { who: approval.asked_by, at: moment(approval.asked_at, lang) })} — {approval.reason}
        </div>
      </div>
      {approval.incident && <Link to={`/incidents/${approval.incident}`}>{t("finding.case")}</Link>}
      {mine && (
        <>
          <span className="soft">{t("approval.mine")}</span>
          <Button size="small" loading={busy} onClick={() => void decide(false, t("approval.withdrawn"))}>
            {t("approval.withdraw")}
          </Button>
        </>
      )}
      {!mine && may && (
        <>
          <Button type="primary" loading={busy} data-testid="approve" onClick={() => void decide(true, "")}>
            {t("ui.approve")}
          </Button>
          <AskReason label={t("ui.decline")} title={t("step.declineTitle")} send={(note) => decide(false, note)} />
        </>
      )}
      {!mine && !may && <span className="soft">{t("step.waitsFor", { roles: approval.roles.map((role) => t(ROLES[role])).join(t("ui.listSeparator")) })}</span>}
    </div>
  );
}

export function ApprovalsPage() {
  const { t } = useI18n();
  const query = useQuery("approvals", () => unwrap(api.GET("/api/approvals")), (event) => event.type === "approval");
  return (
    <Panel title={t("approvals.title")}>
      <Loaded query={query}>
        {({ approvals }) =>
          approvals.length === 0 ? <Nothing say={t("approvals.none")} /> : approvals.map((approval) => <ApprovalRow key={approval.id} approval={approval} />)
        }
      </Loaded>
    </Panel>
  );
}
