//! What the journal holds: the records and their binary form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use hudun_core::{
    Actor, Delivery, DrillId, ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId, KindSet,
    PatchId, Push, Refusal, RefusalCause, Release, RestrictionId, Sighting, Signal, SignalKind,
    SubjectToken, Timestamp,
};
use uuid::Uuid;

use crate::wire::{DecodeError, Reader, Writer};

/// One record of the journal. The order within one exchange is head, releases, end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A request has been read.
    Head(Box<ExchangeHead>),
    /// A part of a response is about to leave.
    Release(Release),
    /// The exchange is over.
    End(ExchangeEnd),
    /// A small answer: head and only release at once, so that it costs one write.
    Small(Box<ExchangeHead>, Release),
}

impl Record {
    /// The exchange that the record belongs to.
    pub fn exchange(&self) -> ExchangeId {
        match self {
            Self::Head(head) | Self::Small(head, _) => head.id,
            Self::Release(release) => release.exchange,
            Self::End(end) => end.exchange,
        }
    }

    /// The number of the kind, as stored. Never renumber.
    pub(crate) const fn kind(&self) -> u8 {
        match self {
            Self::Head(_) => HEAD,
            Self::Release(_) => RELEASE,
            Self::End(_) => END,
            Self::Small(..) => SMALL,
        }
    }

    /// The payload: the version of the format, then the fields in order.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(match self {
            Self::Head(head) | Self::Small(head, _) if says_more(head) => WITH_MORE,
            _ => PLAIN,
        });
        match self {
            Self::Head(head) => write_head(&mut out, head),
            Self::Release(release) => write_release(&mut out, release),
            Self::End(end) => write_end(&mut out, end),
            Self::Small(head, release) => {
                write_head(&mut out, head);
                write_release(&mut out, release);
            }
        }
        out.into_bytes()
    }

    /// Reads a payload back. `Ok(None)` for a kind or version that a newer program wrote.
    pub(crate) fn decode(kind: u8, payload: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut from = Reader::new(payload);
        let version = from.u8("version")?;
        if !(PLAIN..=WITH_MORE).contains(&version) {
            return Ok(None);
        }
        let more = version == WITH_MORE;
        let record = match kind {
            HEAD => Self::Head(Box::new(read_head(&mut from, more)?)),
            RELEASE => Self::Release(read_release(&mut from)?),
            END => Self::End(read_end(&mut from)?),
            SMALL => {
                let head = Box::new(read_head(&mut from, more)?);
                Self::Small(head, read_release(&mut from)?)
            }
            _ => return Ok(None),
        };
        from.finish()?;
        Ok(Some(record))
    }
}

impl From<ExchangeEvent> for Record {
    fn from(event: ExchangeEvent) -> Self {
        match event {
            ExchangeEvent::Head(head) => Self::Head(head),
            ExchangeEvent::Release(release) => Self::Release(release),
            ExchangeEvent::End(end) => Self::End(end),
        }
    }
}

/// The version of the fields.
const PLAIN: u8 = 1;
/// The same, the head followed by what only few requests have.
const WITH_MORE: u8 = 2;

const HEAD: u8 = 1;
const RELEASE: u8 = 2;
const END: u8 = 3;
const SMALL: u8 = 4;

fn write_head(out: &mut Writer, head: &ExchangeHead) {
    out.raw(head.id.uuid().as_bytes());
    out.i64(head.at.as_millis());
    out.text(head.tenant.as_str());
    write_actor(out, &head.actor);
    out.text(head.module.as_str());
    out.text(head.route.as_str());
    out.text(&head.method);
    out.text(&head.path);
    out.bool(head.export);
    out.bool(head.login);
    out.uint(head.signals.len() as u64);
    for signal in &head.signals {
        out.u8(match signal.kind {
            SignalKind::Sqli => 0,
            SignalKind::Xss => 1,
            SignalKind::Traversal => 2,
            SignalKind::Other => 3,
        });
        out.text(&signal.place);
        out.text(&signal.mark);
    }
    out.option(head.drill, |out, drill| out.raw(drill.uuid().as_bytes()));
    if says_more(head) {
        out.option(head.rtt_ms, |out, ms| out.uint(ms.into()));
        out.option(head.about.as_ref(), |out, id| out.text(id.as_str()));
        out.u8(match head.push {
            None => 0,
            Some(Push::Accepted) => 1,
            Some(Push::Declined) => 2,
            Some(Push::Unanswered) => 3,
        });
        out.uint(head.touched.len() as u64);
        for subject in &head.touched {
            out.raw(subject.as_bytes());
        }
    }
}

