//! Kinds of vulnerability, and what the kind alone lets one expect.

use serde::{Deserialize, Serialize};

use super::facts::Impact;

/// What kind of vulnerability it is. The order is that of [`Kind::of_title`]: the first that fits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Commands or code of the attacker run.
    Command,
    /// Objects are made from the attacker's bytes.
    Deserialization,
    /// SQL of the attacker runs.
    Sql,
    /// The attacker's file becomes part of the application.
    Upload,
    /// Memory is read or written out of bounds.
    Memory,
    /// An XML parser follows external entities.
    Xxe,
    /// The server asks what the attacker tells it to ask.
    Ssrf,
    /// Files outside the folder.
    Path,
    /// A login is not needed or goes round.
    Authentication,
    /// Rights beyond one's own.
    Authorization,
    /// Weak, default or built-in passwords.
    Credential,
    /// Information leaks.
    Disclosure,
    /// It stops or slows down.
    Denial,
    /// The attacker's script in the victim's browser.
    Xss,
    /// The victim's browser asks on the attacker's behalf.
    Csrf,
    /// The victim is sent elsewhere.
    Redirect,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Command,
        Self::Deserialization,
        Self::Sql,
        Self::Upload,
        Self::Memory,
        Self::Xxe,
        Self::Ssrf,
        Self::Path,
        Self::Authentication,
        Self::Authorization,
        Self::Credential,
        Self::Disclosure,
        Self::Denial,
        Self::Xss,
        Self::Csrf,
        Self::Redirect,
    ];

    /// By Chinese or English words of a title.
    pub fn of_title(title: &str) -> Option<Self> {
        // Titles are one line; what comes after is no title.
        let title: String = title.chars().take(500).collect::<String>().to_lowercase();
        Self::ALL
            .into_iter()
            .find(|kind| kind.row().words.iter().any(|word| title.contains(word)))
    }

    /// By a CWE number: `89` for CWE-89.
    pub fn of_cwe(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.row().cwes.contains(&number))
    }

    /// The worst of several kinds, in the order of [`Kind::ALL`].
    pub fn worst(kinds: impl IntoIterator<Item = Self>) -> Option<Self> {
        let kinds: Vec<Self> = kinds.into_iter().collect();
        Self::ALL.into_iter().find(|kind| kinds.contains(kind))
    }

    /// Chinese and English name.
    pub const fn names(self) -> (&'static str, &'static str) {
        let row = self.row();
        (row.zh, row.en)
    }

    /// Whether it can be automated, where at least 85 in a hundred of its kind agree.
    pub fn automatable(self) -> Option<bool> {
        let row = self.row();
        clear(row.automatable, row.records)
    }

    /// Its technical impact, where at least 85 in a hundred of its kind agree.
    pub fn impact(self) -> Option<Impact> {
        let row = self.row();
        clear(row.total, row.records).map(|total| {
            if total {
                Impact::Total
            } else {
                Impact::Partial
            }
        })
    }

    #[rustfmt::skip]
    const fn row(self) -> KindRow {
        match self {
            Self::Command => KindRow { zh: "命令或代码执行", en: "command or code execution", records: 65, automatable: 22, total: 58,
                cwes: &[77, 78, 88, 94, 95, 1336],
                words: &["命令执行", "代码执行", "命令注入", "代码注入", "模板注入", "表达式注入", "command injection", "command execution",
                    "code execution", "code injection", "template injection", "arbitrary code", "arbitrary command"] },
            Self::Deserialization => KindRow { zh: "反序列化", en: "deserialization", records: 29, automatable: 6, total: 19,
                cwes: &[502], words: &["反序列化", "deserialization", "deserialisation"] },
            Self::Sql => KindRow { zh: "SQL 注入", en: "SQL injection", records: 82, automatable: 22, total: 33,
                cwes: &[89, 564], words: &["sql注入", "sql 注入", "sql injection"] },
            Self::Upload => KindRow { zh: "文件上传", en: "file upload", records: 30, automatable: 5, total: 15,
                cwes: &[434], words: &["文件上传", "任意上传", "file upload", "unrestricted upload"] },
            Self::Memory => KindRow { zh: "内存越界", en: "memory out of bounds", records: 134, automatable: 24, total: 83,
                cwes: &[119, 120, 121, 122, 125, 126, 190, 415, 416, 787, 843],
                words: &["缓冲区溢出", "堆溢出", "栈溢出", "整数溢出", "越界", "释放后重用", "内存破坏", "buffer overflow", "out-of-bounds",
                    "use after free", "use-after-free", "integer overflow", "memory corruption"] },
            Self::Xxe => KindRow { zh: "XML 外部实体", en: "XML external entity", records: 1, automatable: 0, total: 1,
                cwes: &[611], words: &["xml外部实体", "xxe", "xml external entit"] },
            Self::Ssrf => KindRow { zh: "服务端请求伪造", en: "server-side request forgery", records: 16, automatable: 3, total: 3,
                cwes: &[918], words: &["服务端请求伪造", "服务器端请求伪造", "ssrf", "server-side request forgery"] },
            Self::Path => KindRow { zh: "路径遍历", en: "path traversal", records: 57, automatable: 18, total: 25,
                cwes: &[22, 23, 24, 35, 36, 73, 98],
                words: &["路径遍历", "目录遍历", "文件读取", "文件下载", "文件包含", "文件删除", "path traversal", "directory traversal",
                    "file inclusion", "arbitrary file"] },
            Self::Authentication => KindRow { zh: "身份验证绕过", en: "authentication bypass", records: 33, automatable: 16, total: 14,
                cwes: &[287, 288, 290, 294, 305, 306],
                words: &["身份验证绕过", "身份认证绕过", "认证绕过", "登录绕过", "未授权访问", "authentication bypass", "missing authentication",
                    "improper authentication", "unauthenticated access"] },
            Self::Authorization => KindRow { zh: "越权", en: "authorization bypass", records: 129, automatable: 45, total: 57,
                cwes: &[250, 266, 268, 269, 276, 284, 285, 639, 732, 862, 863],
                words: &["权限提升", "越权", "权限绕过", "访问控制", "提权", "privilege escalation", "access control", "missing authorization",
                    "authorization bypass"] },
            Self::Credential => KindRow { zh: "弱口令或硬编码口令", en: "weak or built-in password", records: 6, automatable: 4, total: 2,
                cwes: &[259, 521, 522, 798, 1392, 1393],
                words: &["弱口令", "默认口令", "默认密码", "硬编码", "hard-coded", "hardcoded", "default password", "default credential",
                    "weak password"] },
            Self::Disclosure => KindRow { zh: "信息泄露", en: "information disclosure", records: 44, automatable: 18, total: 6,
                cwes: &[200, 201, 203, 209, 359, 497, 532, 538],
                words: &["信息泄露", "信息泄漏", "数据泄露", "information disclosure", "information exposure", "information leak"] },
            Self::Denial => KindRow { zh: "拒绝服务", en: "denial of service", records: 51, automatable: 21, total: 3,
                cwes: &[400, 404, 476, 674, 770, 835, 1333],
                words: &["拒绝服务", "资源耗尽", "denial of service", "denial-of-service", "resource exhaustion"] },
            Self::Xss => KindRow { zh: "跨站脚本", en: "cross-site scripting", records: 189, automatable: 2, total: 14,
                cwes: &[79, 80, 87], words: &["跨站脚本", "xss", "cross-site scripting", "cross site scripting"] },
            Self::Csrf => KindRow { zh: "跨站请求伪造", en: "cross-site request forgery", records: 47, automatable: 1, total: 6,
                cwes: &[352], words: &["跨站请求伪造", "csrf", "cross-site request forgery", "cross site request forgery"] },
            Self::Redirect => KindRow { zh: "开放重定向", en: "open redirect", records: 10, automatable: 0, total: 3,
                cwes: &[601], words: &["开放重定向", "url重定向", "url跳转", "open redirect"] },
        }
    }
}

/// A kind: its words, and how many of the records of that kind CISA found automatable and of total impact. Measured on the
/// 2,698 records with SSVC values of the test data `cve5` (CISA vulnrichment, 2024), 2026-11-30.
struct KindRow {
    zh: &'static str,
    en: &'static str,
    records: u32,
    automatable: u32,
    total: u32,
    cwes: &'static [u32],
    words: &'static [&'static str],
}

/// So many in a hundred must agree before the kind alone settles a value.
const CLEAR: u32 = 85;
/// Fewer records than this settle nothing.
const FEWEST: u32 = 10;

fn clear(yes: u32, all: u32) -> Option<bool> {
    if all < FEWEST {
        return None;
    }
    if yes * 100 >= all * CLEAR {
        return Some(true);
    }
    ((all - yes) * 100 >= all * CLEAR).then_some(false)
}
