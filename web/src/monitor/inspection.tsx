import { Alert, Button, Checkbox, Input, InputNumber, Radio, Table, Tag } from "antd";
import { useState } from "react";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { Dialog } from "../shared/dialog";
import { moment } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { useQuery } from "../shared/query";
import { AskReason } from "../shared/reason";
import { useMay } from "../shared/session";
import { Figure, Loaded, Nothing, Panel } from "../shared/ui";

/** 监: what the inspection stopped, by rule and parameter, and which rules don't count where. */
export function InspectionPage() {
  const query = useQuery("inspection", () => unwrap(api.GET("/api/inspection")), (event) => event.type === "finding" || event.type === "clock");
  return (
    <Loaded query={query}>
      {(view) => (
        <div className="grid">
          <RulesPanel rules={view.rules ?? undefined} reload={query.reload} />
          <StopsPanel view={view} reload={query.reload} />
          <ParametersPanel parameters={view.parameters} inspected={view.rules !== null && view.rules !== undefined} reload={query.reload} />
          <ExceptionsPanel exceptions={view.exceptions} reload={query.reload} />
        </div>
      )}
    </Loaded>
  );
}

function RulesPanel({ rules, reload }: { rules: Schemas["RulesInForce"] | undefined; reload: () => void }) {
  const { t } = useI18n();
  const { run } = useCommand();
  const leads = useMay("commander", "security");
  if (!rules) {
    return (
      <Panel title={t("nav.inspection")} className="w12">
        <Nothing say={t("inspection.off")} />
      </Panel>
    );
  }
  const back = async (reason: string) => {
    const done = await run(() => unwrap(api.POST("/api/inspection/roll-back", { body: { reason } })));
    if (done) reload();
    return done;
  };
  return (
    <Panel
      title={t("nav.inspection")}
      className="w12"
      testid="inspection-rules"
      extra={
        rules.previous && leads ? (
          <AskReason label={t("inspection.back")} title={t("inspection.backTitle", { name: rules.previous })} danger send={back} />
        ) : undefined
      }
    >
      <div className="figures">
        <Figure label={t("inspection.set")} value={rules.name} note={t("inspection.version", { version: rules.version, rules: rules.rules, ms: rules.compiled_ms })} />
        <Figure label={t("inspection.mode")} value={t(MODES[rules.mode as Mode])} note={rules.modules.map((one) => `${one.module}: ${t(MODES[one.mode as Mode])}`).join("; ")} />
        <Figure label={t("inspection.judging")} value={t(JUDGINGS[rules.judging as Judging])} />
        <Figure label={t("inspection.stopped")} value={rules.stopped} note={t("inspection.inspected", { n: rules.inspected })} />
      </div>
    </Panel>
  );
}

type Mode = "off" | "detect" | "block";
const MODES = { off: "inspection.modeOff", detect: "inspection.modeDetect", block: "inspection.modeBlock" } as const;
type Judging = "exact" | "balanced" | "strict";
const JUDGINGS = { exact: "inspection.exact", balanced: "inspection.balanced", strict: "inspection.strict" } as const;

function StopsPanel({ view, reload }: { view: Schemas["InspectionView"]; reload: () => void }) {
  const { t, say, lang } = useI18n();
  const leads = useMay("commander", "security");
  const [draft, setDraft] = useState<Schemas["StopGroup"]>();
  return (
    <Panel title={t("inspection.stops")} className="w12" extra={<small className="soft">{t("inspection.remembered", { n: view.remembered })}</small>}>
      <div className="wide">
        <Table
          rowKey={(row) => `${row.rule} ${row.place} ${row.route}`}
          size="small"
          dataSource={view.stops}
          pagination={{ pageSize: 25, hideOnSinglePage: true }}
          locale={{ emptyText: <Nothing say={t("inspection.none")} /> }}
          onRow={(row) => ({ "data-testid": "stop", "data-rule": String(row.rule) }) as React.HTMLAttributes<HTMLElement>}
          columns={[
            { title: t("inspection.rule"), dataIndex: "rule" },
            { title: t("inspection.place"), render: (_, row) => <code>{row.place || "—"}</code> },
            { title: t("inspection.route"), render: (_, row) => `${row.module} · ${row.route}` },
            {
              title: t("inspection.count"),
              render: (_, row) => (
                <>
                  {row.refused > 0 && <Tag color="red">{t("inspection.refused", { n: row.refused })}</Tag>}
                  {row.passed > 0 && <Tag color="orange">{t("inspection.passed", { n: row.passed })}</Tag>}
                </>
              ),
            },
            { title: t("inspection.why"), render: (_, row) => <div style={{ minWidth: 260 }}>{say(row.why)}</div> },
            { title: t("inspection.last"), render: (_, row) => moment(row.last_at, lang) },
            {
              title: "",
              render: (_, row) =>
                leads && row.exceptable ? (
                  <Button size="small" data-testid="except" onClick={() => setDraft(row)}>
                    {t("inspection.except")}
                  </Button>
                ) : null,
            },
          ]}
        />
      </div>
      {draft && <ExceptModal group={draft} judged={view.rules?.judging !== "exact"} close={() => setDraft(undefined)} done={reload} />}
    </Panel>
  );
}

