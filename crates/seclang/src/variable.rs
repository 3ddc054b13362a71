//! The names of what rules can look at.

use crate::error::LoadErrorKind;

macro_rules! variables {
    ($( $name:ident $text:literal $collection:literal ),* $(,)?) => {
        /// A variable of the language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(clippy::enum_variant_names, reason = "the names are the language's")]
        pub(crate) enum Var { $( $name ),* }

        impl Var {
            /// The name as rules write it.
            pub(crate) fn name(self) -> &'static str {
                match self { $( Self::$name => $text ),* }
            }

            /// Whether it has entries with names.
            pub(crate) fn is_collection(self) -> bool {
                match self { $( Self::$name => $collection ),* }
            }

            #[cfg(test)]
            const ALL: &'static [Self] = &[ $( Self::$name ),* ];

            fn lookup(upper: &str) -> Option<Self> {
                match upper { $( $text => Some(Self::$name), )* _ => None }
            }
        }
    };
}

variables! {
    Args "ARGS" true,
    ArgsCombinedSize "ARGS_COMBINED_SIZE" false,
    ArgsGet "ARGS_GET" true,
    ArgsGetNames "ARGS_GET_NAMES" true,
    ArgsNames "ARGS_NAMES" true,
    ArgsPost "ARGS_POST" true,
    ArgsPostNames "ARGS_POST_NAMES" true,
    AuthType "AUTH_TYPE" false,
    Duration "DURATION" false,
    Env "ENV" true,
    Files "FILES" true,
    FilesCombinedSize "FILES_COMBINED_SIZE" false,
    FilesNames "FILES_NAMES" true,
    FilesSizes "FILES_SIZES" true,
    FilesTmpContent "FILES_TMP_CONTENT" true,
    FilesTmpnames "FILES_TMPNAMES" true,
    FullRequest "FULL_REQUEST" false,
    FullRequestLength "FULL_REQUEST_LENGTH" false,
    Geo "GEO" true,
    Global "GLOBAL" true,
    HighestSeverity "HIGHEST_SEVERITY" false,
    InboundDataError "INBOUND_DATA_ERROR" false,
    Ip "IP" true,
    MatchedVar "MATCHED_VAR" false,
    MatchedVarName "MATCHED_VAR_NAME" false,
    MatchedVars "MATCHED_VARS" true,
    MatchedVarsNames "MATCHED_VARS_NAMES" true,
    ModsecBuild "MODSEC_BUILD" false,
    MscPcreLimitsExceeded "MSC_PCRE_LIMITS_EXCEEDED" false,
    MultipartBoundaryQuoted "MULTIPART_BOUNDARY_QUOTED" false,
    MultipartBoundaryWhitespace "MULTIPART_BOUNDARY_WHITESPACE" false,
    MultipartCrlfLfLines "MULTIPART_CRLF_LF_LINES" false,
    MultipartDataAfter "MULTIPART_DATA_AFTER" false,
    MultipartDataBefore "MULTIPART_DATA_BEFORE" false,
    MultipartFileLimitExceeded "MULTIPART_FILE_LIMIT_EXCEEDED" false,
    MultipartFilename "MULTIPART_FILENAME" true,
    MultipartHeaderFolding "MULTIPART_HEADER_FOLDING" false,
    MultipartInvalidHeaderFolding "MULTIPART_INVALID_HEADER_FOLDING" false,
    MultipartInvalidPart "MULTIPART_INVALID_PART" false,
    MultipartInvalidQuoting "MULTIPART_INVALID_QUOTING" false,
    MultipartLfLine "MULTIPART_LF_LINE" false,
    MultipartMissingSemicolon "MULTIPART_MISSING_SEMICOLON" false,
    MultipartName "MULTIPART_NAME" true,
    MultipartPartHeaders "MULTIPART_PART_HEADERS" true,
    MultipartStrictError "MULTIPART_STRICT_ERROR" false,
    MultipartUnmatchedBoundary "MULTIPART_UNMATCHED_BOUNDARY" false,
    OutboundDataError "OUTBOUND_DATA_ERROR" false,
    PathInfo "PATH_INFO" false,
    QueryString "QUERY_STRING" false,
    RemoteAddr "REMOTE_ADDR" false,
    RemoteHost "REMOTE_HOST" false,
    RemotePort "REMOTE_PORT" false,
    RemoteUser "REMOTE_USER" false,
    ReqbodyError "REQBODY_ERROR" false,
    ReqbodyErrorMsg "REQBODY_ERROR_MSG" false,
    ReqbodyProcessor "REQBODY_PROCESSOR" false,
    ReqbodyProcessorError "REQBODY_PROCESSOR_ERROR" false,
    ReqbodyProcessorErrorMsg "REQBODY_PROCESSOR_ERROR_MSG" false,
    RequestBasename "REQUEST_BASENAME" false,
    RequestBody "REQUEST_BODY" false,
    RequestBodyLength "REQUEST_BODY_LENGTH" false,
    RequestCookies "REQUEST_COOKIES" true,
    RequestCookiesNames "REQUEST_COOKIES_NAMES" true,
    RequestFilename "REQUEST_FILENAME" false,
    RequestHeaders "REQUEST_HEADERS" true,
    RequestHeadersNames "REQUEST_HEADERS_NAMES" true,
    RequestLine "REQUEST_LINE" false,
    RequestMethod "REQUEST_METHOD" false,
    RequestProtocol "REQUEST_PROTOCOL" false,
    RequestUri "REQUEST_URI" false,
    RequestUriRaw "REQUEST_URI_RAW" false,
    Resource "RESOURCE" true,
    ResponseBody "RESPONSE_BODY" false,
    ResponseContentLength "RESPONSE_CONTENT_LENGTH" false,
    ResponseContentType "RESPONSE_CONTENT_TYPE" false,
    ResponseHeaders "RESPONSE_HEADERS" true,
    ResponseHeadersNames "RESPONSE_HEADERS_NAMES" true,
    ResponseProtocol "RESPONSE_PROTOCOL" false,
    ResponseStatus "RESPONSE_STATUS" false,
    Rule "RULE" true,
    ServerAddr "SERVER_ADDR" false,
    ServerName "SERVER_NAME" false,
    ServerPort "SERVER_PORT" false,
    Session "SESSION" true,
    SessionId "SESSIONID" false,
    StatusLine "STATUS_LINE" false,
    Time "TIME" false,
    TimeDay "TIME_DAY" false,
    TimeEpoch "TIME_EPOCH" false,
    TimeHour "TIME_HOUR" false,
    TimeMin "TIME_MIN" false,
    TimeMon "TIME_MON" false,
    TimeSec "TIME_SEC" false,
    TimeWday "TIME_WDAY" false,
    TimeYear "TIME_YEAR" false,
    Tx "TX" true,
    UniqueId "UNIQUE_ID" false,
    UrlencodedError "URLENCODED_ERROR" false,
    User "USER" true,
    UserId "USERID" false,
    WebappId "WEBAPPID" false,
    Xml "XML" true,
}

