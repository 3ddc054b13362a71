import { Button, Collapse, Input, Segmented, Select, Table, Tag } from "antd";
import { useState } from "react";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { Dialog } from "../shared/dialog";
import { moment } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { useQuery } from "../shared/query";
import { AskReason } from "../shared/reason";
import { Link } from "../shared/router";
import { useMay } from "../shared/session";
import { Countdown, Figure, Loaded, Nothing, Panel } from "../shared/ui";

type Exposure = Schemas["ExposureView"];

/** 监: published vulnerabilities that are true of what we run; the feeds and assets that they follow from. */
export function ExposuresPage() {
  const query = useQuery("exposures", () => unwrap(api.GET("/api/exposures")), (event) => event.type === "exposures" || event.type === "clock");
  return (
    <Loaded query={query}>
      {(view) => (
        <div className="grid">
          <ExposuresPanel view={view} reload={query.reload} />
          <AssetsPanel assets={view.assets} reload={query.reload} />
          <FeedsPanel feeds={view.feeds} reload={query.reload} />
          <SubscriptionsPanel view={view} reload={query.reload} />
        </div>
      )}
    </Loaded>
  );
}

const CLASSES = { "act-now": "exposures.actNow", days: "exposures.days", scheduled: "exposures.scheduled", watch: "exposures.watch" } as const;
const CLASS_COLORS = { "act-now": "red", days: "orange", scheduled: "blue", watch: "default" } as const;
const STATES = {
  open: "exposures.open",
  proposed: "exposures.proposed",
  unproven: "exposures.unproven",
  suppressed: "exposures.suppressed",
  closed: "exposures.closed",
} as const;
type Class = keyof typeof CLASSES;
type State = keyof typeof STATES;

function ExposuresPanel({ view, reload }: { view: Schemas["ExposuresView"]; reload: () => void }) {
  const { t } = useI18n();
  const [shown, setShown] = useState("open");
  const groups: Record<string, Exposure[]> = { open: [], proposed: [], over: [] };
  for (const one of view.exposures) {
    const group = one.state === "open" || one.state === "unproven" ? "open" : one.state === "proposed" ? "proposed" : "over";
    groups[group]?.push(one);
  }
  const now = groups.open?.filter((one) => one.what === "act-now").length ?? 0;
  const list = groups[shown] ?? [];
  return (
    <Panel title={t("nav.exposures")} className="w12" testid="exposures">
      <div className="figures">
        <Figure label={t("exposures.actNow")} value={now} strong={now > 0} />
        <Figure label={t("exposures.open")} value={groups.open?.length ?? 0} />
        <Figure label={t("exposures.advisories")} value={view.advisories} />
        <Figure label={t("exposures.assets")} value={view.assets.length} />
      </div>
      <div className="wide" style={{ margin: "12px 0" }}>
        <Segmented
          value={shown}
          aria-label={t("exposures.which")}
          options={[
            { value: "open", label: `${t("exposures.open")} ${groups.open?.length ?? 0}` },
            { value: "proposed", label: `${t("exposures.proposed")} ${groups.proposed?.length ?? 0}` },
            { value: "over", label: `${t("exposures.over")} ${groups.over?.length ?? 0}` },
          ]}
          onChange={setShown}
        />
      </div>
      {list.length === 0 && <Nothing say={t(view.assets.length === 0 ? "exposures.noAssets" : shown === "open" ? "exposures.none" : "exposures.noneHere")} />}
      {list.slice(0, 200).map((one) => (
        <ExposureRow key={one.id} exposure={one} reload={reload} />
      ))}
      {list.length > 200 && <small className="soft">{t("exposures.more", { n: list.length - 200 + view.more })}</small>}
    </Panel>
  );
}

