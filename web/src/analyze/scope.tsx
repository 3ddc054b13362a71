import { Table, Tag } from "antd";
import type { Schemas } from "../shared/api";
import { count, moment, percent } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { Figure, Nothing } from "../shared/ui";

const SENSITIVITY: Record<string, Key> = {
  pseudonymous: "sensitivity.pseudonymous",
  ordinary: "sensitivity.ordinary",
  sensitive: "sensitivity.sensitive",
};

/** 析: whose data left. Numbers only; persons are never named here. */
export function Scope({ scope }: { scope: Schemas["ScopeView"] | null | undefined }) {
  const { t, say, lang } = useI18n();
  if (!scope) return <Nothing say={t("scope.none")} />;
  const { source } = scope;
  const list = (label: Key, values: string[]) =>
    values.length > 0 && (
      <div className="row">
        <span className="soft">{t(label)}</span>
        <span className="grow mono">{values.join("  ")}</span>
      </div>
    );
  return (
    <div data-testid="scope">
      <div className="figures">
        <Figure testid="scope-low" label={t("scope.low")} value={count(scope.low, lang)} note={t("scope.lowNote")} />
        <Figure testid="scope-likely" label={t("scope.likely")} value={count(scope.likely, lang)} note={t("scope.likelyNote")} strong />
        <Figure testid="scope-high" label={t("scope.high")} value={count(scope.high, lang)} note={t("scope.highNote")} />
        <Figure testid="scope-coverage" label={t("scope.coverage")} value={percent(scope.coverage)} note={t("scope.coverageNote", { bytes: count(scope.bytes_released, lang) })} />
      </div>
      {list("scope.accounts", source.accounts)}
      {list("scope.sessions", source.sessions)}
      {list("scope.tokens", source.tokens)}
      {list("scope.addresses", source.addresses)}
      <div className="row">
        <span className="soft">{t("scope.window")}</span>
        <span className="grow">
          {scope.window ? `${moment(scope.window.from, lang)} — ${moment(scope.window.to, lang)}` : "—"} · {t("scope.exchanges", { n: count(scope.exchanges, lang) })} ·{" "}
          {scope.modules.join(", ")}
        </span>
      </div>
      <div className="wide">
        <Table
          rowKey="kind"
          size="small"
          pagination={false}
          dataSource={scope.kinds}
          columns={[
            {
              title: t("scope.kind"),
              render: (_, row) => {
                const weight = SENSITIVITY[row.sensitivity];
                return (
                  <>
                    {say(row.label)} {weight && <Tag color={row.sensitivity === "sensitive" ? "red" : "default"}>{t(weight)}</Tag>}
                  </>
                );
              },
            },
            { title: t("scope.low"), align: "right", render: (_, row) => count(row.low, lang) },
            { title: t("scope.likely"), align: "right", render: (_, row) => <b>{count(row.likely, lang)}</b> },
            { title: t("scope.high"), align: "right", render: (_, row) => count(row.high, lang) },
          ]}
        />
      </div>
      <p className="soft">
        {t("scope.method")} {scope.method} · {moment(scope.at, lang)}
        {scope.likely_sha256 && (
          <>
            <br />
            {t("scope.sha256")} <span className="mono">{scope.likely_sha256}</span>
          </>
        )}
      </p>
    </div>
  );
}
