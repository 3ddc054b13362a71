//! What each page shows.

use maud::{Markup, html};
use serde_json::Value;

use super::layout::{Lang, page};
use crate::{
    http::Actor,
    modules::{
        chat::{self, Message},
        customer::{Customer, Filter, Listed},
        order::{self, Order},
    },
    policy::{Action, decide},
};

pub(super) fn login(lang: Lang, vulnerable: bool) -> Markup {
    let body = html! {
        form.tall data-call="/api/auth/login" data-done="/" {
            label { (lang.say("账号", "Account")) " " input name="account" placeholder="name@tenant" autocomplete="username" required; }
            label { (lang.say("密码", "Password")) " " input name="password" type="password" autocomplete="current-password" required; }
            button { (lang.say("登录", "Log in")) }
        }
        a href=(lang.say("?lang=en", "?lang=zh")) { (lang.say("English", "中文")) }
    };
    page(lang, lang.say("登录", "Log in"), None, vulnerable, &body)
}

pub(super) fn customers(
    lang: Lang,
    actor: &Actor,
    vulnerable: bool,
    filter: &Filter,
    listed: &Listed<Customer>,
) -> Markup {
    let body = html! {
        form method="get" action="/customers" {
            input type="search" name="search" value=(filter.search) placeholder=(lang.say("姓名、手机号、标签", "name, mobile, tag"));
            button { (lang.say("搜索", "Search")) }
        }
        table {
            thead { tr {
                @for (zh, en) in [("编号", "No."), ("姓名", "Name"), ("手机号", "Mobile"), ("地址", "Address"), ("标签", "Tags"), ("阶段", "Stage"), ("负责人", "Owner")] {
                    th { (lang.say(zh, en)) }
                }
            } }
            tbody {
                @for c in &listed.items {
                    tr data-customer-id=(c.id) data-owner=(c.owner) {
                        td { (c.id) }
                        td { a data-field="name" href={ "/customers/" (c.id) } { (c.name) } }
                        td data-field="mobile" { (c.mobile) }
                        td data-field="address" { (c.address.as_deref().unwrap_or("")) }
                        td data-field="tags" { (c.tags.join(" ")) }
                        td data-field="stage" { (c.stage) }
                        td data-field="owner_name" { (c.owner_name) }
                    }
                }
            }
        }
        (pager(lang, listed, &[("search", &filter.search), ("tag", &filter.tag), ("stage", &filter.stage)]))
    };
    page(
        lang,
        lang.say("客户", "Customers"),
        Some(actor),
        vulnerable,
        &body,
    )
}

pub(super) fn customer(lang: Lang, actor: &Actor, vulnerable: bool, c: &Customer) -> Markup {
    let tags = c.tags.join(" ");
    let fields = [
        ("name", "姓名", "Name", Some(&c.name)),
        ("mobile", "手机号", "Mobile", Some(&c.mobile)),
        ("email", "邮箱", "E-mail", c.email.as_ref()),
        ("gender", "性别", "Gender", Some(&c.gender)),
        ("birthday", "生日", "Birthday", c.birthday.as_ref()),
        ("address", "地址", "Address", c.address.as_ref()),
        (
            "resident_id",
            "身份证号",
            "Resident id",
            c.resident_id.as_ref(),
        ),
        (
            "external_userid",
            "企微客户号",
            "WeCom external_userid",
            c.external_userid.as_ref(),
        ),
        ("unionid", "unionid", "unionid", c.unionid.as_ref()),
        ("tags", "标签", "Tags", Some(&tags)),
        ("stage", "阶段", "Stage", Some(&c.stage)),
        ("remark", "备注", "Remark", c.remark.as_ref()),
    ];
    let body = html! {
        dl data-customer-id=(c.id) data-owner=(c.owner) {
            dt { (lang.say("编号", "No.")) } dd { (c.id) }
            @for (field, zh, en, value) in fields {
                @if let Some(value) = value { dt { (lang.say(zh, en)) } dd data-field=(field) { (value) } }
            }
            dt { (lang.say("负责人", "Owner")) } dd data-field="owner_name" { (c.owner_name) }
        }
        p {
            a href={ "/orders?customer_id=" (c.id) } { (lang.say("看订单", "Orders")) } " "
            a href={ "/chat?customer_id=" (c.id) } { (lang.say("看会话", "Chat")) }
        }
    };
    // The title goes into histories and bookmarks, so it names no person.
    page(
        lang,
        &format!("{} {}", lang.say("客户", "Customer"), c.id),
        Some(actor),
        vulnerable,
        &body,
    )
}

