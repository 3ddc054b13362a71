//! From targets to values.

use std::net::IpAddr;

use super::{Entry, Item, Transaction};
use crate::parse::{Selector, Target};
use crate::rule::Link;
use crate::values::ValueId;
use crate::variable::Var;

impl Transaction<'_> {
    /// All values that a link looks at, in the order of its targets.
    pub(super) fn collect(&mut self, rule: u32, link: &Link, out: &mut Vec<Item>) {
        for (at, target) in link.targets.include.iter().enumerate() {
            let from = out.len();
            self.collect_target(
                target,
                link.tx_regex.get(at).map_or(&[], Vec::as_slice),
                out,
            );
            if target.count {
                let count = self.excluded(rule, link, from, out);
                out.truncate(from);
                let value = self.count_value(count);
                let key = match &target.selector {
                    Selector::Name(name) => self.values.add(name),
                    _ => 0,
                };
                out.push(Item {
                    var: target.var,
                    key,
                    value,
                });
            } else {
                self.excluded(rule, link, from, out);
            }
        }
    }

    /// Removes what the rule, or a `ctl`, leaves out; returns how many remain after `from`.
    fn excluded(&self, rule: u32, link: &Link, from: usize, out: &mut Vec<Item>) -> usize {
        let dynamic = self.removed_targets.iter().any(|(r, _)| *r == rule);
        if link.targets.exclude.is_empty() && !dynamic {
            return out.len() - from;
        }
        let mut at = 0;
        out.retain(|item| {
            at += 1;
            if at <= from {
                return true;
            }
            let hit =
                |t: &Target| t.var == item.var && t.selector.matches(self.values.get(item.key));
            !(link.targets.exclude.iter().any(hit)
                || self
                    .removed_targets
                    .iter()
                    .any(|(r, t)| *r == rule && hit(t)))
        });
        out.len() - from
    }

    fn count_value(&mut self, count: usize) -> ValueId {
        match count {
            0 => self.zero,
            1 => self.one,
            n => self.values.add(n.to_string().as_bytes()),
        }
    }

    /// The first values of a variable, for macros.
    pub(super) fn first_of(&mut self, var: Var, key: Option<&[u8]>, out: &mut Vec<Item>) {
        let selector = key.map_or(Selector::All, |k| Selector::Name(k.into()));
        let selector = if var == Var::Xml && key.is_none() {
            Selector::Name(Box::from(*b"/*"))
        } else {
            selector
        };
        self.collect_target(
            &Target {
                var,
                selector,
                count: false,
            },
            &[],
            out,
        );
    }

    fn collect_target(&mut self, target: &Target, tx_regex: &[u32], out: &mut Vec<Item>) {
        let var = target.var;
        let sel = &target.selector;
        match var {
            Var::Args => {
                entries(&self.values, var, &self.args_get, sel, false, out);
                entries(&self.values, var, &self.args_post, sel, false, out);
            }
            Var::ArgsNames => {
                entries(&self.values, var, &self.args_get, sel, true, out);
                entries(&self.values, var, &self.args_post, sel, true, out);
            }
            Var::ArgsGet => entries(&self.values, var, &self.args_get, sel, false, out),
            Var::ArgsGetNames => entries(&self.values, var, &self.args_get, sel, true, out),
            Var::ArgsPost => entries(&self.values, var, &self.args_post, sel, false, out),
            Var::ArgsPostNames => entries(&self.values, var, &self.args_post, sel, true, out),
            Var::RequestHeaders => {
                entries(&self.values, var, &self.request_headers, sel, false, out)
            }
            Var::RequestHeadersNames => {
                entries(&self.values, var, &self.request_headers, sel, true, out)
            }
            Var::RequestCookies => entries(&self.values, var, &self.cookies, sel, false, out),
            Var::RequestCookiesNames => entries(&self.values, var, &self.cookies, sel, true, out),
            Var::ResponseHeaders => {
                entries(&self.values, var, &self.response_headers, sel, false, out)
            }
            Var::ResponseHeadersNames => {
                entries(&self.values, var, &self.response_headers, sel, true, out)
            }
            Var::Files => entries(&self.values, var, &self.parts.files, sel, false, out),
            Var::FilesNames => entries(&self.values, var, &self.parts.files, sel, true, out),
            Var::FilesTmpContent => {
                entries(&self.values, var, &self.parts.contents, sel, false, out)
            }
            Var::FilesSizes => {
                for at in 0..self.parts.contents.len() {
                    let entry = self.parts.contents[at];
                    if sel.matches(self.values.get(entry.name)) {
                        let value = self.values.get(entry.value).len().to_string();
                        let value = self.values.add(value.as_bytes());
                        out.push(Item {
                            var,
                            key: entry.name,
                            value,
                        });
                    }
                }
            }
            // No file is written to disk.
            Var::FilesTmpnames => {}
            Var::MultipartFilename => {
                entries(&self.values, var, &self.parts.files, sel, false, out)
            }
            Var::MultipartName => entries(&self.values, var, &self.parts.names, sel, false, out),
            Var::MultipartPartHeaders => {
                entries(&self.values, var, &self.parts.headers, sel, false, out)
            }
            Var::MatchedVars | Var::MatchedVarsNames => {
                for at in 0..self.matched.len() {
                    let item = self.matched[at];
                    let name = self.item_name(item);
                    if sel.matches(&name) {
                        let key = self.values.add(&name);
                        out.push(Item {
                            var,
                            key,
                            value: if var == Var::MatchedVars {
                                item.value
                            } else {
                                key
                            },
                        });
                    }
                }
            }
            Var::MatchedVar => out.extend(self.matched_one.map(|item| Item {
                var,
                key: 0,
                value: item.value,
            })),
            Var::MatchedVarName => {
                if let Some(item) = self.matched_one {
                    let value = self.item_name(item);
                    let value = self.values.add(&value);
                    out.push(Item { var, key: 0, value });
                }
            }
            Var::Tx => self.collect_tx(sel, tx_regex, out),
            Var::Ip | Var::Session | Var::User | Var::Global | Var::Resource => {
                let now = self.start.now;
                let Some(loaded) = self.loaded.iter().find(|l| l.var == var) else {
                    return;
                };
                for (name, field) in &loaded.record.fields {
                    if field.expires.is_none_or(|e| e > now) && sel.matches(name) {
                        let key = self.values.add(name);
                        let value = self.values.add(&field.value);
                        out.push(Item { var, key, value });
                    }
                }
            }
            Var::Env => {
                for (name, value) in &self.env {
                    if sel.matches(name) {
                        let key = self.values.add(name);
                        let value = self.values.add(value);
                        out.push(Item { var, key, value });
                    }
                }
            }
            // Without a geographic database and outside a rule these are empty.
            Var::Geo | Var::Rule => {}
            Var::Xml => {
                let list = match sel {
                    Selector::Name(name) if name.as_ref() == b"//@*" => &self.xml_attributes,
                    _ => &self.xml_text,
                };
                out.extend(list.iter().map(|value| Item {
                    var,
                    key: 0,
                    value: *value,
                }));
            }
            _ => {
                let value = match self.singles[var as usize] {
                    0 => self.computed(var),
                    value => value,
                };
                if value != 0 {
                    out.push(Item { var, key: 0, value });
                }
            }
        }
    }

    fn collect_tx(&mut self, sel: &Selector, tx_regex: &[u32], out: &mut Vec<Item>) {
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        match sel {
            Selector::Name(name) => {
                if let Some(value) = self.tx.get(name) {
                    found.push((name.to_vec(), value.to_vec()));
                }
            }
            Selector::All => found.extend(self.tx.iter().map(|(n, v)| (n.to_vec(), v.to_vec()))),
            Selector::Regex(re) => {
                for slot in tx_regex {
                    if let Some(value) = self.tx.fixed(*slot) {
                        found.push((self.rules.tx_names.name(*slot).to_vec(), value.to_vec()));
                    }
                }
                found.extend(
                    self.tx
                        .open_iter()
                        .filter(|(n, _)| re.is_match(n))
                        .map(|(n, v)| (n.to_vec(), v.to_vec())),
                );
            }
        }
        for (name, value) in found {
            let key = self.values.add(&name);
            let value = self.values.add(&value);
            out.push(Item {
                var: Var::Tx,
                key,
                value,
            });
        }
    }

    /// Values that are made when somebody asks.
    fn computed(&mut self, var: Var) -> ValueId {
        let now = self.start.now;
        let day = now.rem_euclid(86_400);
        let (year, month, date) = civil(now.div_euclid(86_400));
        let text = match var {
            Var::Time => format!("{:02}:{:02}:{:02}", day / 3600, day / 60 % 60, day % 60),
            Var::TimeEpoch => now.to_string(),
            Var::TimeHour => (day / 3600).to_string(),
            Var::TimeMin => (day / 60 % 60).to_string(),
            Var::TimeSec => (day % 60).to_string(),
            Var::TimeYear => year.to_string(),
            Var::TimeMon => month.to_string(),
            Var::TimeDay => date.to_string(),
            Var::TimeWday => (now.div_euclid(86_400) + 4).rem_euclid(7).to_string(),
            Var::Duration => "0".to_owned(),
            Var::ModsecBuild => "030000000".to_owned(),
            Var::HighestSeverity => self.highest_severity.map_or(255, u16::from).to_string(),
            Var::WebappId => self.rules.settings.web_app_id.clone(),
            Var::FullRequest | Var::FullRequestLength => {
                let mut all = self
                    .values
                    .get(self.singles[Var::RequestLine as usize])
                    .to_vec();
                for entry in &self.request_headers {
                    all.extend_from_slice(b"\r\n");
                    all.extend_from_slice(self.values.get(entry.name));
                    all.extend_from_slice(b": ");
                    all.extend_from_slice(self.values.get(entry.value));
                }
                all.extend_from_slice(b"\r\n\r\n");
                all.extend_from_slice(&self.body);
                let value = if var == Var::FullRequest {
                    all
                } else {
                    all.len().to_string().into_bytes()
                };
                return self.values.add(&value);
            }
            _ => return 0,
        };
        self.values.add(text.as_bytes())
    }

    pub(super) fn fill_connection(&mut self) {
        let (client, server) = (self.start.client, self.start.server);
        let text = |this: &mut Self, addr: Var, port: Var, (ip, p): (IpAddr, u16)| {
            this.single(addr, ip.to_canonical().to_string().as_bytes());
            this.single(port, p.to_string().as_bytes());
        };
        text(self, Var::RemoteAddr, Var::RemotePort, client);
        text(self, Var::ServerAddr, Var::ServerPort, server);
        self.singles[Var::RemoteHost as usize] = self.singles[Var::RemoteAddr as usize];
        self.single(Var::UniqueId, self.start.unique_id.as_bytes());
        for var in FLAGS {
            self.flag(*var, false);
        }
    }
}

