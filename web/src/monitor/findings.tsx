import { Button, Tag } from "antd";
import { useState } from "react";
import { LEVELS } from "../shared/alarm";
import { api, unwrap, type Schemas } from "../shared/api";
import { timeOfDay } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { useQuery } from "../shared/query";
import { Link } from "../shared/router";
import { Loaded, Nothing, Panel } from "../shared/ui";

const COLORS: Record<Schemas["Level"], string> = {
  informational: "default",
  low: "blue",
  medium: "orange",
  high: "red",
  critical: "#5c0a0a",
};

/** 监: one finding, with why it fired. */
export function FindingRow({ finding }: { finding: Schemas["FindingView"] }) {
  const { t, say } = useI18n();
  const { actor } = finding;
  return (
    <div className="row" data-testid="finding" data-rule={finding.rule}>
      <Tag color={COLORS[finding.level]}>{t(LEVELS[finding.level])}</Tag>
      <div className="grow">
        <b>{say(finding.title)}</b>
        <div>{say(finding.why)}</div>
        <small className="soft">
          {finding.rule} · {t("finding.by", { who: actor.name, from: actor.ip })} · {t("finding.in", { module: finding.module, tenant: finding.tenant })} ·{" "}
          {t("finding.evidence", { n: finding.evidence })} {finding.tags.join(" ")}
        </small>
      </div>
      <span className="clock soft">{timeOfDay(finding.at)}</span>
      {finding.incident && <Link to={`/incidents/${finding.incident}`}>{t("finding.case")}</Link>}
    </div>
  );
}

/** All findings, newest first. */
export function FindingsPage() {
  const { t } = useI18n();
  const [before, setBefore] = useState<string[]>([]);
  const cursor = before.at(-1);
  const query = useQuery(
    `findings ${cursor ?? ""}`,
    () => unwrap(api.GET("/api/findings", { params: { query: { before: cursor, limit: 50 } } })),
    (event) => event.type === "finding" && cursor === undefined,
  );
  return (
    <Panel title={t("nav.findings")}>
      <Loaded query={query}>
        {(page) => (
          <>
            {page.items.length === 0 && <Nothing say={t("findings.none")} />}
            {page.items.map((finding) => (
              <FindingRow key={finding.id} finding={finding} />
            ))}
            <Pager before={before} next={page.next} move={setBefore} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}

export function Pager({ before, next, move }: { before: string[]; next: string | null | undefined; move: (to: string[]) => void }) {
  const { t } = useI18n();
  if (before.length === 0 && !next) return null;
  return (
    <div className="row">
      <Button disabled={before.length === 0} onClick={() => move(before.slice(0, -1))}>
        {t("pager.newer")}
      </Button>
      <Button disabled={!next} onClick={() => next && move([...before, next])}>
        {t("pager.older")}
      </Button>
    </div>
  );
}
