//! What matching links change: variables, collections, and the rest of the transaction.

use super::{Processor, Transaction};
use crate::collections::{Field, MAX_NAMES, Record, TxValue};
use crate::operator::number;
use crate::parse::Ctl;
use crate::rule::{Effect, Key, Link, SetOp};
use crate::variable::Var;

/// A collection that `initcol` opened.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) var: Var,
    pub(super) key: Vec<u8>,
    pub(super) record: Record,
    pub(super) dirty: bool,
}

impl Transaction<'_> {
    pub(super) fn apply_effects(&mut self, link: &Link) {
        for effect in &link.effects {
            match effect {
                Effect::Set { var, key, op } => self.set(*var, key, op),
                Effect::Expire { var, key, seconds } => {
                    let key = self.expand(key);
                    let seconds = number(&self.expand(seconds));
                    let end = self.start.now.saturating_add(seconds.max(0));
                    if let Some(loaded) = self.loaded.iter_mut().find(|l| l.var == *var)
                        && let Some(field) = loaded.record.fields.get_mut(&key.to_ascii_lowercase())
                    {
                        field.expires = Some(end);
                        loaded.dirty = true;
                    }
                }
                Effect::Deprecate {
                    var,
                    key,
                    amount,
                    period,
                } => {
                    let key = self.expand(key).to_ascii_lowercase();
                    let now = self.start.now;
                    if let Some(loaded) = self.loaded.iter_mut().find(|l| l.var == *var) {
                        let steps = (now - loaded.record.updated).max(0) / period;
                        if let Some(field) = loaded.record.fields.get_mut(&key)
                            && steps > 0
                        {
                            let value = number(&field.value)
                                .saturating_sub(amount.saturating_mul(steps))
                                .max(0);
                            field.value = value.to_string().into_bytes();
                            loaded.dirty = true;
                        }
                    }
                }
                Effect::InitCol { var, key } => self.open_record(*var, key),
                Effect::SetEnv { key, value } => {
                    let key = self.expand(key);
                    let value = self.expand(value);
                    self.env.retain(|(k, _)| *k != key);
                    if self.env.len() < 256 {
                        self.env.push((key, value));
                    }
                }
                Effect::Ctl(ctl, rules) => self.control(ctl, rules),
            }
        }
    }

    fn set(&mut self, var: Var, key: &Key, op: &SetOp) {
        if var == Var::Tx {
            match key {
                Key::Fixed(slot) => {
                    let old = match op {
                        SetOp::Add(_) | SetOp::Subtract(_) => self.tx.fixed(*slot).map(number),
                        _ => None,
                    };
                    let value = self.new_value(old, op);
                    self.tx.set_fixed(*slot, value);
                }
                Key::Open(template) => {
                    let mut name = self.expand(template).to_ascii_lowercase();
                    name.truncate(MAX_KEY);
                    let old = self.tx.get(&name).map(number);
                    let value = self.new_value(old, op);
                    self.tx.set(&name, value);
                }
            }
            return;
        }
        let Key::Open(template) = key else { return };
        let mut name = self.expand(template).to_ascii_lowercase();
        name.truncate(MAX_KEY);
        let Some(at) = self.loaded.iter().position(|l| l.var == var) else {
            return;
        };
        let now = self.start.now;
        let old = self.loaded[at]
            .record
            .fields
            .get(&name)
            .filter(|f| f.expires.is_none_or(|e| e > now))
            .map(|f| number(&f.value));
        let value = self.new_value(old, op);
        let loaded = &mut self.loaded[at];
        loaded.dirty = true;
        match value {
            None => {
                loaded.record.fields.remove(&name);
            }
            Some(value) => {
                if loaded.record.fields.len() < MAX_NAMES
                    || loaded.record.fields.contains_key(&name)
                {
                    let expires = loaded
                        .record
                        .fields
                        .get(&name)
                        .and_then(|f| f.expires)
                        .filter(|e| *e > now);
                    loaded.record.fields.insert(
                        name,
                        Field {
                            value: value.bytes()[..value.bytes().len().min(MAX_FIELD)].to_vec(),
                            expires,
                        },
                    );
                }
            }
        }
    }

    fn new_value(&mut self, old: Option<i64>, op: &SetOp) -> Option<TxValue> {
        match op {
            SetOp::Set(t) => Some(match t.fixed() {
                Some(text) => TxValue::new(text),
                None => TxValue::new(&self.expand(t)),
            }),
            SetOp::Add(t) => Some(decimal(
                old.unwrap_or(0).saturating_add(number(&self.expand(t))),
            )),
            SetOp::Subtract(t) => Some(decimal(
                old.unwrap_or(0).saturating_sub(number(&self.expand(t))),
            )),
            SetOp::Remove => None,
        }
    }

    fn open_record(&mut self, var: Var, key: &crate::template::Template) {
        let mut key = self.expand(key);
        key.truncate(MAX_KEY);
        if key.is_empty() || self.loaded.iter().any(|l| l.var == var) {
            return;
        }
        let (now, timeout) = (self.start.now, self.rules.settings.collection_timeout);
        let kept = self
            .start
            .records
            .and_then(|s| s.load(var.name(), &key, now));
        let is_new = kept.is_none();
        let mut record = kept.unwrap_or_else(|| Record {
            created: now,
            updated: now,
            ..Record::default()
        });
        record
            .fields
            .retain(|_, f| f.expires.is_none_or(|e| e > now));
        record.expires = now.saturating_add(timeout);
        let field = |value: String| Field {
            value: value.into_bytes(),
            expires: None,
        };
        record.fields.insert(
            b"key".to_vec(),
            Field {
                value: key.clone(),
                expires: None,
            },
        );
        record
            .fields
            .insert(b"is_new".to_vec(), field(u8::from(is_new).to_string()));
        record
            .fields
            .insert(b"timeout".to_vec(), field(timeout.to_string()));
        record
            .fields
            .insert(b"create_time".to_vec(), field(record.created.to_string()));
        record.fields.insert(
            b"last_update_time".to_vec(),
            field(record.updated.to_string()),
        );
        match var {
            Var::User => self.single(Var::UserId, &key),
            Var::Session => self.single(Var::SessionId, &key),
            _ => {}
        }
        self.loaded.push(Loaded {
            var,
            key,
            record,
            dirty: is_new,
        });
    }

    pub(super) fn save_records(&mut self) {
        let Some(store) = self.start.records else {
            return;
        };
        for loaded in self.loaded.iter_mut().filter(|l| l.dirty) {
            loaded.record.updated = self.start.now;
            store.save(
                loaded.var.name(),
                &loaded.key,
                &loaded.record,
                self.start.now,
            );
        }
    }

    fn control(&mut self, ctl: &Ctl, rules: &[u32]) {
        match ctl {
            Ctl::RuleEngine(mode) => self.mode = *mode,
            Ctl::AuditEngine(mode) => self.audit = *mode,
            Ctl::AuditLogParts(parts) => self.audit_parts = Some(parts.clone()),
            Ctl::ForceRequestBodyVariable(on) => self.force_body_variable = *on,
            Ctl::RequestBodyAccess(on) => self.request_body_access = *on,
            Ctl::ResponseBodyAccess(on) => self.response_body_access = *on,
            Ctl::RequestBodyLimit(n) => self.request_body_limit = *n,
            Ctl::ResponseBodyLimit(n) => self.response_body_limit = *n,
            Ctl::RequestBodyProcessor(name) => {
                self.processor = Processor::parse(name);
                self.single(Var::ReqbodyProcessor, name.as_bytes());
            }
            Ctl::RemoveRule(_) => {
                for index in rules {
                    self.removed[*index as usize / 64] |= 1 << (index % 64);
                }
            }
            Ctl::RemoveTarget(_, targets) => {
                for index in rules {
                    for target in targets.include.iter().chain(&targets.exclude) {
                        self.remove_target(*index, target.clone());
                    }
                }
            }
            Ctl::Nothing => {}
        }
    }
}

impl Transaction<'_> {
    pub(crate) fn remove_rule(&mut self, index: u32) {
        if let Some(word) = self.removed.get_mut(index as usize / 64) {
            *word |= 1 << (index % 64);
        }
    }

    pub(crate) fn remove_target(&mut self, index: u32, target: crate::parse::Target) {
        if self.removed_targets.len() < MAX_REMOVED {
            self.removed_targets.push((index, target));
        }
    }
}

impl Processor {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "URLENCODED" => Some(Self::UrlEncoded),
            "MULTIPART" => Some(Self::Multipart),
            "JSON" => Some(Self::Json),
            "XML" => Some(Self::Xml),
            _ => None,
        }
    }
}

fn decimal(value: i64) -> TxValue {
    TxValue::new(value.to_string().as_bytes())
}

/// Names of variables are cut after so many bytes, values of kept collections too.
const MAX_KEY: usize = 512;
const MAX_FIELD: usize = 4096;
/// `ctl:ruleRemoveTargetBy…` takes effect so many times in one transaction.
const MAX_REMOVED: usize = 65_536;