function ExposureRow({ exposure, reload }: { exposure: Exposure; reload: () => void }) {
  const { t, say, lang } = useI18n();
  const { busy, run } = useCommand();
  const leads = useMay("commander", "security");
  const hands = useMay("commander", "security", "it");
  const [stating, setStating] = useState(false);
  const path = { params: { path: { exposure: exposure.id } } };
  const check = async () => {
    if (await run(() => unwrap(api.POST("/api/exposures/{exposure}/check", path)))) reload();
  };
  const unstate = async (reason: string) => {
    const done = await run(() => unwrap(api.POST("/api/exposures/{exposure}/unstate", { ...path, body: { reason } })));
    if (done) reload();
    return done;
  };
  return (
    <div className="row" data-testid="exposure" data-vulnerability={exposure.vulnerability} data-state={exposure.state} style={{ alignItems: "flex-start", flexWrap: "wrap" }}>
      <div className="grow" style={{ minWidth: 260 }}>
        <div>
          <Tag color={CLASS_COLORS[exposure.what as Class]}>{t(CLASSES[exposure.what as Class])}</Tag>
          <Tag>{t(STATES[exposure.state as State])}</Tag>
          {exposure.unknown && <Tag color="purple">{t("exposures.unknown")}</Tag>}
          <b>{exposure.vulnerability}</b> {exposure.due_at && exposure.state === "open" && <Countdown to={exposure.due_at} />}
        </div>
        <ol style={{ margin: "6px 0", paddingInlineStart: 20 }} data-testid="story">
          {exposure.story.map((line, at) => (
            <li key={at}>{say(line)}</li>
          ))}
        </ol>
        <Collapse
          ghost
          size="small"
          items={[
            {
              key: "why",
              label: t("exposures.why"),
              children: (
                <dl className="facts">
                  <dt>{t("exposures.because")}</dt>
                  <dd>{say(exposure.because)}</dd>
                  <dt>{t("exposures.row")}</dt>
                  <dd>{say(exposure.row)}</dd>
                  <dt>{t("exposures.reasons")}</dt>
                  <dd>{exposure.reasons.map((one) => say(one)).join(" ")}</dd>
                  {exposure.would_change.length > 0 && (
                    <>
                      <dt>{t("exposures.wouldChange")}</dt>
                      <dd>{exposure.would_change.map((one) => say(one)).join(" · ")}</dd>
                    </>
                  )}
                  <dt>{t("exposures.scores")}</dt>
                  <dd>{exposure.scores.join(" · ") || "—"}</dd>
                  {exposure.disagreements.length > 0 && (
                    <>
                      <dt>{t("exposures.disagree")}</dt>
                      <dd>{exposure.disagreements.map((one) => say(one)).join(" · ")}</dd>
                    </>
                  )}
                  <dt>{t("exposures.numbers")}</dt>
                  <dd>{exposure.ids.join(", ")}</dd>
                  <dt>{t("exposures.places")}</dt>
                  <dd>{exposure.places.join(", ") || "—"}</dd>
                  <dt>{t("exposures.first")}</dt>
                  <dd>{moment(exposure.first_at, lang)}</dd>
                </dl>
              ),
            },
          ]}
        />
      </div>
      <div style={{ display: "flex", gap: 8, flexWrap: "wrap" }}>
        {exposure.incident && <Link to={`/incidents/${exposure.incident}`}>{t("exposures.case")}</Link>}
        {exposure.checkable && hands && (
          <Button size="small" loading={busy} data-testid="check" onClick={() => void check()}>
            {t("exposures.check")}
          </Button>
        )}
        {leads && exposure.state !== "closed" && exposure.state !== "suppressed" && (
          <Button size="small" data-testid="state" onClick={() => setStating(true)}>
            {t("exposures.state")}
          </Button>
        )}
        {leads && exposure.statement && <AskReason label={t("exposures.unstate")} title={t("exposures.unstateTitle", { id: exposure.vulnerability })} send={unstate} />}
      </div>
      {stating && <StateModal exposure={exposure} close={() => setStating(false)} done={reload} />}
    </div>
  );
}

function StateModal({ exposure, close, done }: { exposure: Exposure; close: () => void; done: () => void }) {
  const { t } = useI18n();
  const { run } = useCommand();
  const [until, setUntil] = useState(() => new Date(Date.now() + 90 * 86_400_000).toISOString().slice(0, 10));
  const send = (reason: string) =>
    run(async () => {
      const said = await unwrap(api.POST("/api/exposures/{exposure}/state", { params: { path: { exposure: exposure.id } }, body: { reason, until } }));
      done();
      return said;
    });
  const title = t("exposures.stateTitle", { id: exposure.vulnerability, component: exposure.component });
  return (
    <Dialog title={title} ok={t("exposures.state")} ready={until !== ""} send={send} close={close}>
      <p>{t("exposures.stateSay")}</p>
      <label>
        {t("exposures.until")} <input type="date" required value={until} onChange={(event) => setUntil(event.target.value)} />
      </label>
    </Dialog>
  );
}

const REACHES = { internet: "exposures.internet", partner: "exposures.partner", internal: "exposures.internal" } as const;
const TIERS = { sensitive: "exposures.sensitive", personal: "exposures.personal", plain: "exposures.plain" } as const;