impl Var {
    pub(crate) fn parse(name: &str) -> Result<Self, LoadErrorKind> {
        let upper = name.trim().to_ascii_uppercase();
        let found = match upper.as_str() {
            // The older spellings mean the same.
            "RESPONSE_BODY_LENGTH" => Some(Self::ResponseContentLength),
            "STATUS" => Some(Self::ResponseStatus),
            "REQBODY_PROCESSOR_ERROR_MESSAGE" => Some(Self::ReqbodyProcessorErrorMsg),
            other => Self::lookup(other),
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let (what, reason) = match upper.as_str() {
            "SCRIPT_BASENAME" | "SCRIPT_FILENAME" | "SCRIPT_GID" | "SCRIPT_GROUPNAME"
            | "SCRIPT_MODE" | "SCRIPT_UID" | "SCRIPT_USERNAME" => (
                "variable",
                "it needs the file that Apache would run; a gateway has none: remove the rule",
            ),
            "PERF_ALL"
            | "PERF_COMBINED"
            | "PERF_GC"
            | "PERF_LOGGING"
            | "PERF_PHASE1"
            | "PERF_PHASE2"
            | "PERF_PHASE3"
            | "PERF_PHASE4"
            | "PERF_PHASE5"
            | "PERF_RULES"
            | "PERF_SREAD"
            | "PERF_SWRITE"
            | "STREAM_INPUT_BODY"
            | "STREAM_OUTPUT_BODY"
            | "USERAGENT_IP"
            | "WEBSERVER_ERROR_LOG" => (
                "variable",
                "it exists in ModSecurity v2 only: remove the rule",
            ),
            "JSON" => (
                "variable",
                "JSON bodies fill ARGS with names like `json.a.b`: use ARGS",
            ),
            _ => {
                return Err(LoadErrorKind::Unknown {
                    what: "variable",
                    name: name.to_owned(),
                    hint: " (docs/reference/seclang.md lists them)",
                });
            }
        };
        Err(LoadErrorKind::Unsupported {
            what,
            name: name.to_owned(),
            reason,
        })
    }

    /// Filled once from the message and never changed by rules: its values may be judged ahead.
    pub(crate) fn is_message(self) -> bool {
        !matches!(
            self,
            Self::Tx
                | Self::Ip
                | Self::Session
                | Self::User
                | Self::Global
                | Self::Resource
                | Self::Env
                | Self::Geo
                | Self::Rule
                | Self::MatchedVar
                | Self::MatchedVarName
                | Self::MatchedVars
                | Self::MatchedVarsNames
                | Self::HighestSeverity
                | Self::Duration
                | Self::SessionId
                | Self::UserId
                | Self::WebappId
                | Self::ReqbodyProcessor
        )
    }

    /// Rules fill and change it, and it has named entries.
    pub(crate) fn is_writable(self) -> bool {
        matches!(
            self,
            Self::Tx | Self::Ip | Self::Session | Self::User | Self::Global | Self::Resource
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_variable() {
        let reference = include_str!("../../../docs/reference/seclang.md");
        for var in Var::ALL {
            assert!(
                reference.contains(&format!("`{}`", var.name())),
                "{}",
                var.name()
            );
            assert_eq!(Var::parse(&var.name().to_lowercase()).ok(), Some(*var));
        }
    }
}
