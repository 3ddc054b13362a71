//! What the inspection stopped, and which rules don't count where.

use std::collections::HashMap;
use std::sync::Arc;

use hudun_console::{DeskError, api, api::Caller};
use hudun_core::{LedgerDraft, Recorder as _, Text, Timestamp};
use hudun_gateway::{RuleException, Stop};
use hudun_seclang::{Fixed, Kind, RuleSet, Shape, Signs};
use serde_json::{Value, json};

use super::error::{self, conflict};
use crate::office::Office;
use crate::waf::{ExceptionError, Inspection, KeptException, judging_name};

type Got<T> = Result<T, DeskError>;

/// Groups that are shown.
const GROUPS: usize = 200;

impl Office {
    pub(super) async fn inspection_view(&self) -> Got<api::InspectionView> {
        let Some(inspection) = &self.inspection else {
            return Ok(api::InspectionView {
                rules: None,
                stops: Vec::new(),
                remembered: 0,
                exceptions: Vec::new(),
                parameters: Vec::new(),
            });
        };
        let stops = inspection.waf.stops.all();
        let configured = &inspection.waf.settings().exceptions;
        let kept = inspection.kept().await.map_err(error::store)?;
        Ok(api::InspectionView {
            rules: Some(in_force(inspection)),
            remembered: stops.iter().map(|stop| stop.count).sum(),
            stops: groups(&stops, &inspection.waf.current().rules),
            exceptions: kept
                .iter()
                .map(|kept| exception_view(&kept.exception, Some(kept)))
                .chain(configured.iter().map(|one| exception_view(one, None)))
                .collect(),
            parameters: parameters(inspection),
        })
    }

    pub(super) async fn preview_exception(
        &self,
        draft: api::ExceptionDraft,
    ) -> Got<api::ExceptionPreview> {
        let (_, preview) = self
            .watched()?
            .preview(draft.rule, &draft.place, &draft.route)
            .map_err(refused)?;
        Ok(api::ExceptionPreview {
            stops: preview.stops,
            alone: preview.alone,
            tried: preview.tried,
            attacks: preview.attacks,
        })
    }

    pub(super) async fn add_exception(
        &self,
        by: &Caller,
        wanted: api::NewException,
    ) -> Got<api::Done> {
        let inspection = self.watched()?;
        let (exception, preview) = inspection
            .preview(wanted.rule, &wanted.place, &wanted.route)
            .map_err(refused)?;
        if preview.attacks.len() as u64 != wanted.attacks {
            return Err(conflict(
                "预览之后情况变了，请重新预览再决定。",
                "Things have changed since the preview; look at it again, then decide.",
            ));
        }
        let now = Timestamp::now();
        let kept = KeptException {
            id: uuid::Uuid::now_v7().simple().to_string(),
            exception,
            by: by.account.clone(),
            reason: wanted.reason,
            at: now,
        };
        let body = json!({ "exception": kept.exception, "reason": kept.reason, "stops": preview.stops, "alone": preview.alone,
            "attacks": preview.attacks.len() });
        inspection.add(kept).await.map_err(refused)?;
        self.note_inspection(by, "inspection.excepted", now, body)?;
        Ok(api::Done::new("例外已生效", "The exception is in force"))
    }

    pub(super) async fn remove_exception(
        &self,
        by: &Caller,
        id: String,
        reason: String,
    ) -> Got<api::Done> {
        let inspection = self.watched()?;
        let removed = inspection.remove(&id).await.map_err(error::store)?;
        let kept = removed.ok_or(DeskError::NotFound("exception"))?;
        let body = json!({ "exception": kept.exception, "reason": reason });
        self.note_inspection(by, "inspection.exception-removed", Timestamp::now(), body)?;
        Ok(api::Done::new("例外已撤销", "The exception is taken back"))
    }

