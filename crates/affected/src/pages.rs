//! The pages, in Chinese and English. No script; whatever was typed or looked up is escaped.

use hudun_core::{Lang, Timestamp};
use jiff::tz::Offset;
use maud::{DOCTYPE, Markup, html};

use crate::answers::{Affected, Opened, Reading};
use crate::challenge::{Id, written};
use crate::language::tag;

/// Most characters of a request for help.
pub(crate) const MOST_WORDS: usize = 2_000;

/// The first page.
pub(crate) fn start(lang: Lang, phones: bool, problem: Option<&str>) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    let (label, hint) = if phones {
        (
            t("电子邮箱或手机号", "E-mail address or mobile number"),
            t(
                "例如 name@example.com 或 13800000000",
                "For example name@example.com or 13800000000",
            ),
        )
    } else {
        (
            t("电子邮箱", "E-mail address"),
            t("例如 name@example.com", "For example name@example.com"),
        )
    };
    let title = t("我的信息受影响了吗？", "Was I affected?");
    let body = html! {
        h1 { (title) }
        p { (if phones { t(
            "我们通知过个人信息安全事件后，您可以在这里查询自己的信息是否涉及。请输入您留给商家的电子邮箱或手机号，我们会发去一个六位数字的验证码，确认是您本人在用。",
            "After we have announced an incident with personal data, you can ask here whether your own data is part of it. Enter the e-mail address or the mobile number that you gave to the firm. We send a code of six digits to it, to make sure that it is yours.",
        ) } else { t(
            "我们通知过个人信息安全事件后，您可以在这里查询自己的信息是否涉及。请输入您留给商家的电子邮箱，我们会发去一个六位数字的验证码，确认邮箱是您本人在用。",
            "After we have announced an incident with personal data, you can ask here whether your own data is part of it. Enter the e-mail address that you gave to the firm. We send a code of six digits to it, to make sure that the address is yours.",
        ) }) }
        p { (t(
            "这里只显示您本人的信息涉及哪些种类、该怎么做，不显示任何其他人的情况。",
            "You will see your own kinds of data and what you can do, and nothing about anybody else.",
        )) }
        @if let Some(problem) = problem { p.alert #problem role="alert" { (problem) } }
        form method="post" action={ "/code?lang=" (tag(lang)) } {
            label for="email" { (label) }
            p.hint #email-hint { (hint) }
            input #email name="email" type="text" inputmode=(if phones { "text" } else { "email" }) autocomplete=(if phones { "on" } else { "email" }) autocapitalize="none" spellcheck="false" maxlength="254" required
                aria-describedby=(if problem.is_some() { "problem email-hint" } else { "email-hint" })
                aria-invalid=[problem.map(|_| "true")];
            button type="submit" { (t("发送验证码", "Send the code")) }
        }
    };
    page(lang, title, &link(lang), problem.is_some(), &body)
}

/// A code was asked for. The same for every address.
pub(crate) fn code(lang: Lang, phones: bool, challenge: Id, left: Option<u8>) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    let title = t("输入验证码", "Enter the code");
    let id = written(challenge);
    let body = html! {
        h1 { (title) }
        p { (if phones { t(
            "如果这个邮箱或手机号能收到消息，验证码已经发出，通常一两分钟内送到；没看到时请查垃圾邮件箱和拦截的短信。验证码 10 分钟内有效，最多可试 5 次。",
            "If the address or number can receive messages, a code was sent. It mostly arrives within two minutes; look among spam and blocked messages, too. The code holds for 10 minutes and 5 tries.",
        ) } else { t(
            "如果这个邮箱能收信，验证码已经发出，通常一两分钟内送到；没看到时请查垃圾邮件箱。验证码 10 分钟内有效，最多可试 5 次。",
            "If the address can receive mail, a code was sent. It mostly arrives within two minutes; look into the spam folder, too. The code holds for 10 minutes and 5 tries.",
        ) }) }
        p { (if phones { t(
            "同一邮箱或手机号每小时最多发 3 次；超过之后不再发送，请稍后再来。",
            "At most 3 codes an hour go to one address or number; after that none is sent, and you can come back later.",
        ) } else { t(
            "同一邮箱每小时最多发 3 次；超过之后不再发信，请稍后再来。",
            "At most 3 codes an hour go to one address; after that none is sent, and you can come back later.",
        ) }) }
        @if let Some(left) = left {
            p.alert #problem role="alert" { @match lang {
                Lang::Zh => { "验证码不对，还可以试 " (left) " 次。" }
                Lang::En => { "That is not the code. Tries left: " (left) "." }
            } }
        }
        form method="post" action={ "/answer?lang=" (tag(lang)) } {
            input type="hidden" name="challenge" value=(id);
            label for="code" { (t("六位验证码", "Code of six digits")) }
            input.code #code name="code" type="text" inputmode="numeric" autocomplete="one-time-code" maxlength="16" required autofocus
                aria-describedby=[left.map(|_| "problem")] aria-invalid=[left.map(|_| "true")];
            button type="submit" { (t("查看结果", "Show the answer")) }
        }
        p { a href={ "/?lang=" (tag(lang)) } { (if phones { t("换一个邮箱或手机号", "Use another address or number") } else { t("换一个邮箱", "Use another address") }) } }
    };
    page(
        lang,
        title,
        &post_link(lang, "challenge", &id),
        left.is_some(),
        &body,
    )
}