pub(super) fn orders(
    lang: Lang,
    actor: &Actor,
    vulnerable: bool,
    of: order::Of,
    listed: &Listed<Order>,
) -> Markup {
    let customer = of.customer_id.map(|id| id.to_string()).unwrap_or_default();
    let body = html! {
        table {
            thead { tr {
                @for (zh, en) in [("订单号", "Order"), ("客户", "Customer"), ("收件人", "Receiver"), ("手机号", "Mobile"), ("地址", "Address"), ("金额（元）", "Amount (yuan)"), ("状态", "State"), ("时间", "Time")] {
                    th { (lang.say(zh, en)) }
                }
            } }
            tbody {
                @for o in &listed.items {
                    tr data-customer-id=(o.customer_id) data-order-id=(o.id) {
                        td { (o.order_no) }
                        td { a href={ "/customers/" (o.customer_id) } { (o.customer_name) } }
                        td { (o.receiver) }
                        td { (o.mobile) }
                        td { (o.address) }
                        td { (o.amount / 100) "." (format!("{:02}", o.amount % 100)) }
                        td { (o.state) }
                        td { (o.created_at) }
                    }
                }
            }
        }
        (pager(lang, listed, &[("customer_id", &customer)]))
    };
    page(
        lang,
        lang.say("订单", "Orders"),
        Some(actor),
        vulnerable,
        &body,
    )
}

pub(super) fn ask_for_chat(lang: Lang, actor: &Actor, vulnerable: bool) -> Markup {
    let for_case = decide(actor, Action::ChatForCase).is_ok();
    let body = html! {
        form method="get" action="/chat" {
            input name="customer_id" inputmode="numeric" required placeholder=(lang.say("客户编号", "customer number"));
            @if for_case { input name="case" required placeholder=(lang.say("案件编号", "case number")); }
            button { (lang.say("查看", "Show")) }
        }
    };
    page(
        lang,
        lang.say("会话", "Chats"),
        Some(actor),
        vulnerable,
        &body,
    )
}

pub(super) fn chat(
    lang: Lang,
    actor: &Actor,
    vulnerable: bool,
    of: &chat::Of,
    listed: &Listed<Message>,
) -> Markup {
    let customer = of.customer_id.to_string();
    let body = html! {
        table {
            tbody data-customer-id=(of.customer_id) {
                @for m in &listed.items {
                    tr class=(m.direction) data-customer-id=(m.customer_id) {
                        td { (m.created_at) }
                        td { @if m.direction == "in" { (lang.say("客户", "Customer")) } @else { (lang.say("员工", "Staff")) } }
                        td { (m.text) }
                    }
                }
            }
        }
        (pager(lang, listed, &[("customer_id", &customer), ("case", &of.case)]))
    };
    page(
        lang,
        lang.say("会话", "Chats"),
        Some(actor),
        vulnerable,
        &body,
    )
}