const fn says_more(head: &ExchangeHead) -> bool {
    head.rtt_ms.is_some() || head.about.is_some() || head.push.is_some() || !head.touched.is_empty()
}

fn read_head(from: &mut Reader<'_>, more: bool) -> Result<ExchangeHead, DecodeError> {
    let mut head = read_plain_head(from)?;
    if more {
        head.rtt_ms = from.option("round trip", |from| from.u32("round trip"))?;
        head.about = from.option("about", |from| read_id(from, "about"))?;
        head.push = match from.u8("push")? {
            0 => None,
            1 => Some(Push::Accepted),
            2 => Some(Push::Declined),
            3 => Some(Push::Unanswered),
            _ => return Err(DecodeError::new("push", "is unknown")),
        };
        let count = from.count(16, "touched")?;
        head.touched = (0..count)
            .map(|_| from.array("touched").map(SubjectToken::from_bytes))
            .collect::<Result<_, _>>()?;
    }
    Ok(head)
}

fn read_plain_head(from: &mut Reader<'_>) -> Result<ExchangeHead, DecodeError> {
    Ok(ExchangeHead {
        id: ExchangeId::from_uuid(read_uuid(from, "id")?),
        at: Timestamp::from_millis(from.i64("at")?),
        tenant: read_id(from, "tenant")?,
        actor: read_actor(from)?,
        module: read_id(from, "module")?,
        route: read_id(from, "route")?,
        method: from.text("method")?.to_owned(),
        path: from.text("path")?.to_owned(),
        export: from.bool("export")?,
        login: from.bool("login")?,
        signals: {
            let count = from.count(3, "signals")?;
            (0..count)
                .map(|_| read_signal(from))
                .collect::<Result<_, _>>()?
        },
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
        drill: from.option("drill", |from| {
            read_uuid(from, "drill").map(DrillId::from_uuid)
        })?,
    })
}

fn read_signal(from: &mut Reader<'_>) -> Result<Signal, DecodeError> {
    Ok(Signal {
        kind: match from.u8("signal kind")? {
            0 => SignalKind::Sqli,
            1 => SignalKind::Xss,
            2 => SignalKind::Traversal,
            3 => SignalKind::Other,
            _ => return Err(DecodeError::new("signal kind", "is unknown")),
        },
        place: from.text("signal place")?.to_owned(),
        mark: from.text("signal mark")?.to_owned(),
    })
}

