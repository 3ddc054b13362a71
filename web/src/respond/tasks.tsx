import { useState } from "react";
import { Button, Tag } from "antd";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { useI18n, type Key } from "../shared/i18n";
import { AskReason } from "../shared/reason";
import { DEPARTMENTS } from "../shared/roles";
import { useSession } from "../shared/session";
import { Countdown, Nothing } from "../shared/ui";

const STATES = {
  open: { word: "task.open", color: "red" },
  taken: { word: "task.taken", color: "processing" },
  done: { word: "task.done", color: "green" },
  dropped: { word: "task.dropped", color: "default" },
} as const satisfies Record<Schemas["TaskState"], { word: Key; color: string }>;

/** 响: the tasks of the departments, each with its clock. */
export function Tasks({ tasks }: { tasks: Schemas["TaskView"][] }) {
  const { t } = useI18n();
  if (tasks.length === 0) return <Nothing say={t("task.none")} />;
  return (
    <>
      {tasks.map((task) => (
        <TaskRow key={task.id} task={task} />
      ))}
    </>
  );
}

function TaskRow({ task }: { task: Schemas["TaskView"] }) {
  const { t, say } = useI18n();
  const { me } = useSession();
  const { busy, run } = useCommand();
  const [care, setCare] = useState<Schemas["CareView"]>();
  const open = task.state === "open" || task.state === "taken";
  const may = me.roles.includes(task.department) || me.roles.includes("commander");
  const change = (move: Schemas["TaskMove"], note: string) =>
    run(() => unwrap(api.POST("/api/tasks/{task}", { params: { path: { task: task.id } }, body: { move, note } })));
  const openCare = () =>
    run(async () => setCare(await unwrap(api.POST("/api/tasks/{task}/care", { params: { path: { task: task.id } } }))));
  return (
    <div className="row" data-testid="task" data-department={task.department} data-state={task.state}>
      <Tag>{t(DEPARTMENTS[task.department])}</Tag>
      <div className="grow">
        <span>{say(task.title)}</span>
        <div className="soft">
          <Tag color={STATES[task.state].color}>{t(STATES[task.state].word)}</Tag>
          {task.by} {task.note && `— ${task.note}`}
        </div>
        {open && care && (
          <div data-testid="care">
            <b>{care.address}</b> ({care.lang})
            <div style={{ whiteSpace: "pre-wrap" }}>{care.words || t("task.careNothing")}</div>
          </div>
        )}
      </div>
      {open && <Countdown to={task.due_at} />}
      {open && may && (
        <>
          {task.state === "open" && (
            <Button size="small" loading={busy} data-testid="task-take" onClick={() => void change("take", task.note)}>
              {t("task.take")}
            </Button>
          )}
          {task.care && task.state === "taken" && task.by === me.account && !care && (
            <Button size="small" loading={busy} data-testid="task-care" onClick={() => void openCare()}>
              {t("task.care")}
            </Button>
          )}
          <Button size="small" type="primary" loading={busy} data-testid="task-done" onClick={() => void change("done", task.note)}>
            {t("task.finish")}
          </Button>
          <AskReason label={t("task.note")} title={t("task.noteTitle")} preset={task.note} send={(note) => change("note", note)} />
          <AskReason label={t("task.drop")} title={t("task.dropTitle")} send={(note) => change("drop", note)} />
        </>
      )}
    </div>
  );
}