pub(super) fn exports(lang: Lang, actor: &Actor, vulnerable: bool, items: &[Value]) -> Markup {
    let may_decide = decide(actor, Action::ExportDecide).is_ok();
    let body = html! {
        form data-call="/api/export" {
            input type="hidden" name="object" value="customer";
            input name="tag" placeholder=(lang.say("标签（可不填）", "tag (optional)"));
            input name="reason" required placeholder=(lang.say("用途", "purpose"));
            button { (lang.say("申请导出客户", "Ask to export customers")) }
        }
        table {
            thead { tr {
                @for (zh, en) in [("编号", "No."), ("申请人", "Asked by"), ("用途", "Purpose"), ("行数", "Rows"), ("状态", "State"), ("审批人", "Decided by"), ("到期", "Expires"), ("", "")] {
                    th { (lang.say(zh, en)) }
                }
            } }
            tbody {
                @for e in items {
                    tr data-export-id=(text(e, "id")) {
                        @for key in ["id", "requester", "reason", "rows", "state", "decided_by", "expires_at"] { td { (text(e, key)) } }
                        td {
                            @if text(e, "state") == "pending" && may_decide && text(e, "requester") != actor.account {
                                button data-call={ "/api/export/" (text(e, "id")) "/approve" } { (lang.say("批准", "Approve")) } " "
                                button data-call={ "/api/export/" (text(e, "id")) "/reject" } { (lang.say("驳回", "Reject")) }
                            }
                            @if text(e, "state") == "approved" && text(e, "requester") == actor.account {
                                a href={ "/api/export/" (text(e, "id")) "/file" } { (lang.say("下载", "Download")) }
                            }
                        }
                    }
                }
            }
        }
    };
    page(
        lang,
        lang.say("导出", "Exports"),
        Some(actor),
        vulnerable,
        &body,
    )
}

pub(super) fn staff(lang: Lang, actor: &Actor, vulnerable: bool, items: &[Value]) -> Markup {
    let body = html! {
        table {
            thead { tr {
                @for (zh, en) in [("账号", "Account"), ("姓名", "Name"), ("角色", "Role"), ("部门", "Department"), ("会话数", "Sessions"), ("停用", "Disabled"), ("", "")] {
                    th { (lang.say(zh, en)) }
                }
            } }
            tbody {
                @for s in items {
                    tr {
                        @for key in ["account", "display_name", "role", "department", "sessions", "disabled_at"] { td { (text(s, key)) } }
                        td {
                            @if s["disabled"] == true {
                                button data-call={ "/api/admin/staff/" (text(s, "account")) "/enable" } { (lang.say("启用", "Enable")) }
                            } @else if text(s, "account") != actor.account {
                                button data-call={ "/api/admin/staff/" (text(s, "account")) "/disable" } { (lang.say("停用", "Disable")) }
                            }
                        }
                    }
                }
            }
        }
    };
    page(
        lang,
        lang.say("员工与权限", "Staff"),
        Some(actor),
        vulnerable,
        &body,
    )
}

pub(super) fn error(zh: &str, en: &str) -> Markup {
    let body = html! { p { (en) } p { a href="/" { "返回 / back" } } };
    page(Lang::Zh, zh, None, false, &body)
}

/// Links to the neighbouring pages that keep the filter.
fn pager<T>(lang: Lang, listed: &Listed<T>, keep: &[(&str, &str)]) -> Markup {
    let last = (listed.total + listed.size - 1) / listed.size.max(1);
    let link = |to: i64| {
        let mut href = format!("?page={to}&size={}", listed.size);
        for (key, value) in keep.iter().filter(|(_, value)| !value.is_empty()) {
            href.push_str(&format!("&{key}={}", query_value(value)));
        }
        href
    };
    html! {
        p {
            (lang.say("共", "total")) " " (listed.total) " · " (listed.page) " / " (last.max(1)) " "
            @if listed.page > 1 { a rel="prev" href=(link(listed.page - 1)) { (lang.say("上一页", "Previous")) } " " }
            @if listed.page < last { a rel="next" href=(link(listed.page + 1)) { (lang.say("下一页", "Next")) } }
        }
    }
}

/// Percent-encodes everything but letters and digits.
fn query_value(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// A JSON field as text; null is empty.
fn text(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
