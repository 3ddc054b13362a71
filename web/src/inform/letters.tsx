import { Button, Popconfirm, Tag } from "antd";
import { api, unwrap, type Role, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { ROLES } from "../shared/roles";
import { useMay, useSession } from "../shared/session";

type Letter = Schemas["NoticeView"];

/** What a vendor's case owes its tenants: how many are told, and the buttons for all of them at once. */
export function Letters({ letters, incident }: { letters: Letter[]; incident: string }) {
  const { t } = useI18n();
  const { me } = useSession();
  const { busy, run } = useCommand();
  const sends = useMay("commander", "legal", "pr");
  // A tenant may have a second letter; that the first one told it stands.
  const tenants = new Set(letters.map((letter) => letter.to?.tenant));
  const told = new Set(letters.filter((letter) => letter.duties.some((duty) => duty.met_at)).map((letter) => letter.to?.tenant)).size;
  const ready = letters.filter((letter) => letter.state === "approved");
  const params = { path: { incident } };
  const roles = ["legal", "commander"] as const satisfies readonly Role[];
  const waiting = (role: Role) =>
    letters.filter(
      (letter) =>
        letter.state === "draft" &&
        letter.refusals.length === 0 &&
        letter.approvals.every((approval) => approval.role !== role && approval.by !== me.account),
    );
  const approve = (role: Role) => {
    const read = waiting(role).map(({ id, sha256 }) => ({ id, sha256 }));
    return run(async () => {
      let done = await part(read.slice(0, MOST));
      for (let at = MOST; at < read.length; at += MOST) done = await part(read.slice(at, at + MOST));
      return done;
    });

    function part(letters: Schemas["ReadLetter"][]) {
      return unwrap(api.POST("/api/incidents/{incident}/letters/approve", { params, body: { role, letters } }));
    }
  };
  return (
    <div className="row" data-testid="tenant-letters">
      <Tag color={told === tenants.size ? "green" : "orange"}>{t("tenants.told", { n: told, all: tenants.size })}</Tag>
      <span className="grow soft">{t("tenants.hint")}</span>
      {roles
        .filter((role) => me.roles.includes(role) && waiting(role).length > 0)
        .map((role) => (
          <Popconfirm
            key={role}
            title={t("tenants.approveSure", { n: waiting(role).length })}
            okButtonProps={{ "aria-label": "confirm-approve-letters" }}
            onConfirm={() => approve(role)}
          >
            <Button loading={busy} data-testid={`approve-letters-${role}`}>
              {t("tenants.approve", { n: waiting(role).length, role: t(ROLES[role]) })}
            </Button>
          </Popconfirm>
        ))}
      {sends && ready.some((letter) => !letter.by_hand) && (
        <Popconfirm
          title={t("tenants.sendSure", { n: ready.filter((letter) => !letter.by_hand).length })}
          okButtonProps={{ "aria-label": "confirm-send-letters" }}
          onConfirm={() => run(() => unwrap(api.POST("/api/incidents/{incident}/letters/send", { params })))}
        >
          <Button type="primary" danger loading={busy} data-testid="send-letters">
            {t("tenants.send")}
          </Button>
        </Popconfirm>
      )}
    </div>
  );
}

/** As many letters are approved at once. */
const MOST = 400;

/** To which firm a letter goes, to whom there, and since when the duty to tell it is met. */
export function Receiver({ letter }: { letter: Letter }) {
  const { t, lang } = useI18n();
  if (!letter.to) return null;
  const met = letter.duties.find((duty) => duty.met_at)?.met_at;
  return (
    <div data-testid="letter-to" data-tenant={letter.to.tenant}>
      <b>{letter.to.firm || letter.to.tenant}</b> <small className="soft">{letter.to.contact ?? t("tenants.noContact")}</small>{" "}
      {letter.duties.length > 0 && (
        <Tag color={met ? "green" : "orange"} title={letter.duties.map((duty) => `${duty.rule} ${duty.article}`).join("\n")}>
          {met ? t("tenants.met", { at: moment(met, lang) }) : t("tenants.open")}
        </Tag>
      )}
    </div>
  );
}