/// What was found under the proven address.
pub(crate) fn answer(
    lang: Lang,
    phones: bool,
    proof: Id,
    found: &[Affected],
    problem: Option<&str>,
) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    let title = if found.is_empty() {
        t("没有查到您的信息", "Nothing was found")
    } else {
        t("您的信息受到影响", "Your data is affected")
    };
    let id = written(proof);
    let body = html! {
        h1 { (title) }
        @if let Some(problem) = problem { p.alert #problem role="alert" { (problem) } }
        @if found.is_empty() {
            p { (if phones { t(
                "在目前已经公布的事件里，没有查到与这个邮箱或手机号有关的信息。如果您还留过别的邮箱或手机号，也请查一下。",
                "Nothing is under this address or number in the cases announced so far. If you gave us another one, check that, too.",
            ) } else { t(
                "在目前已经公布的事件里，没有查到与这个邮箱有关的信息。如果您还留过别的邮箱，也请查一下。",
                "Nothing is under this address in the cases announced so far. If you gave us another address, check that one, too.",
            ) }) }
            p { (t(
                "事件可能还在调查。今后涉及到您时，我们会直接通知您。",
                "A case may still be under investigation. Should you turn out to be affected, we will tell you directly.",
            )) }
        }
        @for (at, one) in found.iter().enumerate() { (case(lang, phones, &id, at, one)) }
        p { a href={ "/?lang=" (tag(lang)) } { (if phones { t("查另一个邮箱或手机号", "Check another address or number") } else { t("查另一个邮箱", "Check another address") }) } }
    };
    page(
        lang,
        title,
        &post_link(lang, "proof", &id),
        problem.is_some(),
        &body,
    )
}

fn case(lang: Lang, phones: bool, proof: &str, at: usize, one: &Affected) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    let own = one.readings.iter().find(|reading| reading.lang == lang);
    let reading = own.or_else(|| one.readings.first());
    html! {
        section aria-labelledby={ "case-" (at) } {
            h2 id={ "case-" (at) } { (one.controller.get(lang)) }
            @if one.drill { p.box { strong { (t("演练：没有真实的个人信息泄露。", "A drill: no real data was taken.")) } } }
            p { (t("通知时间：", "Notice of ")) (moment(lang, one.at)) }
            h3 { (t("涉及您的信息", "Your data that is concerned")) }
            ul { @for kind in &one.kinds { li { (kind.get(lang)) } } }
            h3 { (t("发生了什么，您该怎么做", "What happened, and what you can do")) }
            @if let Some(reading) = reading { (notice(lang, reading)) }
            details {
                summary { (t("需要帮助", "I need help")) }
                form method="post" action={ "/help?lang=" (tag(lang)) } {
                    input type="hidden" name="proof" value=(proof);
                    input type="hidden" name="case" value=(one.case);
                    label for={ "words-" (at) } { (t("您遇到了什么情况（可不填）", "What happened to you (may be left empty)")) }
                    p.hint id={ "words-hint-" (at) } { (if phones { t(
                        "最多 2000 字。请不要写密码、验证码或银行卡号。我们会按您刚才验证的邮箱或手机号答复。",
                        "At most 2,000 characters. Don't write passwords, codes or card numbers. We answer to the address or number that you have just proven.",
                    ) } else { t(
                        "最多 2000 字。请不要写密码、验证码或银行卡号。我们会回信到您刚才验证的邮箱。",
                        "At most 2,000 characters. Don't write passwords, codes or card numbers. We answer to the address that you have just proven.",
                    ) }) }
                    textarea id={ "words-" (at) } name="words" maxlength=(MOST_WORDS) aria-describedby={ "words-hint-" (at) } {}
                    button type="submit" { (t("请人联系我", "Ask to be contacted")) }
                }
            }
        }
    }
}

fn notice(lang: Lang, reading: &Reading) -> Markup {
    html! {
        @if reading.lang != lang {
            p { @match lang {
                Lang::Zh => "这份通知只以英文发出：",
                Lang::En => "This notice went out in Chinese only:",
            } }
        }
        div.notice lang=(tag(reading.lang)) { (reading.text) }
    }
}

