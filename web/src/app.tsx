import { App as AntApp, Button, ConfigProvider, Segmented, Spin } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { useCallback, useEffect, useMemo, useState } from "react";
import { AccountPage } from "./auth/account";
import { AccountsPage } from "./auth/accounts";
import { Gate } from "./auth/gate";
import { ApprovalsPage } from "./contain/approvals";
import { PolicyPage } from "./contain/policy";
import { FindingsPage } from "./monitor/findings";
import { ExposuresPage } from "./monitor/exposures";
import { InspectionPage } from "./monitor/inspection";
import { OverviewPage } from "./overview/overview";
import { RoomPage } from "./room/room";
import { IncidentsPage } from "./respond/incidents";
import { Alarm } from "./shared/alarm";
import { api, Refused, unwrap, type Problem } from "./shared/api";
import { I18nProvider, useI18n, type Key } from "./shared/i18n";
import { LiveProvider, useOnline } from "./shared/live";
import { NONCE } from "./shared/nonce";
import { Link, usePlace } from "./shared/router";
import { SessionProvider, useSession, type Me } from "./shared/session";
import { ProblemBox } from "./shared/ui";

const CSP = { nonce: NONCE };

export function Root() {
  return (
    <I18nProvider>
      <Themed />
    </I18nProvider>
  );
}

function Themed() {
  const { lang } = useI18n();
  return (
    <ConfigProvider
      locale={lang === "zh" ? zhCN : enUS}
      csp={CSP}
      button={{ autoInsertSpace: false }}
      theme={{ token: { colorPrimary: "#1f6feb", borderRadius: 8, motion: false } }}
    >
      <AntApp>
        <Door />
      </AntApp>
    </ConfigProvider>
  );
}

/** Shows the log-in until it is complete, then the console. */
function Door() {
  const [me, setMe] = useState<Me | null | undefined>();
  const [problem, setProblem] = useState<Problem>();
  const refresh = useCallback(async () => {
    try {
      setMe(await unwrap(api.GET("/api/auth/me")));
      setProblem(undefined);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) {
        setMe(null);
        setProblem(undefined);
      } else setProblem(error.problem);
    }
  }, []);
  useEffect(() => void refresh(), [refresh]);
  const session = useMemo(
    () =>
      me && {
        me,
        refresh,
        signOut: async () => {
          await unwrap(api.POST("/api/auth/logout")).catch(() => undefined);
          setMe(null);
        },
      },
    [me, refresh],
  );
  if (problem && !me) {
    return (
      <div className="gate">
        <ProblemBox problem={problem} retry={() => void refresh()} />
      </div>
    );
  }
  if (me === undefined) return <Spin fullscreen />;
  if (!session || me?.next !== "done") return <Gate next={me?.next} onStep={refresh} />;
  return (
    <SessionProvider value={session}>
      <LiveProvider onLost={() => void refresh()}>
        <Shell />
      </LiveProvider>
    </SessionProvider>
  );
}

const PAGES: { page: string; label: Key; admin?: boolean }[] = [
  { page: "", label: "nav.overview" },
  { page: "incidents", label: "nav.incidents" },
  { page: "findings", label: "nav.findings" },
  { page: "exposures", label: "nav.exposures" },
  { page: "inspection", label: "nav.inspection" },
  { page: "approvals", label: "nav.approvals" },
  { page: "policy", label: "nav.policy" },
  { page: "accounts", label: "nav.accounts", admin: true },
];

function Shell() {
  const { t, lang, setLang } = useI18n();
  const { me, signOut } = useSession();
  const { page } = usePlace();
  const online = useOnline();
  return (
    <>
      <a className="skip" href="#main">
        {t("nav.skip")}
      </a>
      <Alarm />
      <header className="top">
        <span className="mark">{t("app.name")}</span>
        <nav aria-label={t("nav.label")}>
          {PAGES.filter((item) => !item.admin || me.roles.includes("admin")).map((item) => (
            <Link key={item.page} to={`/${item.page}`} className={page === item.page ? "now" : ""}>
              {t(item.label)}
            </Link>
          ))}
        </nav>
        <span role="status" data-testid="online" data-online={online}>
          {online ? "● " : "○ "}
          <span className={online ? "word" : ""}>{online ? t("live.on") : t("live.off")}</span>
        </span>
        <Segmented
          size="small"
          value={lang}
          aria-label={t("nav.language")}
          options={[
            { value: "zh", label: "中文" },
            { value: "en", label: "English" },
          ]}
          onChange={setLang}
        />
        <Link to="/account">{me.name}</Link>
        <Button size="small" ghost onClick={() => void signOut()}>
          {t("nav.signOut")}
        </Button>
      </header>
      <main className="page" id="main">
        <Page />
      </main>
    </>
  );
}

function Page() {
  const { t } = useI18n();
  const { page, id } = usePlace();
  switch (page) {
    case "":
      return <OverviewPage />;
    case "incidents":
      return id ? <RoomPage key={id} id={id} /> : <IncidentsPage />;
    case "findings":
      return <FindingsPage />;
    case "exposures":
      return <ExposuresPage />;
    case "inspection":
      return <InspectionPage />;
    case "approvals":
      return <ApprovalsPage />;
    case "policy":
      return <PolicyPage />;
    case "accounts":
      return <AccountsPage />;
    case "account":
      return <AccountPage />;
    default:
      return (
        <p>
          {t("nav.unknown")} <Link to="/">{t("nav.overview")}</Link>
        </p>
      );
  }
}
