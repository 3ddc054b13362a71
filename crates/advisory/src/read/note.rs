//! What was understood with a loss.

use std::fmt;

use serde::Serialize;

/// A loss that is no refusal. Each is counted in the [`Tally`](super::Tally).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Links and special files not followed.
    Link,
    /// Files with another ending left out.
    OtherFile,
    /// Events that can't be read taken as unknown.
    Events,
    /// Products without versions taken as unknown.
    NoVersions,
    /// EPSS files without a model or a day.
    EpssHead,
    /// CPE names that can't be read.
    Cpe,
    /// Ranges that hold no version taken as unknown.
    EmptyRange,
    /// Versions that can't be read taken as unknown.
    Version,
    /// Statuses that can't be read taken as unknown.
    Status,
    /// Products beyond the limit of a record left out.
    Products,
    /// Times that can't be read.
    Time,
    /// Negated configurations taken as unknown.
    Negated,
    /// Entries of lists beyond their limit left out.
    List,
    /// Versions beyond the limit of a record taken as unknown.
    Versions,
    /// CSAF documents without a vulnerability.
    NoVulnerability,
    /// CSAF relationships and statuses of products that the tree lacks left out.
    NoProduct,
    /// CSAF components that are optional taken as present.
    Optional,
    /// CSAF relationships that go too deep left out.
    Deep,
    /// Package names and URLs that are empty or too long left out.
    Name,
    /// Titles, summaries and remediations cut.
    Text,
}

impl Note {
    /// In English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::Link => "links and special files not followed",
            Self::OtherFile => "files with another ending left out",
            Self::Events => "events that can't be read taken as unknown",
            Self::NoVersions => "products without versions taken as unknown",
            Self::EpssHead => "EPSS files without a model or a day",
            Self::Cpe => "CPE names that can't be read",
            Self::EmptyRange => "ranges that hold no version taken as unknown",
            Self::Version => "versions that can't be read taken as unknown",
            Self::Status => "statuses that can't be read taken as unknown",
            Self::Products => "products beyond the limit of a record left out",
            Self::Time => "times that can't be read",
            Self::Negated => "negated configurations taken as unknown",
            Self::List => "entries of lists beyond their limit left out",
            Self::Versions => "versions beyond the limit of a record taken as unknown",
            Self::NoVulnerability => "CSAF documents without a vulnerability",
            Self::NoProduct => {
                "CSAF relationships and statuses of products that the tree lacks left out"
            }
            Self::Optional => "CSAF components that are optional taken as present",
            Self::Deep => "CSAF relationships that go too deep left out",
            Self::Name => "package names and URLs that are empty or too long left out",
            Self::Text => "titles, summaries and remediations cut",
        }
    }

    /// In Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Link => "链接与特殊文件未跟随",
            Self::OtherFile => "其他后缀的文件未读",
            Self::Events => "读不懂的事件按未知处理",
            Self::NoVersions => "未给版本的产品按未知处理",
            Self::EpssHead => "未写模型或日期的 EPSS 文件",
            Self::Cpe => "读不懂的 CPE 名称",
            Self::EmptyRange => "不含任何版本的区间按未知处理",
            Self::Version => "读不懂的版本按未知处理",
            Self::Status => "读不懂的状态按未知处理",
            Self::Products => "超出单条上限的产品未读",
            Self::Time => "读不懂的时间",
            Self::Negated => "取反的配置按未知处理",
            Self::List => "超出上限的列表条目未读",
            Self::Versions => "超出单条上限的版本按未知处理",
            Self::NoVulnerability => "不含漏洞的 CSAF 文档",
            Self::NoProduct => "产品树中没有的产品，其关系或状态未读",
            Self::Optional => "可选的 CSAF 组件按存在处理",
            Self::Deep => "过深的 CSAF 关系未读",
            Self::Name => "空的或过长的包名、包地址未读",
            Self::Text => "标题、摘要或处置建议被截断",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.en())
    }
}