function AssetsPanel({ assets, reload }: { assets: Schemas["AssetView"][]; reload: () => void }) {
  const { t } = useI18n();
  const { run } = useCommand();
  const hands = useMay("commander", "security", "it");
  const [adding, setAdding] = useState(false);
  const remove = async (asset: string, reason: string) => {
    const done = await run(() => unwrap(api.POST("/api/assets/{asset}/remove", { params: { path: { asset } }, body: { reason } })));
    if (done) reload();
    return done;
  };
  return (
    <Panel
      title={t("exposures.assets")}
      className="w12"
      testid="assets"
      extra={
        hands && (
          <Button size="small" data-testid="add-asset" onClick={() => setAdding(true)}>
            {t("exposures.addAsset")}
          </Button>
        )
      }
    >
      <div className="wide">
        <Table
          rowKey="name"
          size="small"
          dataSource={assets}
          pagination={{ pageSize: 25, hideOnSinglePage: true }}
          locale={{ emptyText: <Nothing say={t("exposures.noAssets")} /> }}
          columns={[
            { title: t("exposures.asset"), render: (_, row) => <b>{row.name}</b> },
            {
              title: t("exposures.product"),
              render: (_, row) => (
                <>
                  {[row.product, row.version].filter(Boolean).join(" ") || "—"} {row.seen && <Tag title={t("exposures.seenSay")}>{t("exposures.seen")}</Tag>}
                </>
              ),
            },
            {
              title: t("exposures.components"),
              render: (_, row) => (
                <>
                  {row.components} {row.unmatchable > 0 && <Tag color="orange">{t("exposures.unmatchable", { n: row.unmatchable })}</Tag>}
                  {row.unread.map((one) => (
                    <div key={one}>
                      <Tag color="red">{one}</Tag>
                    </div>
                  ))}
                </>
              ),
            },
            {
              title: t("exposures.reach"),
              render: (_, row) =>
                `${row.exposure ? t(REACHES[row.exposure as keyof typeof REACHES]) : t("exposures.worst")} · ${row.data ? t(TIERS[row.data as keyof typeof TIERS]) : t("exposures.worst")}`,
            },
            { title: t("exposures.owner"), render: (_, row) => row.owner || "—" },
            { title: t("exposures.open"), dataIndex: "open" },
            {
              title: "",
              render: (_, row) =>
                hands && row.by_hand ? <AskReason label={t("exposures.remove")} title={t("exposures.removeTitle", { name: row.name })} danger send={(reason) => remove(row.name, reason)} /> : null,
            },
          ]}
        />
      </div>
      {adding && <AssetModal close={() => setAdding(false)} done={reload} />}
    </Panel>
  );
}

