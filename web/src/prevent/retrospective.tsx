import { Collapse, Tag } from "antd";
import type { Schemas } from "../shared/api";
import { moment, span } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { DEPARTMENTS } from "../shared/roles";
import { Diff, Figure, Nothing } from "../shared/ui";
import { Markdown } from "./markdown";

/** 防: what the case teaches. */
export function Retrospective({ retrospective }: { retrospective: Schemas["RetrospectiveView"] | null | undefined }) {
  const { t, say, lang } = useI18n();
  if (!retrospective) return <Nothing say={t("retro.none")} />;
  const { playbook } = retrospective;
  return (
    <div data-testid="retrospective">
      <div className="figures">
        {retrospective.measures.map((measure) => (
          <Figure
            key={measure.id}
            label={say(measure.label)}
            value={span(measure.ms)}
            note={measure.target_ms !== null && measure.target_ms !== undefined ? `≤ ${span(measure.target_ms)}` : undefined}
            strong={(measure.ms ?? 0) > (measure.target_ms ?? Infinity)}
          />
        ))}
      </div>
      <h3>{t("retro.actions")}</h3>
      {retrospective.actions.length === 0 && <Nothing say={t("retro.noActions")} />}
      {retrospective.actions.map((action) => (
        <div className="row" key={`${action.department} ${action.what.en}`}>
          <Tag>{t(DEPARTMENTS[action.department])}</Tag>
          <div className="grow">
            {say(action.what)}
            <div className="soft">{say(action.because)}</div>
          </div>
          {action.due_at && <span className="soft">{moment(action.due_at, lang)}</span>}
        </div>
      ))}
      <Collapse
        style={{ marginTop: 12 }}
        items={[
          { key: "text", label: t("retro.text"), children: <Markdown text={say(retrospective.markdown)} /> },
          {
            key: "assessment",
            label: t("retro.assessment"),
            children: retrospective.assessment.map((line) => (
              <div className="row" key={line.item.en}>
                <Tag color={line.met === true ? "green" : line.met === false ? "red" : "default"}>
                  {line.met === true ? t("retro.met") : line.met === false ? t("retro.notMet") : t("retro.unknown")}
                </Tag>
                <div className="grow">
                  {say(line.item)}
                  <div className="soft">{say(line.note)}</div>
                </div>
              </div>
            )),
          },
          ...(playbook
            ? [
                {
                  key: "playbook",
                  label: t("retro.playbook", { from: playbook.from, to: playbook.to }),
                  children: (
                    <>
                      <ul>
                        {playbook.reasons.map((reason) => (
                          <li key={reason.en}>{say(reason)}</li>
                        ))}
                      </ul>
                      <Diff text={playbook.diff} />
                    </>
                  ),
                },
              ]
            : []),
        ]}
      />
    </div>
  );
}
