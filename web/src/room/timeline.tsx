import type { Schemas } from "../shared/api";
import { timeOfDay } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { Nothing } from "../shared/ui";

/** The ledger entries of the case, newest first: the timeline is the ledger. */
export function Timeline({ entries, total }: { entries: Schemas["TimelineEntry"][]; total: number }) {
  const { t, say } = useI18n();
  if (entries.length === 0) return <Nothing say={t("timeline.none")} />;
  return (
    <div data-testid="timeline">
      {[...entries].reverse().map((entry) => (
        <div className="row" key={entry.seq} data-testid="entry" data-kind={entry.kind}>
          <span className="clock soft">{timeOfDay(entry.at)}</span>
          <div style={{ flex: 1, minWidth: 0 }}>
            {say(entry.text)}
            <div className="mono soft" title={entry.hash}>
              #{entry.seq} {entry.by} {entry.kind} {entry.hash.slice(0, 12)}
            </div>
          </div>
        </div>
      ))}
      {total > entries.length && <small className="soft">{t("timeline.more", { n: total - entries.length })}</small>}
    </div>
  );
}