function AssetModal({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useI18n();
  const { run } = useCommand();
  const [asset, setAsset] = useState({ name: "", owner: "", product: "", version: "", purl: "", cpe: "", exposure: "", data: "" });
  const set = (field: keyof typeof asset) => (value: string) => setAsset({ ...asset, [field]: value });
  const send = () =>
    run(async () => {
      const said = await unwrap(api.POST("/api/assets", { body: asset }));
      done();
      return said;
    });
  const text = (field: "name" | "owner" | "product" | "version" | "purl" | "cpe", label: string, hint?: string) => (
    <label style={{ display: "block", marginBottom: 8 }}>
      {label}
      <Input value={asset[field]} maxLength={200} placeholder={hint ?? ""} data-testid={`asset-${field}`} onChange={(event) => set(field)(event.target.value)} />
    </label>
  );
  const choice = (field: "exposure" | "data", label: string, words: Record<string, string>) => (
    <label style={{ display: "block", marginBottom: 8 }}>
      {label}
      <Select
        style={{ width: "100%" }}
        value={asset[field]}
        aria-label={label}
        options={[{ value: "", label: t("exposures.worst") }, ...Object.entries(words).map(([value, word]) => ({ value, label: word }))]}
        onChange={set(field)}
      />
    </label>
  );
  return (
    <Dialog
      title={t("exposures.addAsset")}
      ok={t("exposures.addAsset")}
      reason="none"
      ready={asset.name.trim() !== "" && asset.product.trim() !== ""}
      send={send}
      close={close}
    >
      {text("name", t("exposures.asset"), "mail-01")}
      {text("product", t("exposures.product"), "nginx")}
      {text("version", t("exposures.version"), "1.24.0")}
      {text("purl", "purl", "pkg:generic/nginx")}
      {text("cpe", "CPE", "cpe:2.3:a:f5:nginx:*:*:*:*:*:*:*:*")}
      {text("owner", t("exposures.owner"))}
      {choice("exposure", t("exposures.reachable"), { internet: t(REACHES.internet), partner: t(REACHES.partner), internal: t(REACHES.internal) })}
      {choice("data", t("exposures.data"), { sensitive: t(TIERS.sensitive), personal: t(TIERS.personal), plain: t(TIERS.plain) })}
    </Dialog>
  );
}

const FEEDS = { fresh: "green", late: "orange", shrunk: "red", backwards: "red", failing: "red", never: "default" } as const;
const FEED_WORDS = {
  fresh: "exposures.feedFresh",
  late: "exposures.feedLate",
  shrunk: "exposures.feedShrunk",
  backwards: "exposures.feedBackwards",
  failing: "exposures.feedFailing",
  never: "exposures.feedNever",
} as const;
type FeedState = keyof typeof FEEDS;

function FeedsPanel({ feeds, reload }: { feeds: Schemas["FeedView"][]; reload: () => void }) {
  const { t, say } = useI18n();
  const { run } = useCommand();
  const leads = useMay("commander", "security");
  const accept = async (feed: string, reason: string) => {
    const done = await run(() => unwrap(api.POST("/api/feeds/{feed}/accept", { params: { path: { feed } }, body: { reason } })));
    if (done) reload();
    return done;
  };
  return (
    <Panel title={t("exposures.feeds")} className="w6" testid="feeds">
      {feeds.length === 0 && <Nothing say={t("exposures.noFeeds")} />}
      {feeds.map((feed) => (
        <div className="row" key={feed.name} data-testid="feed" data-state={feed.state}>
          <div className="grow">
            <Tag color={FEEDS[feed.state as FeedState]}>{t(FEED_WORDS[feed.state as FeedState])}</Tag>
            <b>{feed.name}</b> <small className="soft">{t("exposures.feedCount", { n: feed.records, refused: feed.refused })}</small>
            <div>{say(feed.sentence)}</div>
          </div>
          {feed.held && leads && <AskReason label={t("exposures.accept")} title={t("exposures.acceptTitle", { name: feed.name })} hint={t("exposures.acceptSay")} danger send={(reason) => accept(feed.name, reason)} />}
        </div>
      ))}
    </Panel>
  );
}

const ABOUT = { product: "exposures.aboutProduct", words: "exposures.aboutWords", kind: "exposures.aboutKind" } as const;

function SubscriptionsPanel({ view, reload }: { view: Schemas["ExposuresView"]; reload: () => void }) {
  const { t, say, lang } = useI18n();
  const { busy, run } = useCommand();
  const team = useMay("commander", "security", "it", "legal", "pr", "business");
  const [about, setAbout] = useState<keyof typeof ABOUT>("product");
  const [text, setText] = useState("");
  const kind = (name: string) => {
    const known = view.kinds.find((one) => one.kind === name);
    return known ? say(known.name) : name;
  };
  const add = async () => {
    if (await run(() => unwrap(api.POST("/api/subscriptions", { body: { about, text: text.trim() } })))) {
      setText("");
      reload();
    }
  };
  const end = async (subscription: string) => {
    if (await run(() => unwrap(api.POST("/api/subscriptions/{subscription}/remove", { params: { path: { subscription } } })))) reload();
  };
  return (
    <Panel title={t("exposures.subscriptions")} className="w6" testid="subscriptions">
      <p className="soft">{t("exposures.subscriptionsSay")}</p>
      {team && <div style={{ display: "flex", gap: 8, flexWrap: "wrap", marginBottom: 12 }}>
        <Select
          value={about}
          style={{ minWidth: 110 }}
          aria-label={t("exposures.about")}
          options={Object.entries(ABOUT).map(([value, word]) => ({ value: value as keyof typeof ABOUT, label: t(word) }))}
          onChange={(value) => {
            setAbout(value);
            setText("");
          }}
        />
        {about === "kind" ? (
          <Select
            value={text || null}
            style={{ minWidth: 180 }}
            aria-label={t("exposures.aboutKind")}
            options={view.kinds.map((one) => ({ value: one.kind, label: say(one.name) }))}
            onChange={(value) => setText(value ?? "")}
          />
        ) : (
          <Input value={text} maxLength={100} style={{ width: 220 }} aria-label={t(ABOUT[about])} data-testid="subscribe-text" onChange={(event) => setText(event.target.value)} />
        )}
        <Button loading={busy} disabled={text.trim() === ""} data-testid="subscribe" onClick={() => void add()}>
          {t("exposures.subscribe")}
        </Button>
      </div>}
      {view.subscriptions.map((one) => (
        <div className="row" key={one.id} data-testid="subscription" style={{ alignItems: "flex-start" }}>
          <div className="grow">
            <b>
              {t(ABOUT[one.about as keyof typeof ABOUT])}: {one.about === "kind" ? kind(one.text) : one.text}
            </b>{" "}
            <small className="soft">{one.by}</small>
            {one.hits.slice(0, 5).map((hit) => (
              <div key={hit.record}>
                <small>
                  {moment(hit.at, lang)} · {hit.record} · {hit.title}
                </small>
              </div>
            ))}
          </div>
          {team && (
            <Button size="small" onClick={() => void end(one.id)}>
              {t("exposures.unsubscribe")}
            </Button>
          )}
        </div>
      ))}
    </Panel>
  );
}