/** Shows what an exception would let pass before it counts. */
function ExceptModal({ group, judged, close, done }: { group: Schemas["StopGroup"]; judged: boolean; close: () => void; done: () => void }) {
  const { t } = useI18n();
  const { run } = useCommand();
  const draft = { rule: group.rule, place: group.place, route: group.route };
  const query = useQuery(
    `preview ${group.rule} ${group.place} ${group.route}`,
    () => unwrap(api.POST("/api/inspection/exceptions/preview", { body: draft })),
    () => false,
  );
  const preview = query.data;
  const attacks = preview?.attacks.length ?? 0;
  const add = (reason: string) =>
    run(async () => {
      const said = await unwrap(api.POST("/api/inspection/exceptions", { body: { ...draft, reason, attacks } }));
      done();
      return said;
    });
  return (
    <Dialog
      title={t("inspection.exceptTitle", { rule: group.rule, place: group.place, route: group.route })}
      ok={t("inspection.exceptDo")}
      ready={preview !== undefined}
      danger={attacks > 0}
      send={add}
      close={close}
    >
      <Loaded query={query}>
        {(shown) => (
          <div data-testid="preview">
            <p>{t("inspection.previewStops", { stops: shown.stops, alone: shown.alone })}</p>
            {judged && <p>{t("inspection.previewJudged")}</p>}
            {shown.tried === 0 && <p>{t("inspection.previewUntried")}</p>}
            {shown.tried > 0 && shown.attacks.length === 0 && <p>{t("inspection.previewSafe", { tried: shown.tried })}</p>}
            {shown.attacks.length > 0 && (
              <Alert
                type="warning"
                showIcon
                title={t("inspection.previewAttacks", { n: shown.attacks.length, tried: shown.tried })}
                description={
                  <ul>
                    {shown.attacks.slice(0, 5).map((attack) => (
                      <li key={attack}>
                        <code>{attack}</code>
                      </li>
                    ))}
                  </ul>
                }
              />
            )}
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}

type State = "learning" | "learned" | "only" | "anything";
const STATES = { learning: "inspection.learning", learned: "inspection.learned", only: "inspection.only", anything: "inspection.anything" } as const;
const COLOURS = { learning: "default", learned: "blue", only: "purple", anything: "orange" } as const;
const KINDS = { digits: "inspection.digits", token: "inspection.token", words: "inspection.words", text: "inspection.text" } as const;
const SIGNS = {
  digits: "signs.digits",
  joiners: "signs.joiners",
  letters: "signs.letters",
  wide: "signs.wide",
  blanks: "signs.blanks",
  punctuation: "signs.punctuation",
  lines: "signs.lines",
  slashes: "signs.slashes",
  quotes: "signs.quotes",
  brackets: "signs.brackets",
  braces: "signs.braces",
  angles: "signs.angles",
  separators: "signs.separators",
  equals: "signs.equals",
  marks: "signs.marks",
  escapes: "signs.escapes",
  controls: "signs.controls",
} as const;
type Sign = keyof typeof SIGNS;

/** What parameters normally look like: learned, or decided by a person. */
function ParametersPanel({ parameters, inspected, reload }: { parameters: Schemas["ParameterView"][]; inspected: boolean; reload: () => void }) {
  const { t } = useI18n();
  const leads = useMay("commander", "security");
  const [find, setFind] = useState("");
  const [chosen, setChosen] = useState<Schemas["ParameterView"]>();
  if (!inspected) return null;
  const wanted = find.trim().toLowerCase();
  const shown = parameters.filter((one) => `${one.route} ${one.parameter}`.toLowerCase().includes(wanted));
  return (
    <Panel title={t("inspection.parameters")} className="w12" testid="parameters">
      <p className="soft">{t("inspection.parametersSay")}</p>
      {parameters.length > 0 && (
        <Input
          allowClear
          style={{ maxWidth: 320, marginBottom: 12 }}
          aria-label={t("inspection.find")}
          placeholder={t("inspection.find")}
          onChange={(event) => setFind(event.target.value)}
        />
      )}
      <div className="wide">
        <Table
          rowKey={(row) => `${row.route} ${row.parameter}`}
          size="small"
          dataSource={shown}
          pagination={{ pageSize: 25, hideOnSinglePage: true }}
          locale={{ emptyText: <Nothing say={t(parameters.length > 0 ? "inspection.notFound" : "inspection.noParameters")} /> }}
          onRow={(row) => ({ "data-testid": "parameter", "data-parameter": row.parameter }) as React.HTMLAttributes<HTMLElement>}
          columns={[
            { title: t("inspection.routeAlone"), dataIndex: "route" },
            { title: t("inspection.place"), render: (_, row) => <code>{row.parameter}</code> },
            { title: t("inspection.state"), render: (_, row) => <Tag color={COLOURS[row.state as State]}>{t(STATES[row.state as State])}</Tag> },
            {
              title: t("inspection.looks"),
              render: (_, row) =>
                row.kind && row.state !== "anything" ? (
                  <span style={{ whiteSpace: "nowrap" }} title={row.signs.map((sign) => t(SIGNS[sign as Sign])).join(", ")}>
                    {t(KINDS[row.kind as keyof typeof KINDS])}, {t("inspection.longest", { n: row.longest ?? 0 })}
                  </span>
                ) : (
                  "—"
                ),
            },
            { title: t("inspection.seen"), dataIndex: "seen" },
            {
              title: "",
              render: (_, row) =>
                leads ? (
                  <Button size="small" data-testid="rule-parameter" onClick={() => setChosen(row)}>
                    {t("inspection.decide")}
                  </Button>
                ) : null,
            },
          ]}
        />
      </div>
      {chosen && <ParameterModal parameter={chosen} close={() => setChosen(undefined)} done={reload} />}
    </Panel>
  );
}

function ParameterModal({ parameter, close, done }: { parameter: Schemas["ParameterView"]; close: () => void; done: () => void }) {
  const { t } = useI18n();
  const { run } = useCommand();
  const decided = parameter.state === "only" || parameter.state === "anything";
  const [rule, setRule] = useState(parameter.state === "anything" ? "anything" : "only");
  const [signs, setSigns] = useState<string[]>(parameter.signs);
  const [longest, setLongest] = useState<number | null>(parameter.longest ?? 64);
  const whole = rule !== "only" || (signs.length > 0 && (longest ?? 0) > 0);
  const send = (reason: string) =>
    run(async () => {
      const only = rule === "only" ? { signs, longest } : {};
      const body = { route: parameter.route, parameter: parameter.parameter, rule, reason, ...only };
      const said = await unwrap(api.POST("/api/inspection/parameters", { body }));
      done();
      return said;
    });
  const title = t("inspection.decideTitle", { parameter: parameter.parameter, route: parameter.route });
  return (
    <Dialog title={title} ok={t("inspection.decideDo")} ready={whole} danger={rule === "only"} send={send} close={close}>
      <Radio.Group value={rule} onChange={(event) => setRule(String(event.target.value))} style={{ display: "grid", gap: 8 }}>
        <Radio value="only">{t("inspection.ruleOnly")}</Radio>
        <Radio value="anything">{t("inspection.ruleAnything")}</Radio>
        {decided && <Radio value="learn">{t("inspection.ruleLearn")}</Radio>}
        <Radio value="forget">{t("inspection.ruleForget")}</Radio>
      </Radio.Group>
      {rule === "only" && (
        <>
          <Checkbox.Group
            value={signs}
            onChange={setSigns}
            style={{ margin: "12px 0", display: "flex", flexWrap: "wrap", gap: 8 }}
            options={Object.entries(SIGNS).map(([value, word]) => ({ value, label: t(word) }))}
          />
          <label>
            {t("inspection.atMost")} <InputNumber min={1} max={1_000_000} value={longest} onChange={setLongest} aria-label={t("inspection.atMost")} />
          </label>
        </>
      )}
    </Dialog>
  );
}

function ExceptionsPanel({ exceptions, reload }: { exceptions: Schemas["ExceptionView"][]; reload: () => void }) {
  const { t, lang } = useI18n();
  const { run } = useCommand();
  const leads = useMay("commander", "security");
  const remove = async (exception: string, reason: string) => {
    const done = await run(() => unwrap(api.POST("/api/inspection/exceptions/{exception}/remove", { params: { path: { exception } }, body: { reason } })));
    if (done) reload();
    return done;
  };
  return (
    <Panel title={t("inspection.exceptions")} className="w12">
      {exceptions.length === 0 && <Nothing say={t("inspection.noExceptions")} />}
      {exceptions.map((one) => (
        <div className="row" key={one.id ?? `${one.rule} ${one.place} ${one.module} ${one.route}`} data-testid="exception">
          <div className="grow">
            <b>
              {one.rule} <code>{one.place ?? t("inspection.wholeRule")}</code> {one.route ?? one.module ?? t("inspection.everywhere")}
            </b>
            <div>
              <small className="soft">
                {one.id ? `${one.by ?? ""} · ${one.at ? moment(one.at, lang) : ""} · ${one.reason ?? ""}` : t("inspection.configured")}
              </small>
            </div>
          </div>
          {one.id && leads && (
            <AskReason label={t("inspection.undo")} title={t("inspection.undoTitle", { rule: one.rule })} send={(reason) => remove(one.id ?? "", reason)} />
          )}
        </div>
      ))}
    </Panel>
  );
}
