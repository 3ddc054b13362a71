import { Badge, Tag } from "antd";
import { lazy, Suspense } from "react";
import { ApprovalRow } from "../contain/approvals";
import { DrillBar } from "../drill/drill";
import { FindingRow } from "../monitor/findings";
import { IncidentRow } from "../respond/incidents";
import { api, unwrap, type Schemas } from "../shared/api";
import { count, moment, percent, span } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { Link } from "../shared/router";
import { useQuery } from "../shared/query";
import { Countdown, Figure, Loaded, Nothing, Panel } from "../shared/ui";

const ActivityChart = lazy(() => import("./activity"));

/** 态势总览: everything at one glance. */
export function OverviewPage() {
  const query = useQuery(
    "overview",
    () => unwrap(api.GET("/api/overview")),
    (event) => !["clock", "alert", "timeline"].includes(event.type),
  );
  return <Loaded query={query}>{(overview) => <Overview overview={overview} />}</Loaded>;
}

function Overview({ overview }: { overview: Schemas["Overview"] }) {
  const { t, say, lang } = useI18n();
  const { counters } = overview;
  return (
    <div className="grid">
      {overview.demo && (
        <div className="w12">
          <DrillBar demo={overview.demo} />
        </div>
      )}
      <div className="w12 figures">
        <Figure label={t("overview.open")} value={overview.open.length} strong={overview.open.some((incident) => incident.grade === "high")} />
        <Figure label={t("overview.exchanges")} value={count(counters.exchanges, lang)} note={t("overview.today")} />
        <Figure label={t("overview.refused")} value={count(counters.refused, lang)} note={t("overview.today")} />
        <Figure label={t("overview.findings")} value={count(counters.findings, lang)} note={t("overview.today")} />
        <Figure label={t("overview.restrictions")} value={count(counters.restrictions, lang)} note={t("overview.now")} />
        <Figure label={t("overview.coverage")} value={percent(overview.coverage)} note={t("overview.coverageNote")} />
        <Figure label={t("overview.policy")} value={`r${overview.policy.revision}`} note={<Link to="/policy">{overview.policy.by}</Link>} />
      </div>
      <Panel title={t("overview.openIncidents")} className="w8" testid="open-incidents">
        {overview.open.length === 0 ? (
          <Nothing say={t("overview.noIncidents")} />
        ) : (
          overview.open.map((incident) => <IncidentRow key={incident.id} incident={incident} />)
        )}
      </Panel>
      <Panel title={t("overview.clocks")} className="w4">
        {overview.clocks.length === 0 && <Nothing say={t("overview.noClocks")} />}
        {overview.clocks.map((clock) => (
          <div className="row" key={`${clock.incident} ${clock.what.en} ${clock.due_at}`}>
            <Link to={`/incidents/${clock.incident}`} className="grow">
              {say(clock.what)}
            </Link>
            <Countdown to={clock.due_at} />
          </div>
        ))}
      </Panel>
      {overview.approvals.length > 0 && (
        <Panel title={t("approvals.title")} className="w12">
          {overview.approvals.map((approval) => (
            <ApprovalRow key={approval.id} approval={approval} />
          ))}
        </Panel>
      )}
      <Panel title={t("overview.activity")} className="w8">
        <Suspense fallback={<div style={{ height: 240 }} />}>
          <ActivityChart points={overview.activity} />
        </Suspense>
      </Panel>
      <Panel title={t("overview.gauges")} className="w4">
        {overview.gauges.map((gauge) => (
          <div className="row" key={gauge.id}>
            <span className="grow">
              {say(gauge.label)} <small className="soft">≤ {span(gauge.target_ms)}</small>
            </span>
            {gauge.worst_ms === null || gauge.worst_ms === undefined ? (
              <span className="soft">{t("overview.noCases")}</span>
            ) : (
              <Tag color={gauge.worst_ms <= gauge.target_ms ? "green" : "red"}>{span(gauge.worst_ms)}</Tag>
            )}
          </div>
        ))}
        {overview.gauges.length === 0 && <Nothing say={t("overview.noCases")} />}
      </Panel>
      <Panel title={t("overview.latest")} className="w8" extra={<Link to="/findings">{t("overview.all")}</Link>} testid="latest-findings">
        {overview.findings.length === 0 && <Nothing say={t("findings.none")} />}
        {overview.findings.map((finding) => (
          <FindingRow key={finding.id} finding={finding} />
        ))}
      </Panel>
      <div className="w4">
        <Panel title={t("overview.parts")}>
          {overview.parts.map((part) => (
            <div className="row" key={part.id} title={say(part.note)}>
              <span className="grow">
                <Badge status={HEALTH[part.health].badge} text={say(part.label)} />
                <br />
                <small className="soft">{say(part.note)}</small>
              </span>
              <span>{t(HEALTH[part.health].word)}</span>
            </div>
          ))}
        </Panel>
        <br />
        <Panel title={t("overview.losses")}>
          {overview.losses.every((loss) => loss.count === 0) && <Nothing say={t("overview.noLosses")} />}
          {overview.losses
            .filter((loss) => loss.count > 0)
            .map((loss) => (
              <div className="row" key={loss.reason}>
                <span className="grow">{t(LOSSES[loss.reason])}</span>
                <b>{count(loss.count, lang)}</b>
              </div>
            ))}
        </Panel>
      </div>
      <small className="soft w12">{t("overview.asOf", { at: moment(overview.at, lang) })}</small>
    </div>
  );
}

const HEALTH = {
  ok: { badge: "success", word: "health.ok" },
  degraded: { badge: "warning", word: "health.degraded" },
  down: { badge: "error", word: "health.down" },
} as const satisfies Record<Schemas["Health"], { badge: string; word: Key }>;

const LOSSES = {
  "queue-full": "loss.queue-full",
  "body-too-long": "loss.body-too-long",
  undecodable: "loss.undecodable",
  unparseable: "loss.unparseable",
  "alert-undelivered": "loss.alert-undelivered",
  "state-evicted": "loss.state-evicted",
  "torn-tail": "loss.torn-tail",
  retention: "loss.retention",
} as const satisfies Record<Schemas["LossReason"], Key>;
