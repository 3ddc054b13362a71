import { Alert, Button, Drawer, Popconfirm, Tag } from "antd";
import { useState } from "react";
import { HandIn, Proofs, Save } from "./handin";
import { Letters, Receiver } from "./letters";
import { api, unwrap, type Role, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { count, moment } from "../shared/format";
import { useI18n, type Key } from "../shared/i18n";
import { useQuery } from "../shared/query";
import { AskReason } from "../shared/reason";
import { ROLES } from "../shared/roles";
import { useMay, useSession } from "../shared/session";
import { Countdown, Loaded, Nothing } from "../shared/ui";

const AUDIENCES = {
  staff: "notice.staff",
  regulator: "notice.regulator",
  person: "notice.person",
  tenant: "notice.tenant",
  public: "notice.public",
} as const satisfies Record<Schemas["Audience"], Key>;

const STATES = {
  draft: { word: "notice.draft", color: "orange" },
  approved: { word: "notice.approved", color: "blue" },
  sending: { word: "notice.sending", color: "processing" },
  sent: { word: "notice.sent", color: "green" },
  stopped: { word: "notice.stopped", color: "red" },
} as const satisfies Record<Schemas["NoticeState"], { word: Key; color: string }>;

/** 通: the drafts, who approved them, and the way out of the house. */
export function Notices({ room }: { room: Schemas["WarRoom"] }) {
  const { t } = useI18n();
  const [open, setOpen] = useState<string>();
  const shown = room.notices.find((notice) => notice.id === open);
  if (room.notices.length === 0) return <Nothing say={t("notice.none")} />;
  const letters = room.notices.filter((notice) => notice.to && notice.refusals.every((refusal) => refusal.rule !== "withdrawn"));
  return (
    <>
      {letters.length > 0 && <Letters letters={letters} incident={room.incident.id} />}
      {room.notices.map((notice) => (
        <NoticeRow key={notice.id} notice={notice} read={() => setOpen(notice.id)} />
      ))}
      {shown && <NoticeDrawer notice={shown} incident={room.incident.id} close={() => setOpen(undefined)} />}
    </>
  );
}

function NoticeRow({ notice, read }: { notice: Schemas["NoticeView"]; read: () => void }) {
  const { t, lang } = useI18n();
  const look = STATES[notice.state];
  return (
    <div className="row" data-testid="notice" data-audience={notice.audience} data-lang={notice.lang} data-state={notice.state}>
      <Tag color={look.color}>{t(look.word)}</Tag>
      <div className="grow">
        <b>{t(AUDIENCES[notice.audience])}</b> <Tag>{notice.lang}</Tag>
        <div>{notice.title}</div>
        <Receiver letter={notice} />
        <small className="soft">
          {t("notice.recipients", { n: count(notice.recipients, lang) })} · {t("notice.approvals", { n: notice.approvals.length, all: notice.needs.length })}
          {notice.refusals.length > 0 && ` · ${t("notice.refused", { n: notice.refusals.length })}`}
        </small>
      </div>
      {notice.due_at && notice.state !== "sent" && <Countdown to={notice.due_at} />}
      <Button data-testid="read-notice" onClick={read}>
        {t("notice.read")}
      </Button>
    </div>
  );
}

/** One reads before one approves: the buttons stand below the text. */
function NoticeDrawer({ notice, incident, close }: { notice: Schemas["NoticeView"]; incident: string; close: () => void }) {
  const { t, say, lang } = useI18n();
  const { me } = useSession();
  const { busy, run } = useCommand();
  const sends = useMay("commander", "legal", "pr");
  const [preview, setPreview] = useState(false);
  const params = { path: { incident, notice: notice.id } };
  const stop = (reason: string) => run(() => unwrap(api.POST("/api/incidents/{incident}/notices/{notice}/stop", { params, body: { reason } })));
  const resume = (reason: string) => run(() => unwrap(api.POST("/api/incidents/{incident}/notices/{notice}/resume", { params, body: { reason } })));
  const given = (role: Role) => notice.approvals.find((approval) => approval.role === role);
  const mine = notice.approvals.some((approval) => approval.by === me.account);
  const approve = (role: Role) =>
    run(() =>
      unwrap(
        api.POST("/api/incidents/{incident}/notices/{notice}/approve", { params, body: { role, sha256: notice.sha256 } }),
      ),
    );
  return (
    <Drawer open title={`${t(AUDIENCES[notice.audience])} · ${notice.lang}`} size="large" onClose={close} data-testid="notice-drawer">
      <Receiver letter={notice} />
      <article lang={notice.lang}>
        <h2 style={{ marginTop: 0 }}>{notice.title}</h2>
        {notice.sections.map((section) => (
          <section key={section.heading}>
            <h3>{section.heading}</h3>
            <p className="pre">{section.body}</p>
            {section.evidence.length > 0 && (
              <small className="soft" lang={lang}>
                {t("notice.evidence")} <span className="mono">{section.evidence.join(", ")}</span>
              </small>
            )}
          </section>
        ))}
        {notice.message && (
          <section data-testid="message">
            <h3 lang={lang}>{t("notice.message")}</h3>
            <p className="pre">{notice.message}</p>
          </section>
        )}
      </article>
      <hr />
      {notice.refusals.map((refusal) => (
        <Alert key={`${refusal.rule} ${refusal.text.en}`} type="error" showIcon title={say(refusal.text)} description={refusal.rule} style={{ marginBottom: 8 }} />
      ))}
      {notice.needs.map((role) => {
        const approval = given(role);
        return (
          <div className="row" key={role} data-testid="notice-approval" data-role={role}>
            <Tag color={approval ? "green" : "orange"}>{t(ROLES[role])}</Tag>
            <span className="grow">{approval ? t("notice.approvedBy", { who: approval.by, at: moment(approval.at, lang) }) : t("notice.waits")}</span>
            {!approval && me.roles.includes(role) && !mine && notice.state === "draft" && (
              <Button
                type="primary"
                loading={busy}
                disabled={notice.refusals.length > 0}
                data-testid={`approve-notice-${role}`}
                onClick={() => void approve(role)}
              >
                {t("notice.approveAs", { role: t(ROLES[role]) })}
              </Button>
            )}
            {!approval && me.roles.includes(role) && mine && <span className="soft">{t("notice.secondPerson")}</span>}
          </div>
        );
      })}
      <div className="drillbar" style={{ marginTop: 12 }}>
        <Button onClick={() => setPreview(!preview)}>{t("notice.preview")}</Button>
        <Save notice={notice} incident={incident} />
        {sends && notice.by_hand && (notice.state === "approved" || notice.receipt) && <HandIn notice={notice} incident={incident} />}
        {sends && notice.state === "approved" && !notice.by_hand && (
          <Popconfirm
            title={t("notice.sendSure", { n: count(notice.recipients, lang) })}
            okButtonProps={{ "aria-label": "confirm-send" }}
            onConfirm={() => run(() => unwrap(api.POST("/api/incidents/{incident}/notices/{notice}/send", { params })))}
          >
            <Button type="primary" danger loading={busy} data-testid="send-notice">
              {t("notice.send")}
            </Button>
          </Popconfirm>
        )}
        {sends && notice.state === "sending" && (
          <AskReason label={t("notice.stop")} title={t("notice.stopTitle", { n: count(notice.letters.waiting, lang) })} danger testid="stop-notice" send={stop} />
        )}
        {sends && notice.letters.stopped > 0 && (notice.state === "stopped" || notice.state === "sent") && (
          <AskReason
            label={t("notice.resume")}
            title={t("notice.resumeTitle", { n: count(notice.letters.stopped, lang) })}
            hint={t("notice.resumeHint")}
            testid="resume-notice"
            send={resume}
          />
        )}
        {notice.sent_at && <span>{t("notice.sentAt", { at: moment(notice.sent_at, lang) })}</span>}
      </div>
      {LETTERS.some(([kind]) => notice.letters[kind] > 0) && (
        <p data-testid="letters">
          {LETTERS.filter(([kind]) => notice.letters[kind] > 0).map(([kind, word, color]) => (
            <Tag key={kind} color={color}>
              {t(word, { n: count(notice.letters[kind], lang) })}
            </Tag>
          ))}
        </p>
      )}
      {sends && notice.letters.unknown > 0 && <OpenLetters notice={notice} incident={incident} />}
      <Proofs notice={notice} incident={incident} />
      {preview && <PreviewBox incident={incident} notice={notice} />}
      <small className="soft mono">SHA-256 {notice.sha256}</small>
    </Drawer>
  );
}

const LETTERS = [
  ["waiting", "letters.waiting", "processing"],
  ["sent", "letters.sent", "green"],
  ["delivered", "letters.delivered", "green"],
  ["undelivered", "letters.undelivered", "red"],
  ["failed", "letters.failed", "red"],
  ["stopped", "letters.stopped", "default"],
  ["unknown", "letters.unknown", "orange"],
] as const satisfies readonly (readonly [keyof Schemas["LetterCounts"], Key, string])[];

/** Letters that were cut off while they were handed over: a person looks into the mail server's log and decides. */
function OpenLetters({ notice, incident }: { notice: Schemas["NoticeView"]; incident: string }) {
  const { t } = useI18n();
  const { busy, run } = useCommand();
  const params = { path: { incident, notice: notice.id } };
  const query = useQuery(
    `letters ${notice.id} ${notice.letters.unknown}`,
    () => unwrap(api.GET("/api/incidents/{incident}/notices/{notice}/letters", { params })),
    () => false,
  );
  const decide = async (letter: string, again: boolean) => {
    if (await run(() => unwrap(api.POST("/api/incidents/{incident}/notices/{notice}/letters", { params, body: { letter, again } })))) query.reload();
  };
  return (
    <Alert
      type="warning"
      title={t("letters.openTitle")}
      description={
        <Loaded query={query}>
          {(open) => (
            <>
              {open.items.map((one) => (
                <div className="row" key={one.letter} data-testid="open-letter">
                  <code className="grow" style={{ overflowWrap: "anywhere" }}>
                    {one.message_id}
                  </code>
                  <Tag>{t(one.channel === "sms" ? "letters.bySms" : "letters.byMail")}</Tag>
                  <Button size="small" loading={busy} data-testid="letter-taken" onClick={() => void decide(one.letter, false)}>
                    {t("letters.taken")}
                  </Button>
                  <Button size="small" danger loading={busy} onClick={() => void decide(one.letter, true)}>
                    {t("letters.again")}
                  </Button>
                </div>
              ))}
            </>
          )}
        </Loaded>
      }
    />
  );
}

function PreviewBox({ incident, notice }: { incident: string; notice: Schemas["NoticeView"] }) {
  const query = useQuery(
    `preview ${notice.id} ${notice.sha256}`,
    () => unwrap(api.GET("/api/incidents/{incident}/notices/{notice}/preview", { params: { path: { incident, notice: notice.id } } })),
    () => false,
  );
  return (
    <Loaded query={query}>
      {(preview) => (
        <div className="figure" style={{ margin: "12px 0" }}>
          <strong>{preview.subject}</strong>
          <pre className="pre">{preview.text}</pre>
        </div>
      )}
    </Loaded>
  );
}
