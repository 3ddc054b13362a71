//! What names give away.

/// One segment of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// Part of the program.
    Word(String),
    /// An identifier: it varies.
    Value,
    /// Everything below.
    Rest,
}

/// Tells a word of the program from an identifier. In doubt it is an identifier, since a proposal never shows values.
pub(crate) fn segment(text: &str) -> Segment {
    let word = text.len() <= 48
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && !varies(text);
    if word {
        Segment::Word(text.to_owned())
    } else {
        Segment::Value
    }
}

/// Numbers, UUIDs, hexadecimal digests, long tokens.
fn varies(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let version = text.len() <= 5
        && text.starts_with(['v', 'V'])
        && text[1..]
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.'));
    if version {
        return false;
    }
    let hexadecimal = text
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    letters == 0
        || digits >= 4
        || (hexadecimal && digits > 0 && text.len() >= 8)
        || (digits > 0 && text.len() >= 16)
        || (text.len() >= 24 && text.bytes().any(|byte| byte.is_ascii_uppercase()) && digits > 0)
}

/// A text that a program wrote and not a person: safe to show.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && text.bytes().filter(u8::is_ascii_digit).count() < 4
}

/// Segments that lead to a module and are none.
const PREFIXES: &[&str] = &[
    "api",
    "rest",
    "rpc",
    "app",
    "web",
    "index.php",
    "index.jsp",
    "service",
    "services",
    "crm",
    "scrm",
    "rpc.php",
    "dashboard",
    "backend",
    "prod-api",
    "dev-api",
    "open",
    "data",
    "model",
    "wizard",
    "report",
    "json",
    "jsonrpc",
    "odata",
    "main",
    "portal",
    "accounts",
];

/// Words that all mean the log-in.
const LOGIN: &[&str] = &[
    "auth",
    "login",
    "logout",
    "signin",
    "signout",
    "session",
    "sessions",
    "oauth",
    "oauth2",
    "sso",
    "authenticate",
    "common",
    "captcha",
];

/// Chinese names of well-known modules.
const TITLES: &[(&str, &str)] = &[
    ("customers", "客户"),
    ("contacts", "联系人"),
    ("partners", "往来单位"),
    ("parties", "往来单位"),
    ("accounts", "客户公司"),
    ("leads", "线索"),
    ("orders", "订单"),
    ("sales", "销售"),
    ("chats", "会话"),
    ("messages", "消息"),
    ("conversations", "会话"),
    ("exports", "导出"),
    ("campaigns", "群发活动"),
    ("tickets", "工单"),
    ("cases", "工单"),
    ("tags", "标签"),
    ("follows", "跟进"),
    ("transfers", "离职继承"),
    ("admins", "管理"),
    ("users", "用户"),
    ("staffs", "员工"),
    ("employees", "员工"),
    ("products", "产品"),
    ("invoices", "发票"),
    ("files", "文件"),
    ("uploads", "上传"),
    ("downloads", "下载"),
    ("reports", "报表"),
    ("stats", "统计"),
    ("members", "会员"),
    ("login", "登录"),
    ("static", "静态文件"),
    ("home", "首页"),
];

/// What a module is called: one word in the plural, so that `/api/customer` and `/customers` are one.
pub(crate) fn module(word: &str) -> String {
    if is_static(word) {
        return "static".to_owned();
    }
    let word = word.to_ascii_lowercase().replace(['.', '_'], "-");
    if LOGIN.contains(&word.as_str()) {
        return "login".to_owned();
    }
    if word == "home" || word == "static" {
        return word;
    }
    if let Some(stem) = word.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'o', 'u'])
        && !stem.is_empty()
    {
        return format!("{stem}ies");
    }
    if word.ends_with('s') {
        word
    } else {
        format!("{word}s")
    }
}

pub(crate) fn title(module: &str) -> &str {
    TITLES
        .iter()
        .find(|(id, _)| *id == module)
        .map_or(module, |(_, title)| title)
}

/// Whether a segment of a path only leads to a module.
pub(crate) fn is_prefix(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let version = word.starts_with('v')
        && word.len() > 1
        && word[1..]
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.'));
    version || PREFIXES.contains(&word.as_str())
}

