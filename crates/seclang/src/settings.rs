//! What directives set for a whole rule set.

use crate::error::LoadErrorKind;

/// Whether rules decide, only tell, or sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Rules run and block.
    On,
    /// Rules run and tell what they would have done.
    DetectionOnly,
    /// No rule runs.
    Off,
}

impl Mode {
    pub(crate) fn parse(text: &str) -> Result<Self, LoadErrorKind> {
        match text.to_ascii_lowercase().as_str() {
            "on" => Ok(Self::On),
            "detectiononly" => Ok(Self::DetectionOnly),
            "off" => Ok(Self::Off),
            _ => Err(LoadErrorKind::value(
                "SecRuleEngine",
                text,
                "On, DetectionOnly or Off",
            )),
        }
    }
}

/// How the score of the rules becomes a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judging {
    /// The rules decide alone, as in ModSecurity.
    #[default]
    Exact,
    /// A value must also be a valid piece of what a rule takes it for; a valid attack counts without a rule.
    Balanced,
    /// As balanced, and weaker evidence counts too.
    Strict,
}

/// Which transactions the audit log takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditMode {
    /// All.
    On,
    /// Those with a match that asks for it, or a status that is of interest.
    RelevantOnly,
    /// None.
    Off,
}

impl AuditMode {
    pub(crate) fn parse(text: &str) -> Result<Self, LoadErrorKind> {
        match text.to_ascii_lowercase().as_str() {
            "on" => Ok(Self::On),
            "relevantonly" => Ok(Self::RelevantOnly),
            "off" => Ok(Self::Off),
            _ => Err(LoadErrorKind::value(
                "SecAuditEngine",
                text,
                "On, RelevantOnly or Off",
            )),
        }
    }
}

/// What to do with a body that is longer than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverLimit {
    /// Refuse the message.
    Reject,
    /// Judge the part that fits.
    ProcessPartial,
}

/// The settings of a rule set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `SecRuleEngine`
    pub mode: Mode,
    /// `SecRequestBodyAccess`
    pub request_body_access: bool,
    /// `SecResponseBodyAccess`
    pub response_body_access: bool,
    /// `SecRequestBodyLimit`: bytes of a request body, files included.
    pub request_body_limit: usize,
    /// `SecRequestBodyNoFilesLimit`: bytes of a request body without its files.
    pub request_body_no_files_limit: usize,
    /// `SecRequestBodyLimitAction`
    pub request_body_over: OverLimit,
    /// `SecRequestBodyJsonDepthLimit`
    pub json_depth_limit: usize,
    /// `SecArgumentsLimit`: arguments, parts, cookies and JSON values.
    pub arguments_limit: usize,
    /// `SecUploadFileLimit`
    pub upload_file_limit: usize,
    /// `SecResponseBodyLimit`
    pub response_body_limit: usize,
    /// `SecResponseBodyLimitAction`
    pub response_body_over: OverLimit,
    /// `SecResponseBodyMimeType`, in lower case.
    pub response_mime_types: Vec<String>,
    /// `SecArgumentSeparator`
    pub argument_separator: u8,
    /// `SecCollectionTimeout`, seconds.
    pub collection_timeout: i64,
    /// `SecAuditEngine`
    pub audit: AuditMode,
    /// `SecAuditLogParts`
    pub audit_parts: String,
    /// `SecAuditLogRelevantStatus`
    pub audit_relevant_status: Option<String>,
    /// `SecComponentSignature`
    pub components: Vec<String>,
    /// `SecWebAppId`
    pub web_app_id: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Off,
            request_body_access: false,
            response_body_access: false,
            request_body_limit: 13_107_200,
            request_body_no_files_limit: 131_072,
            request_body_over: OverLimit::Reject,
            json_depth_limit: 512,
            arguments_limit: 1000,
            upload_file_limit: 100,
            response_body_limit: 524_288,
            response_body_over: OverLimit::ProcessPartial,
            response_mime_types: vec!["text/plain".into(), "text/html".into(), "text/xml".into()],
            argument_separator: b'&',
            collection_timeout: 3600,
            audit: AuditMode::Off,
            audit_parts: "ABIJDEFHZ".into(),
            audit_relevant_status: None,
            components: Vec::new(),
            web_app_id: "default".into(),
        }
    }
}