    pub(super) async fn roll_back_rules(&self, by: &Caller, reason: String) -> Got<api::Done> {
        let inspection = self.watched()?;
        let back = inspection.roll_back().await.map_err(error::store)?;
        let version = back.ok_or_else(|| {
            conflict(
                "没有上一版规则可以退回。",
                "There is no earlier rule set to go back to.",
            )
        })?;
        let body =
            json!({ "rules": inspection.waf.current().name, "version": version, "reason": reason });
        self.note_inspection(by, "inspection.rolled-back", Timestamp::now(), body)?;
        Ok(api::Done::new(
            format!("已换回规则第 {version} 版"),
            format!("Rule set {version} is in force again"),
        ))
    }

    pub(super) async fn rule_parameter(
        &self,
        by: &Caller,
        wanted: api::ParameterRule,
    ) -> Got<api::Done> {
        let inspection = self.watched()?;
        let route = inspection
            .route(&wanted.route)
            .ok_or_else(|| refused(ExceptionError::NoRoute(wanted.route.clone())))?;
        let fixed = match wanted.rule.as_str() {
            "forget" => {
                let known = inspection.forget(&route, &wanted.parameter).await;
                if !known.map_err(error::store)? {
                    return Err(DeskError::NotFound("parameter"));
                }
                return self.ruled(by, &wanted);
            }
            "learn" => None,
            "anything" => Some(Fixed::Anything),
            "only" => Some(Fixed::Only(shape(&wanted)?)),
            other => {
                return Err(conflict(
                    format!("没有 {other} 这种规定。"),
                    format!("{other:?} is no decision: only, anything, learn or forget."),
                ));
            }
        };
        let fits = inspection.fix(&route, &wanted.parameter, fixed).await;
        if !fits.map_err(error::store)? {
            return Err(conflict(
                "这条路由记住的参数已满，或参数名太长。",
                "This route has no room for another parameter, or the name is too long.",
            ));
        }
        self.ruled(by, &wanted)
    }

    fn ruled(&self, by: &Caller, wanted: &api::ParameterRule) -> Got<api::Done> {
        let body = json!({ "route": wanted.route, "parameter": wanted.parameter, "rule": wanted.rule, "signs": wanted.signs,
            "longest": wanted.longest, "reason": wanted.reason });
        self.note_inspection(by, "inspection.parameter", Timestamp::now(), body)?;
        Ok(api::Done::new(
            "从下一个请求起生效",
            "In force from the next request on",
        ))
    }

    fn watched(&self) -> Got<&Arc<Inspection>> {
        self.inspection.as_ref().ok_or_else(|| {
            conflict(
                "没有启用请求检查。",
                "Requests are not inspected: see gateway.inspection in the configuration.",
            )
        })
    }

    fn note_inspection(&self, by: &Caller, kind: &str, at: Timestamp, body: Value) -> Got<()> {
        self.ledger
            .record(LedgerDraft {
                at,
                tenant: None,
                incident: None,
                by: by.account.clone(),
                kind: kind.to_owned(),
                body,
            })
            .map_err(error::record)?;
        Ok(())
    }
}

fn in_force(inspection: &Inspection) -> api::RulesInForce {
    let (waf, rules) = (&inspection.waf, inspection.waf.current());
    let settings = waf.settings();
    api::RulesInForce {
        name: rules.name.clone(),
        version: rules.version,
        rules: rules.rules.len() as u64,
        compiled_ms: u64::try_from(rules.compiled.as_millis()).unwrap_or(u64::MAX),
        judging: judging_name(settings.judging).to_owned(),
        mode: settings.mode.name().to_owned(),
        modules: settings
            .modules
            .iter()
            .map(|(module, mode)| api::ModuleMode {
                module: module.to_string(),
                mode: mode.name().to_owned(),
            })
            .collect(),
        previous: waf.previous(),
        inspected: waf.inspected.get(),
        stopped: waf.stopped.get(),
    }
}

/// A shape that a person has drawn.
fn shape(wanted: &api::ParameterRule) -> Got<Shape> {
    let signs = Signs::try_from(wanted.signs.clone())
        .map_err(|cause| conflict("没有这类字符。", cause.to_string()))?;
    match wanted.longest {
        Some(longest) if longest > 0 && !signs.is_empty() => Ok(Shape { signs, longest }),
        _ => Err(conflict(
            "请选至少一类字符，并写明最多多少字节。",
            "Choose at least one class of signs and say how many bytes there may be.",
        )),
    }
}

