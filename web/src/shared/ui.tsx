import { Alert, Button, Card, Empty, Spin, Tag } from "antd";
import type { ReactNode } from "react";
import type { Problem, Schemas } from "./api";
import { useNow } from "./clock";
import { countdown, moment } from "./format";
import { useI18n, type Key } from "./i18n";
import type { Query } from "./query";

/** What went wrong and what to do. */
export function ProblemBox({ problem, retry }: { problem: Problem; retry?: () => void }) {
  const { t, say } = useI18n();
  return (
    <Alert
      type="error"
      showIcon
      title={say(problem.message)}
      action={retry && <Button onClick={retry}>{t("ui.retry")}</Button>}
    />
  );
}

/** The data of a query, or why there is none. */
export function Loaded<T>({ query, children }: { query: Query<T>; children: (data: T) => ReactNode }) {
  if (query.data === undefined) {
    if (query.problem) return <ProblemBox problem={query.problem} retry={query.reload} />;
    return <Spin size="large" style={{ display: "block", margin: "80px auto" }} />;
  }
  return (
    <>
      {query.problem && <ProblemBox problem={query.problem} retry={query.reload} />}
      {children(query.data)}
    </>
  );
}

export function Nothing({ say }: { say: string }) {
  return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={say} />;
}

export function Panel(props: { title: ReactNode; className?: string; extra?: ReactNode; children: ReactNode; testid?: string }) {
  return (
    <Card size="small" title={props.title} className={props.className ?? ""} extra={props.extra} data-testid={props.testid}>
      {props.children}
    </Card>
  );
}

export function Figure({ label, value, note, strong, testid }: { label: string; value: ReactNode; note?: ReactNode; strong?: boolean; testid?: string }) {
  return (
    <div className={strong ? "figure strong" : "figure"} data-testid={testid}>
      <span className="soft">{label}</span>
      <b>{value}</b>
      {note && <small className="soft">{note}</small>}
    </div>
  );
}

/** Ticks towards a deadline; says when it is over. */
export function Countdown({ to }: { to: string }) {
  const { t, lang } = useI18n();
  const left = Date.parse(to) - useNow();
  const look = left < 0 ? "clock over" : left < 3_600_000 ? "clock near" : "clock";
  return (
    <span className={look} title={moment(to, lang)}>
      {countdown(left)}
      {left < 0 && ` ${t("ui.overdue")}`}
    </span>
  );
}

const GRADE_COLORS: Record<Schemas["Grade"], string> = { low: "blue", medium: "orange", high: "red" };
const GRADE_WORDS = { low: "grade.low", medium: "grade.medium", high: "grade.high" } as const;

export function GradeTag({ grade }: { grade: Schemas["Grade"] }) {
  const { t } = useI18n();
  return (
    <Tag color={GRADE_COLORS[grade]} data-testid="grade" data-grade={grade}>
      {t(GRADE_WORDS[grade])}
    </Tag>
  );
}

const STATE_WORDS = {
  open: "state.open",
  handling: "state.handling",
  contained: "state.contained",
  repaired: "state.repaired",
  closed: "state.closed",
} as const satisfies Record<Schemas["IncidentState"], Key>;

export function StateTag({ state }: { state: Schemas["IncidentState"] }) {
  const { t } = useI18n();
  return (
    <Tag color={state === "closed" ? "default" : state === "open" ? "red" : "processing"} data-testid="state" data-state={state}>
      {t(STATE_WORDS[state])}
    </Tag>
  );
}

export function DrillTag({ drill }: { drill: boolean }) {
  const { t } = useI18n();
  return drill ? <Tag color="purple">{t("ui.drill")}</Tag> : null;
}

/** A unified diff with its lines coloured. */
export function Diff({ text }: { text: string }) {
  const look = (line: string) => (line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : line.startsWith("@@") ? "at" : "");
  return (
    <pre className="diff" tabIndex={0}>
      {text.split("\n").map((line, at) => (
        <span key={at} className={look(line)}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