fn write_actor(out: &mut Writer, actor: &Actor) {
    out.option(actor.account.as_ref(), |out, id| out.text(id.as_str()));
    out.option(actor.role.as_deref(), Writer::text);
    out.option(actor.session.as_ref(), |out, id| out.text(id.as_str()));
    out.option(actor.token.as_ref(), |out, id| out.text(id.as_str()));
    match actor.ip {
        IpAddr::V4(ip) => {
            out.u8(4);
            out.raw(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.u8(6);
            out.raw(&ip.octets());
        }
    }
    out.text(&actor.agent);
}

fn read_actor(from: &mut Reader<'_>) -> Result<Actor, DecodeError> {
    Ok(Actor {
        account: from.option("account", |from| read_id(from, "account"))?,
        role: from.option("role", |from| from.text("role").map(str::to_owned))?,
        session: from.option("session", |from| read_id(from, "session"))?,
        token: from.option("token", |from| read_id(from, "token"))?,
        ip: match from.u8("ip")? {
            4 => Ipv4Addr::from(from.array::<4>("ip")?).into(),
            6 => Ipv6Addr::from(from.array::<16>("ip")?).into(),
            _ => return Err(DecodeError::new("ip", "is neither version 4 nor 6")),
        },
        agent: from.text("agent")?.to_owned(),
    })
}

fn write_release(out: &mut Writer, release: &Release) {
    out.raw(release.exchange.uuid().as_bytes());
    out.uint(release.group.into());
    out.i64(release.at.as_millis());
    out.uint(release.bytes);
    out.uint(release.explained);
    out.uint(release.rows.into());
    out.uint(release.foreign_rows.into());
    out.uint(release.sightings.len() as u64);
    for sighting in &release.sightings {
        out.raw(sighting.subject.as_bytes());
        out.uint(sighting.kinds.bits().into());
        out.uint(sighting.aliases.len() as u64);
        for alias in &sighting.aliases {
            out.raw(alias.as_bytes());
        }
    }
}

fn read_release(from: &mut Reader<'_>) -> Result<Release, DecodeError> {
    Ok(Release {
        exchange: ExchangeId::from_uuid(read_uuid(from, "exchange")?),
        group: from.u32("group")?,
        at: Timestamp::from_millis(from.i64("at")?),
        bytes: from.uint("bytes")?,
        explained: from.uint("explained")?,
        rows: from.u32("rows")?,
        foreign_rows: from.u32("foreign rows")?,
        sightings: {
            let count = from.count(18, "sightings")?;
            (0..count)
                .map(|_| read_sighting(from))
                .collect::<Result<_, _>>()?
        },
    })
}

fn read_sighting(from: &mut Reader<'_>) -> Result<Sighting, DecodeError> {
    let subject = SubjectToken::from_bytes(from.array("subject")?);
    let kinds = KindSet::from_bits(from.u32("kinds")?);
    let count = from.count(16, "aliases")?;
    let aliases = (0..count)
        .map(|_| from.array("alias").map(SubjectToken::from_bytes))
        .collect::<Result<_, _>>()?;
    Ok(Sighting {
        subject,
        kinds,
        aliases,
    })
}

fn write_end(out: &mut Writer, end: &ExchangeEnd) {
    out.raw(end.exchange.uuid().as_bytes());
    out.i64(end.at.as_millis());
    out.uint(end.status.into());
    out.bool(end.success);
    out.u8(match end.delivery {
        Delivery::Delivered => 0,
        Delivery::Aborted => 1,
        Delivery::Withheld => 2,
    });
    out.uint(end.groups.into());
    out.uint(end.request_bytes);
    out.uint(end.response_bytes);
    out.uint(end.millis);
    out.option(end.refusal.as_ref(), |out, refusal| {
        out.u8(match refusal.cause {
            RefusalCause::Isolation => 0,
            RefusalCause::Revocation => 1,
            RefusalCause::Access => 2,
            RefusalCause::Patch => 3,
            RefusalCause::Limit => 4,
            RefusalCause::Protocol => 5,
            RefusalCause::Upstream => 6,
            RefusalCause::Accounting => 7,
            RefusalCause::Inspection => 8,
        });
        out.option(refusal.restriction, |out, id| {
            out.raw(id.uuid().as_bytes());
        });
        out.option(refusal.patch, |out, id| out.raw(id.uuid().as_bytes()));
        out.text(&refusal.reason);
    });
}

fn read_end(from: &mut Reader<'_>) -> Result<ExchangeEnd, DecodeError> {
    Ok(ExchangeEnd {
        exchange: ExchangeId::from_uuid(read_uuid(from, "exchange")?),
        at: Timestamp::from_millis(from.i64("at")?),
        status: from.u16("status")?,
        success: from.bool("success")?,
        delivery: match from.u8("delivery")? {
            0 => Delivery::Delivered,
            1 => Delivery::Aborted,
            2 => Delivery::Withheld,
            _ => return Err(DecodeError::new("delivery", "is unknown")),
        },
        groups: from.u32("groups")?,
        request_bytes: from.uint("request bytes")?,
        response_bytes: from.uint("response bytes")?,
        millis: from.uint("millis")?,
        refusal: from.option("refusal", read_refusal)?,
    })
}

fn read_refusal(from: &mut Reader<'_>) -> Result<Refusal, DecodeError> {
    Ok(Refusal {
        cause: match from.u8("refusal cause")? {
            0 => RefusalCause::Isolation,
            1 => RefusalCause::Revocation,
            2 => RefusalCause::Access,
            3 => RefusalCause::Patch,
            4 => RefusalCause::Limit,
            5 => RefusalCause::Protocol,
            6 => RefusalCause::Upstream,
            7 => RefusalCause::Accounting,
            8 => RefusalCause::Inspection,
            _ => return Err(DecodeError::new("refusal cause", "is unknown")),
        },
        restriction: from.option("restriction", |from| {
            read_uuid(from, "restriction").map(RestrictionId::from_uuid)
        })?,
        patch: from.option("patch", |from| {
            read_uuid(from, "patch").map(PatchId::from_uuid)
        })?,
        reason: from.text("refusal reason")?.to_owned(),
    })
}

fn read_uuid(from: &mut Reader<'_>, field: &'static str) -> Result<Uuid, DecodeError> {
    from.array(field).map(Uuid::from_bytes)
}

fn read_id<T: FromStr>(from: &mut Reader<'_>, field: &'static str) -> Result<T, DecodeError> {
    from.text(field)?
        .parse()
        .map_err(|_| DecodeError::new(field, "is no identifier"))
}
