import { useState } from "react";
import { Pager } from "../monitor/findings";
import { api, unwrap, type Schemas } from "../shared/api";
import { moment, shortId } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { useQuery } from "../shared/query";
import { Link } from "../shared/router";
import { Countdown, DrillTag, GradeTag, Loaded, Nothing, Panel, StateTag } from "../shared/ui";

/** One case in a list. */
export function IncidentRow({ incident }: { incident: Schemas["IncidentSummary"] }) {
  const { t, say, lang } = useI18n();
  return (
    <div className="row" data-testid="incident" data-id={incident.id}>
      <span>
        <GradeTag grade={incident.grade} />
        <StateTag state={incident.state} />
        <DrillTag drill={incident.drill} />
      </span>
      <div className="grow">
        <Link to={`/incidents/${incident.id}`}>
          <b>{say(incident.title)}</b>
        </Link>
        <div className="soft">
          {incident.tenant} · {shortId(incident.id)} · {moment(incident.opened_at, lang)} · {t("incident.findings", { n: incident.findings })}
          {incident.modules.length > 0 && ` · ${incident.modules.join(", ")}`}
          {incident.suspects.length > 0 && ` · ${t("incident.suspects")} ${incident.suspects.join(", ")}`}
        </div>
      </div>
      {incident.waiting > 0 && <b className="clock near">{t("incident.waiting", { n: incident.waiting })}</b>}
      {incident.next_due && <Countdown to={incident.next_due} />}
    </div>
  );
}

/** All cases, newest first. */
export function IncidentsPage() {
  const { t } = useI18n();
  const [before, setBefore] = useState<string[]>([]);
  const cursor = before.at(-1);
  const query = useQuery(
    `incidents ${cursor ?? ""}`,
    () => unwrap(api.GET("/api/incidents", { params: { query: { before: cursor, limit: 50 } } })),
    (event) => event.type === "incident" || event.type === "run" || event.type === "task",
  );
  return (
    <Panel title={t("nav.incidents")}>
      <Loaded query={query}>
        {(page) => (
          <>
            {page.items.length === 0 && <Nothing say={t("incidents.none")} />}
            {page.items.map((incident) => (
              <IncidentRow key={incident.id} incident={incident} />
            ))}
            <Pager before={before} next={page.next} move={setBefore} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}
