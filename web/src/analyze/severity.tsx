import { Tag } from "antd";
import type { Schemas } from "../shared/api";
import { count } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { Nothing } from "../shared/ui";

/** 析: how grave the breach is, with the arithmetic in the open. */
export function Severity({ severity }: { severity: Schemas["SeverityView"] | null | undefined }) {
  const { t, say, lang } = useI18n();
  if (!severity) return <Nothing say={t("severity.none")} />;
  return (
    <div data-testid="severity">
      <p>
        <span className="mono" style={{ fontSize: 15 }}>
          {severity.formula}
        </span>{" "}
        <Tag color={severity.score >= 3 ? "red" : severity.score >= 2 ? "orange" : "blue"}>
          {t("severity.enisa")} {say(severity.level_text)}
        </Tag>
      </p>
      {severity.terms.map((term) => (
        <div className="row" key={term.id}>
          <span className="mono">{term.id}</span>
          <span className="grow">
            {say(term.label)} — <span className="soft">{say(term.why)}</span>
          </span>
          <b>{term.value}</b>
        </div>
      ))}
      <p style={{ marginTop: 12 }}>
        <b>{t("severity.cac")}</b> <Tag>{say(severity.cac_text)}</Tag>
      </p>
      {severity.cac.map((line) => (
        <div className="row" key={`${line.grade.en} ${line.what.en} ${line.threshold}`}>
          <Tag color={line.reached ? "red" : "default"}>{say(line.grade)}</Tag>
          <span className="grow">{say(line.what)}</span>
          <span className="clock">
            {count(line.value, lang)} / {count(line.threshold, lang)}
          </span>
        </div>
      ))}
    </div>
  );
}