/// Entries of a collection whose names are selected; `names` yields the name as the value.
fn entries(
    values: &crate::values::Values,
    var: Var,
    list: &[Entry],
    sel: &Selector,
    names: bool,
    out: &mut Vec<Item>,
) {
    for entry in list {
        if matches!(sel, Selector::All) || sel.matches(values.get(entry.name)) {
            out.push(Item {
                var,
                key: entry.name,
                value: if names { entry.name } else { entry.value },
            });
        }
    }
}

/// Year, month (1–12) and day of the month from days since 1970.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (
        yoe + era * 400 + i64::from(month <= 2),
        month,
        doy - (153 * mp + 2) / 5 + 1,
    )
}

/// Variables that are «0» until something is wrong.
const FLAGS: &[Var] = &[
    Var::ArgsCombinedSize,
    Var::FilesCombinedSize,
    Var::InboundDataError,
    Var::OutboundDataError,
    Var::MscPcreLimitsExceeded,
    Var::MultipartBoundaryQuoted,
    Var::MultipartBoundaryWhitespace,
    Var::MultipartCrlfLfLines,
    Var::MultipartDataAfter,
    Var::MultipartDataBefore,
    Var::MultipartFileLimitExceeded,
    Var::MultipartHeaderFolding,
    Var::MultipartInvalidHeaderFolding,
    Var::MultipartInvalidPart,
    Var::MultipartInvalidQuoting,
    Var::MultipartLfLine,
    Var::MultipartMissingSemicolon,
    Var::MultipartStrictError,
    Var::MultipartUnmatchedBoundary,
    Var::ReqbodyError,
    Var::ReqbodyProcessorError,
    Var::UrlencodedError,
];

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        assert_eq!(super::civil(0), (1970, 1, 1));
        assert_eq!(super::civil(20_780), (2026, 11, 23));
    }
}
