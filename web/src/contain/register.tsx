import { Button, Popover, Tag } from "antd";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { useMay } from "../shared/session";
import { Countdown, Nothing } from "../shared/ui";
import { ApprovalRow } from "./approvals";

const KINDS = {
  isolation: "restriction.isolation",
  revocation: "restriction.revocation",
  "access-rule": "restriction.accessRule",
  patch: "restriction.patch",
} as const satisfies Record<Schemas["RestrictionKind"], Key>;

const MODES: Record<string, Key> = {
  off: "mode.off",
  "read-only": "mode.read-only",
  mask: "mode.mask",
  throttle: "mode.throttle",
  "step-up": "mode.step-up",
  standby: "mode.standby",
  "allow-list": "mode.allow-list",
};

/** 隔: what is restricted now, by whom, why, until when; and its undo. */
export function Register({ restrictions }: { restrictions: Schemas["RestrictionView"][] }) {
  const { t } = useI18n();
  if (restrictions.length === 0) return <Nothing say={t("restriction.none")} />;
  return (
    <>
      {restrictions.map((restriction) => (
        <RestrictionRow key={restriction.id} restriction={restriction} />
      ))}
    </>
  );
}

function RestrictionRow({ restriction }: { restriction: Schemas["RestrictionView"] }) {
  const { t, say, lang } = useI18n();
  const gone = restriction.lift === "gone";
  const mode = restriction.mode ? MODES[restriction.mode] : undefined;
  return (
    <>
      <div
        className="row"
        data-testid="restriction"
        data-id={restriction.id}
        data-kind={restriction.kind}
        data-target={restriction.target}
        data-lift={restriction.lift}
      >
        <Tag color={gone ? "default" : "red"}>{t(KINDS[restriction.kind])}</Tag>
        <div className="grow">
          <b style={gone ? { textDecoration: "line-through" } : {}}>{say(restriction.what)}</b>{" "}
          {restriction.mode && <Tag>{mode ? t(mode) : restriction.mode}</Tag>}
          {restriction.verified === true && <Tag color="green">{t("restriction.verified")}</Tag>}
          {restriction.verified === false && <Tag color="volcano">{t("restriction.notVerified")}</Tag>}
          <div className="soft">
            {t("restriction.by", { who: restriction.owner, at: moment(restriction.since, lang) })} — {restriction.reason}
          </div>
          <div className="soft">
            {gone && t("restriction.gone")}
            {!gone && restriction.expires_at && (
              <>
                {t("restriction.expires")} <Countdown to={restriction.expires_at} />
              </>
            )}
            {!gone && restriction.endless_because && t("restriction.endless", { why: restriction.endless_because })}
          </div>
        </div>
        {!gone && <Undo restriction={restriction} />}
      </div>
      {restriction.approval?.state === "waiting" && <ApprovalRow approval={restriction.approval} />}
    </>
  );
}

/** One click. Where two persons are needed, the click asks the second one. */
function Undo({ restriction }: { restriction: Schemas["RestrictionView"] }) {
  const { t, say } = useI18n();
  const { busy, run } = useCommand();
  const may = useMay("commander", "security", "it");
  if (!may || restriction.lift === "asked") return null;
  const undo = () =>
    run(async () => {
      const answer = await unwrap(
        api.POST("/api/restrictions/{restriction}/undo", {
          params: { path: { restriction: restriction.id } },
          body: { reason: t("restriction.undoReason") },
        }),
      );
      return answer.lifted ? t("restriction.undone", { revision: answer.revision }) : t("approval.asked");
    });
  if (restriction.lift === "blocked") {
    return (
      <Popover content={restriction.lift_blocked ? say(restriction.lift_blocked) : t("restriction.blocked")}>
        <span tabIndex={0}>
          <Button disabled data-testid="undo">
            {t("restriction.undo")}
          </Button>
        </span>
      </Popover>
    );
  }
  return (
    <Button loading={busy} data-testid="undo" onClick={() => void undo()}>
      {restriction.lift === "needs-two" ? t("restriction.undoAsk") : t("restriction.undo")}
    </Button>
  );
}
