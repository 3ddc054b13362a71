//! A firm that knows who is in its one case, and what went out.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use hudun_affected::{Address, Affected, AnswerError, Answers, Help, Opened, Reading};
use hudun_core::{BoxFuture, Lang, Text, Timestamp};

/// 2026-11-23 08:00 UTC.
pub const T0: i64 = 1_795_420_800_000;
const DAY: i64 = 24 * 3_600_000;

/// Knows who is in the case and what goes out.
pub struct Firm {
    pub kinds: BTreeMap<String, Vec<Text>>,
    pub mails: Mutex<Vec<(String, Lang, String)>>,
    pub asked: Mutex<Vec<Help>>,
    pub look_ups: AtomicU32,
    pub broken: AtomicU32,
}

impl Answers for Firm {
    fn send_code<'a>(
        &'a self,
        to: &'a Address,
        lang: Lang,
        code: &'a str,
        until: Timestamp,
    ) -> BoxFuture<'a, Result<(), AnswerError>> {
        assert!(until > Timestamp::from_millis(T0));
        let mail = (to.as_str().to_owned(), lang, code.to_owned());
        self.mails.lock().unwrap().push(mail);
        Box::pin(async { Ok(()) })
    }

    fn look_up<'a>(
        &'a self,
        address: &'a Address,
    ) -> BoxFuture<'a, Result<Vec<Affected>, AnswerError>> {
        self.look_ups.fetch_add(1, Ordering::Relaxed);
        if self.broken.load(Ordering::Relaxed) > 0 {
            self.broken.fetch_sub(1, Ordering::Relaxed);
            return Box::pin(async { Err(AnswerError::Failed("the list is gone".to_owned())) });
        }
        let found = self.kinds.get(&address.folded()).map(|kinds| Affected {
            case: "c-0123456789abcdef".to_owned(),
            at: Timestamp::from_millis(T0),
            controller: Text::new("云溪商贸", "Yunxi Trading"),
            kinds: kinds.clone(),
            readings: vec![Reading {
                lang: Lang::Zh,
                text: format!("告知\n涉及您的信息：{}。<b>请留意</b>", kinds[0].zh),
            }],
            drill: false,
        });
        Box::pin(async move { Ok(found.into_iter().collect()) })
    }

    fn ask_help(&self, help: Help) -> BoxFuture<'_, Result<Opened, AnswerError>> {
        let mut asked = self.asked.lock().unwrap();
        let new = asked.iter().all(|earlier| earlier.address != help.address);
        if new {
            asked.push(help);
        }
        Box::pin(async move {
            Ok(Opened {
                reference: "7KQ2-M4XA".to_owned(),
                due_at: Timestamp::from_millis(T0 + DAY),
                new,
            })
        })
    }
}

impl Firm {
    pub fn new() -> Self {
        let mobile = Text::new("手机号", "mobile number");
        let orders = Text::new("订单", "orders");
        Self {
            kinds: BTreeMap::from([
                ("+8613800000001".to_owned(), vec![mobile.clone()]),
                ("li@example.cn".to_owned(), vec![mobile]),
                ("wang@example.cn".to_owned(), vec![orders]),
            ]),
            mails: Mutex::default(),
            asked: Mutex::default(),
            look_ups: AtomicU32::new(0),
            broken: AtomicU32::new(0),
        }
    }
}