pub(crate) fn is_static(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    matches!(
        word.as_str(),
        "static" | "assets" | "dist" | "css" | "js" | "img" | "images" | "fonts" | "themes"
    ) || word.rsplit_once('.').is_some_and(|(_, end)| {
        matches!(
            end,
            "css"
                | "js"
                | "mjs"
                | "map"
                | "png"
                | "jpg"
                | "jpeg"
                | "gif"
                | "svg"
                | "ico"
                | "woff"
                | "woff2"
                | "ttf"
        )
    })
}

fn speaks_of(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

pub(crate) fn is_export(text: &str) -> bool {
    speaks_of(text, &["export", "download", "transcript", ".csv", ".xls"])
}

pub(crate) fn is_logout(text: &str) -> bool {
    speaks_of(
        text,
        &[
            "logout",
            "sign_out",
            "signout",
            "sign-out",
            "logoff",
            "destroyauthtoken",
        ],
    )
}

pub(crate) fn is_reset(text: &str) -> bool {
    speaks_of(
        text,
        &["password", "passwd", "resetpwd", "updatepwd", "changepwd"],
    )
}

/// An RPC method that only reads, by its last word.
pub(crate) fn only_reads(method: &str) -> bool {
    let last = method
        .rsplit('.')
        .next()
        .unwrap_or(method)
        .to_ascii_lowercase();
    [
        "read", "search", "get", "list", "find", "query", "count", "fields", "export", "name_",
        "view",
    ]
    .iter()
    .any(|word| last.starts_with(word) || last.ends_with("_read"))
}

/// Parameters that name a module, the best first.
pub(crate) const ROUTING: &[&str] = &[
    "entryPoint",
    "module",
    "mod",
    "option",
    "controller",
    "route",
    "r",
    "m",
    "c",
    "do",
];

/// Whether a routing parameter is believed on this path. A short name is only where scripts route by it; elsewhere it
/// may be a search, and its values a person's name.
pub(crate) fn routes_by(name: &str, last: Option<&str>) -> bool {
    let script = last.is_none_or(|last| {
        let last = last.to_ascii_lowercase();
        [".php", ".jsp", ".do", ".aspx"]
            .iter()
            .any(|end| last.ends_with(end))
    });
    script || name.len() > 3
}

/// Names of a field that counts the customer, the best first.
pub(crate) const SUBJECTS: &[&str] = &[
    "external_userid",
    "externaluserid",
    "customer_id",
    "customerid",
    "contact_id",
    "contactid",
    "party",
    "partner_id",
    "member_id",
    "memberid",
    "client_id",
    "unionid",
    "openid",
    "id",
    "data-customer-id",
];

/// Names of a field that tells to which account a row belongs.
pub(crate) const OWNERS: &[&str] = &[
    "owner",
    "owner_id",
    "ownerid",
    "assigned_user_id",
    "assigneduserid",
    "salesperson",
    "sales_id",
    "follow_user",
    "followuserid",
    "firstuserid",
    "belong_to",
];

/// Names of the field that holds the account at a log-in, the best first.
pub(crate) const ACCOUNTS: &[&str] = &[
    "account",
    "login",
    "username",
    "user_name",
    "user",
    "loginname",
    "email",
    "mobile",
    "phone",
];

/// Names of the field that holds the password at a log-in.
pub(crate) const PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "pass",
    "user_password",
    "username_password",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_identifiers() {
        for word in [
            "api",
            "v1",
            "v4_1",
            "customer",
            "party.party",
            "index.php",
            "web2",
        ] {
            assert_eq!(segment(word), Segment::Word(word.to_owned()), "{word}");
        }
        for value in [
            "7",
            "100001",
            "550e8400-e29b-41d4-a716-446655440000",
            "deadbeef01",
            "张三",
            "a@b.cn",
            "13800000001",
            "wmABCD1234efgh",
            "c0ffee00",
        ] {
            assert_eq!(segment(value), Segment::Value, "{value}");
        }
    }

    #[test]
    fn one_module_has_one_name() {
        assert_eq!(module("customer"), module("Customers"));
        assert_eq!(module("party"), "parties");
        assert_eq!(module("signin"), "login");
        assert_eq!(module("app.js"), "static");
    }
}