/// What is known of parameters.
fn parameters(inspection: &Inspection) -> Vec<api::ParameterView> {
    let mut views = Vec::new();
    for (route, known) in inspection.waf.usuals.all() {
        for (name, parameter) in known.iter() {
            let shape = match parameter.fixed {
                Some(Fixed::Only(shape)) => Some(shape),
                _ => parameter.shape(),
            };
            let state = match parameter.fixed {
                Some(Fixed::Only(_)) => "only",
                Some(Fixed::Anything) => "anything",
                None if parameter.known() => "learned",
                None => "learning",
            };
            let kind = shape.map(|shape| match shape.signs.kind() {
                Kind::Digits => "digits",
                Kind::Token => "token",
                Kind::Words => "words",
                Kind::Text => "text",
            });
            views.push(api::ParameterView {
                route: route.to_string(),
                parameter: name.to_owned(),
                state: state.to_owned(),
                seen: parameter.seen,
                kind: kind.map(str::to_owned),
                signs: shape.map_or_else(Vec::new, |shape| shape.signs.into()),
                longest: shape.map(|shape| shape.longest),
            });
        }
    }
    views
}

/// Stops by rule, place and route. `stops` come newest first.
fn groups(stops: &[Stop], rules: &RuleSet) -> Vec<api::StopGroup> {
    let mut at: HashMap<(u64, &str, &str), usize> = HashMap::new();
    let mut groups: Vec<api::StopGroup> = Vec::new();
    for stop in stops {
        let mut seen = Vec::new();
        for (rule, place) in &stop.rules {
            let key = (*rule, place.as_str(), stop.route.as_str());
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            let index = *at.entry(key).or_insert_with(|| {
                groups.push(api::StopGroup {
                    rule: *rule,
                    place: place.clone(),
                    module: stop.module.to_string(),
                    route: stop.route.to_string(),
                    refused: 0,
                    passed: 0,
                    alone: 0,
                    exceptable: !place.is_empty()
                        && matches!(rules.exception(*rule, Some(place)), Ok(Some(_))),
                    last_at: stop.last_at,
                    why: Text::new(stop.zh.clone(), stop.en.clone()),
                });
                groups.len() - 1
            });
            let group = &mut groups[index];
            if stop.blocked {
                group.refused += stop.count;
            } else {
                group.passed += stop.count;
            }
            if stop
                .rules
                .iter()
                .all(|(id, other)| id == rule && other == place)
            {
                group.alone += stop.count;
            }
        }
    }
    groups.truncate(GROUPS);
    groups
}

fn exception_view(exception: &RuleException, kept: Option<&KeptException>) -> api::ExceptionView {
    api::ExceptionView {
        id: kept.map(|kept| kept.id.clone()),
        rule: exception.rule,
        place: exception.place.clone(),
        module: exception.module.as_ref().map(ToString::to_string),
        route: exception.route.as_ref().map(ToString::to_string),
        by: kept.map(|kept| kept.by.clone()),
        reason: kept.map(|kept| kept.reason.clone()),
        at: kept.map(|kept| kept.at),
    }
}

fn refused(cause: ExceptionError) -> DeskError {
    match cause {
        ExceptionError::Store(cause) => error::store(cause),
        ExceptionError::Known => {
            conflict("这项例外已经生效。", "This exception is in force already.")
        }
        ExceptionError::TooMany(most) => conflict(
            format!("已有 {most} 项例外，请先撤掉一些，或改用别的办法调规则。"),
            format!("{most} exceptions are in force; take some back, or set the rules otherwise."),
        ),
        ExceptionError::NoRule(rule) => conflict(
            format!("生效的规则里没有 {rule}。"),
            format!("The rules in force have no rule {rule}."),
        ),
        ExceptionError::NoRoute(route) => conflict(
            format!("profile 里没有路由 {route}。"),
            format!("The profile has no route {route}."),
        ),
        other @ ExceptionError::Place(..) => conflict("这个位置不能设例外。", other.to_string()),
    }
}