/// A care ticket is open.
pub(crate) fn helped(lang: Lang, phones: bool, opened: &Opened) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    let title = if opened.new {
        t("已收到您的求助", "We have your request")
    } else {
        t("您的求助还在处理", "Your request is still open")
    };
    let body = html! {
        h1 { (title) }
        p.box role="status" {
            (t("受理编号：", "Reference: ")) span.reference { (opened.reference) } br;
            (t("最迟答复时间：", "You will be answered by ")) (moment(lang, opened.due_at))
        }
        @if !opened.new {
            p { (t(
                "同一事件里，一人同时只受理一件求助；这次填写的内容没有保存。",
                "One request of a person is open in a case at a time; what you wrote just now was not kept.",
            )) }
        }
        p { (if phones { t(
            "我们会按您验证过的邮箱或手机号答复。我们不会向您要密码、验证码或银行卡号，也不会让您转账。",
            "The answer goes to the address or number that you have proven. We never ask for passwords, codes or card numbers, and never for money.",
        ) } else { t(
            "回信会发到您验证过的邮箱。我们不会向您要密码、验证码或银行卡号，也不会让您转账。",
            "The answer goes to the address that you have proven. We never ask for passwords, codes or card numbers, and never for money.",
        ) }) }
        p { a href={ "/?lang=" (tag(lang)) } { (t("回到首页", "Back to the first page")) } }
    };
    page(lang, title, &html! {}, false, &body)
}

/// The code or the proof holds no more.
pub(crate) fn gone(lang: Lang) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    plain(
        lang,
        t("请重新获取验证码", "Ask for a new code"),
        t(
            "这个验证码已经失效：可能过了时间、已经用过，或者试错的次数太多。",
            "That code holds no more: it is too old, was used already, or was tried too often.",
        ),
    )
}

/// Too many requests; when to come back.
pub(crate) fn wait(lang: Lang, until: Timestamp) -> Markup {
    let when = moment(lang, until);
    let text = match lang {
        Lang::Zh => format!("短时间内的请求太多。请在 {when} 之后再试。"),
        Lang::En => format!("There were too many requests. Please try again after {when}."),
    };
    let title = said(lang, "请稍后再试", "Please try later");
    plain(lang, title, &text)
}

/// Something behind the page does not answer.
pub(crate) fn unavailable(lang: Lang, proof: Option<Id>) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    let title = t("暂时无法查询", "No answer at the moment");
    let body = html! {
        h1 { (title) }
        p.alert role="alert" { (t("系统忙，请过几分钟再试。", "The system is busy. Please try again in a few minutes.")) }
        @if let Some(proof) = proof {
            form method="post" action={ "/answer?lang=" (tag(lang)) } {
                input type="hidden" name="proof" value=(written(proof));
                button type="submit" { (t("再试一次", "Try again")) }
            }
        } @else {
            p { a href={ "/?lang=" (tag(lang)) } { (t("回到首页", "Back to the first page")) } }
        }
    };
    page(lang, title, &link(lang), true, &body)
}

/// There is no such page, or the form can't be read.
pub(crate) fn nothing(lang: Lang) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    plain(
        lang,
        t("没有这个页面", "There is no such page"),
        t("请从首页开始。", "Please begin at the first page."),
    )
}

fn plain(lang: Lang, title: &str, text: &str) -> Markup {
    let body = html! {
        h1 { (title) }
        p { (text) }
        p { a href={ "/?lang=" (tag(lang)) } { (said(lang, "回到首页", "Back to the first page")) } }
    };
    page(lang, title, &link(lang), false, &body)
}

fn page(lang: Lang, title: &str, switch: &Markup, wrong: bool, body: &Markup) -> Markup {
    let t = |zh, en| said(lang, zh, en);
    html! {
        (DOCTYPE)
        html lang=(tag(lang)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { @if wrong { (t("出错：", "Error: ")) } (title) }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header {
                    p { (t("个人信息事件查询", "Personal data incidents")) }
                    (switch)
                }
                main { (body) }
                footer {
                    p { (t(
                        "本页从不索要密码、身份证号或银行卡号，验证码也不要告诉任何人。接到可疑电话或短信，可拨打 96110 反诈专线或 110。",
                        "This page never asks for passwords, identity numbers or bank cards. Give the code to nobody. In mainland China, call 96110 (anti-fraud line) or 110 about suspicious calls and messages.",
                    )) }
                }
            }
        }
    }
}

const fn other(lang: Lang) -> (Lang, &'static str) {
    match lang {
        Lang::Zh => (Lang::En, "English"),
        Lang::En => (Lang::Zh, "中文"),
    }
}

/// To the first page in the other language.
fn link(lang: Lang) -> Markup {
    let (other, name) = other(lang);
    html! { a href={ "/?lang=" (tag(other)) } lang=(tag(other)) { (name) } }
}

/// To this very page in the other language, without a try and without asking anew.
fn post_link(lang: Lang, field: &str, id: &str) -> Markup {
    let (other, name) = other(lang);
    html! {
        form method="post" action={ "/answer?lang=" (tag(other)) } {
            input type="hidden" name=(field) value=(id);
            button.plain type="submit" lang=(tag(other)) { (name) }
        }
    }
}

/// A moment by the clock of China, which has one.
fn moment(lang: Lang, at: Timestamp) -> String {
    let Ok(moment) = jiff::Timestamp::from_millisecond(at.as_millis()) else {
        return at.to_string();
    };
    let moment = Offset::constant(8).to_datetime(moment);
    match lang {
        Lang::Zh => format!("{}（北京时间）", moment.strftime("%Y年%-m月%-d日 %H:%M")),
        Lang::En => format!("{} (UTC+8)", moment.strftime("%-d %B %Y, %H:%M")),
    }
}

const fn said(lang: Lang, zh: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}
