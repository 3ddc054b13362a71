import { Duties } from "../analyze/duties";
import { Scope } from "../analyze/scope";
import { Severity } from "../analyze/severity";
import { Register } from "../contain/register";
import { RestartHardened } from "../drill/drill";
import { Notices } from "../inform/notices";
import { FindingRow } from "../monitor/findings";
import { Retrospective } from "../prevent/retrospective";
import { Repair } from "../repair/repair";
import { Head } from "../respond/head";
import { RunPanel } from "../respond/run";
import { Tasks } from "../respond/tasks";
import { api, unwrap, type Schemas } from "../shared/api";
import { useI18n, type Key } from "../shared/i18n";
import { incidentOf } from "../shared/live";
import { useQuery } from "../shared/query";
import { useMay } from "../shared/session";
import { Loaded, Nothing, Panel } from "../shared/ui";
import { Evidence } from "./evidence";
import { stageState, type StageId } from "./stages";
import { Timeline } from "./timeline";

const STAGES: { id: StageId; mark: Key; word: Key }[] = [
  { id: "monitor", mark: "stage.monitor.mark", word: "stage.monitor" },
  { id: "respond", mark: "stage.respond.mark", word: "stage.respond" },
  { id: "contain", mark: "stage.contain.mark", word: "stage.contain" },
  { id: "analyze", mark: "stage.analyze.mark", word: "stage.analyze" },
  { id: "repair", mark: "stage.repair.mark", word: "stage.repair" },
  { id: "inform", mark: "stage.inform.mark", word: "stage.inform" },
  { id: "prevent", mark: "stage.prevent.mark", word: "stage.prevent" },
];

/** The war-room: one case on one screen. */
export function RoomPage({ id }: { id: string }) {
  const query = useQuery(
    `room ${id}`,
    () => unwrap(api.GET("/api/incidents/{incident}", { params: { path: { incident: id } } })),
    (event) => incidentOf(event) === id || event.type === "policy" || (event.type === "finding" && event.finding.incident === id),
  );
  return <Loaded query={query}>{(room) => <Room room={room} />}</Loaded>;
}

function Room({ room }: { room: Schemas["WarRoom"] }) {
  const { t } = useI18n();
  return (
    <>
      <Head room={room} />
      <nav className="stages" aria-label={t("room.stages")}>
        {STAGES.map((stage) => (
          <a key={stage.id} href={`#${stage.id}`} className={stageState(room, stage.id)} data-testid={`stage-${stage.id}`} data-state={stageState(room, stage.id)}>
            <b>{t(stage.mark)}</b>
            <span>{t(stage.word)}</span>
          </a>
        ))}
      </nav>
      <div className="room">
        <div>
          <Stage id="monitor" room={room} />
          <Stage id="respond" room={room} />
          <Stage id="contain" room={room} />
          <Stage id="analyze" room={room} />
          <Stage id="repair" room={room} />
          <Stage id="inform" room={room} />
          <Stage id="prevent" room={room} />
        </div>
        <aside className="side">
          <Panel title={t("timeline.title", { n: room.timeline_total })}>
            <Timeline entries={room.timeline} total={room.timeline_total} />
          </Panel>
          <br />
          <Panel title={t("evidence.title")}>
            <Evidence evidence={room.evidence} incident={room.incident.id} />
          </Panel>
        </aside>
      </div>
    </>
  );
}

function Stage({ id, room }: { id: StageId; room: Schemas["WarRoom"] }) {
  const { t } = useI18n();
  const stage = STAGES.find((known) => known.id === id);
  const title = stage ? `${t(stage.mark)} ${t(stage.word)}` : id;
  return (
    <section id={id} className="stage" aria-label={title}>
      <StageBody id={id} title={title} room={room} />
    </section>
  );
}

function StageBody({ id, title, room }: { id: StageId; title: string; room: Schemas["WarRoom"] }) {
  const { t } = useI18n();
  switch (id) {
    case "monitor":
      return (
        <Panel title={title}>
          {room.incident.evidence.length === 0 && <Nothing say={t("findings.none")} />}
          {room.incident.evidence.map((finding) => (
            <FindingRow key={finding.id} finding={finding} />
          ))}
        </Panel>
      );
    case "respond":
      return (
        <div className="grid">
          <Panel title={`${title} · ${t("run.title")}`} className="w6">
            <RunPanel room={room} />
          </Panel>
          <Panel title={`${title} · ${t("task.title")}`} className="w6">
            <Tasks tasks={room.tasks} />
          </Panel>
        </div>
      );
    case "contain":
      return (
        <Panel title={title}>
          <Register restrictions={room.containment} />
        </Panel>
      );
    case "analyze":
      return (
        <div className="grid">
          <Panel title={`${title} · ${t("scope.title")}`} className="w6">
            <Scope scope={room.scope} />
          </Panel>
          <Panel title={`${title} · ${t("severity.title")}`} className="w6">
            <Severity severity={room.severity} />
          </Panel>
          <Panel title={`${title} · ${t("duty.title")}`} className="w12">
            <Duties room={room} />
          </Panel>
        </div>
      );
    case "repair":
      return (
        <Panel title={title} extra={<Hardening room={room} />}>
          <Repair room={room} />
        </Panel>
      );
    case "inform":
      return (
        <Panel title={title}>
          <Notices room={room} />
        </Panel>
      );
    case "prevent":
      return (
        <Panel title={title}>
          <Retrospective retrospective={room.retrospective} />
        </Panel>
      );
  }
}

/** In a drill, the root fix is one click away. */
function Hardening({ room }: { room: Schemas["WarRoom"] }) {
  const hands = useMay("commander", "security", "it");
  if (!room.incident.drill || !hands || room.repair.verdict === "pass") return null;
  return <RestartHardened />;
}
