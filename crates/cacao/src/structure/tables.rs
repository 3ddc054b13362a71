//! The structural rules as tables, one record for each OASIS schema.

use super::check::{Record, Rule};
use super::names::{is_contact_key, is_mac, of, one_of_types};

pub(super) static PLAYBOOK: Record = Record {
    base: None,
    fields: &[
        ("type", Rule::Enum(&["playbook"])),
        ("spec_version", Rule::Enum(&["cacao-2.0"])),
        ("id", Rule::Id),
        ("name", Rule::Text),
        ("description", Rule::Text),
        ("playbook_types", Rule::List(&Rule::Text, 0)),
        ("playbook_activities", Rule::List(&Rule::Text, 1)),
        ("playbook_processing_summary", Rule::Record(&SUMMARY)),
        ("created_by", Rule::Id),
        ("created", Rule::Time),
        ("modified", Rule::Time),
        ("revoked", Rule::Bool),
        ("valid_from", Rule::Time),
        ("valid_until", Rule::Time),
        ("derived_from", Rule::List(&Rule::Id, 1)),
        ("related_to", Rule::List(&Rule::Id, 1)),
        ("priority", PERCENT),
        ("severity", PERCENT),
        ("impact", PERCENT),
        ("industry_sectors", Rule::List(&Rule::Text, 1)),
        ("labels", Rule::List(&Rule::Text, 1)),
        ("external_references", Rule::List(&REFERENCE, 1)),
        ("markings", Rule::List(&Rule::Id, 1)),
        ("playbook_variables", VARIABLES),
        ("workflow_start", Rule::Id),
        ("workflow_exception", Rule::Id),
        (
            "workflow",
            Rule::Map(|key| Some(Rule::Record(one_of_types(key, &STEPS)?)), 0),
        ),
        ("playbook_extensions", EXTENSIONS),
        (
            "authentication_info_definitions",
            Rule::Map(|key| Some(Rule::Record(one_of_types(key, &LOGINS)?)), 1),
        ),
        ("agent_definitions", AGENTS),
        ("target_definitions", AGENTS),
        (
            "extension_definitions",
            Rule::Map(
                |key| of(key, "extension-definition").then_some(Rule::Record(&EXTENSION)),
                0,
            ),
        ),
        (
            "data_marking_definitions",
            Rule::Map(|key| Some(Rule::Record(one_of_types(key, &MARKINGS)?)), 0),
        ),
        ("signatures", Rule::List(&Rule::Record(&SIGNATURE), 1)),
    ],
    required: &[
        "type",
        "spec_version",
        "id",
        "name",
        "created_by",
        "created",
        "modified",
        "workflow_start",
        "workflow",
    ],
    forbidden: &[],
    one_of: &[],
    open: false,
};

static STEP: Record = Record {
    base: None,
    fields: &[
        (
            "type",
            Rule::Enum(&[
                "start",
                "end",
                "action",
                "playbook-action",
                "parallel",
                "if-condition",
                "while-condition",
                "switch-condition",
            ]),
        ),
        ("name", Rule::Text),
        ("description", Rule::Text),
        ("external_references", Rule::List(&REFERENCE, 1)),
        ("delay", Rule::Integer(Some(1), None)),
        ("timeout", Rule::Integer(None, None)),
        ("step_variables", VARIABLES),
        ("owner", Rule::Id),
        ("on_completion", Rule::Id),
        ("on_success", Rule::Id),
        ("on_failure", Rule::Id),
        ("step_extensions", EXTENSIONS),
    ],
    required: &["type"],
    ..OPEN
};

static STEPS: [(&str, Record); 8] = [
    (
        "action",
        Record {
            base: Some(&STEP),
            fields: &[
                ("type", Rule::Enum(&["action"])),
                ("commands", Rule::List(&Rule::Command, 1)),
                ("agent", Rule::Id),
                ("targets", Rule::List(&Rule::Id, 1)),
                ("in_args", Rule::List(&Rule::Text, 1)),
                ("out_args", Rule::List(&Rule::Text, 1)),
            ],
            required: &["commands", "agent"],
            ..CLOSED
        },
    ),
    (
        "end",
        Record {
            base: Some(&STEP),
            fields: &[("type", Rule::Enum(&["end"]))],
            forbidden: &["on_completion", "on_success", "on_failure"],
            ..CLOSED
        },
    ),
    (
        "if-condition",
        Record {
            base: Some(&STEP),
            fields: &[
                ("type", Rule::Enum(&["if-condition"])),
                ("condition", Rule::Text),
                ("on_true", Rule::Id),
                ("on_false", Rule::Id),
            ],
            required: &["condition", "on_true"],
            ..CLOSED
        },
    ),
    (
        "parallel",
        Record {
            base: Some(&STEP),
            fields: &[
                ("type", Rule::Enum(&["parallel"])),
                ("next_steps", Rule::List(&Rule::Id, 2)),
            ],
            required: &["next_steps"],
            ..CLOSED
        },
    ),
    (
        "playbook-action",
        Record {
            base: Some(&STEP),
            fields: &[
                ("type", Rule::Enum(&["playbook-action"])),
                ("playbook_id", Rule::Id),
                ("playbook_version", Rule::Time),
                ("in_args", Rule::List(&Rule::Text, 1)),
                ("out_args", Rule::List(&Rule::Text, 1)),
            ],
            required: &["playbook_id"],
            ..CLOSED
        },
    ),
    (
        "start",
        Record {
            base: Some(&STEP),
            fields: &[("type", Rule::Enum(&["start"]))],
            forbidden: &["on_success", "on_failure"],
            ..CLOSED
        },
    ),
    (
        "switch-condition",
        Record {
            base: Some(&STEP),
            fields: &[
                ("type", Rule::Enum(&["switch-condition"])),
                ("switch", Rule::Text),
                ("cases", Rule::Map(|_| Some(Rule::Case), 0)),
            ],
            required: &["switch", "cases"],
            ..CLOSED
        },
    ),
    (
        "while-condition",
        Record {
            base: Some(&STEP),
            fields: &[
                ("type", Rule::Enum(&["while-condition"])),
                ("condition", Rule::Text),
                ("on_true", Rule::Id),
            ],
            required: &["condition", "on_true"],
            ..CLOSED
        },
    ),
];

/// What every command has.
pub(super) static COMMAND: Record = Record {
    fields: &[
        ("type", Rule::Text),
        ("description", Rule::Text),
        ("version", Rule::Text),
        ("playbook_activity", Rule::Text),
        ("external_references", Rule::List(&REFERENCE, 0)),
    ],
    required: &["type"],
    ..OPEN
};

/// What the twelve kinds of command have besides.
pub(super) static COMMANDS: [(&str, Record); 12] = [
    ("manual", SIMPLE),
    ("bash", SIMPLE),
    ("caldera-cmd", SIMPLE),
    ("powershell", SIMPLE),
    ("ssh", SIMPLE),
    ("elastic", ENCODED),
    ("jupyter", ENCODED),
    ("kestrel", ENCODED),
    ("sigma", ENCODED),
    ("yara", ENCODED),
    (
        "http-api",
        Record {
            base: Some(&COMMAND),
            fields: &[
                ("command", Rule::Text),
                ("headers", HEADERS),
                ("content", Rule::Text),
                ("content_b64", Rule::Text),
            ],
            required: &["command"],
            ..CLOSED
        },
    ),
    (
        "openc2-http",
        Record {
            base: Some(&COMMAND),
            fields: &[
                ("command", Rule::Text),
                ("content_b64", Rule::Text),
                ("headers", HEADERS),
            ],
            required: &["command", "content_b64"],
            ..CLOSED
        },
    ),
];

const SIMPLE: Record = Record {
    base: Some(&COMMAND),
    fields: &[("command", Rule::Text), ("command_b64", Rule::Text)],
    ..CLOSED
};
const ENCODED: Record = Record {
    base: Some(&COMMAND),
    fields: &[("command_b64", Rule::Text)],
    required: &["command_b64"],
    ..CLOSED
};
const HEADERS: Rule = Rule::Map(|_| Some(Rule::List(&Rule::Text, 0)), 0);

static AGENT: Record = Record {
    fields: &[
        ("type", Rule::Text),
        ("name", Rule::Text),
        ("description", Rule::Text),
        ("location", Rule::Record(&CIVIC)),
        ("agent_target_extensions", EXTENSIONS),
    ],
    required: &["type", "name"],
    ..OPEN
};

static AGENT_KINDS: [(&str, Record); 10] = [
    (
        "group",
        Record {
            base: Some(&AGENT),
            fields: &[("type", Rule::Enum(&["group"])), CONTACT_FIELD],
            ..CLOSED
        },
    ),
    (
        "individual",
        Record {
            base: Some(&AGENT),
            fields: &[("type", Rule::Enum(&["individual"])), CONTACT_FIELD],
            ..CLOSED
        },
    ),
    (
        "organization",
        Record {
            base: Some(&AGENT),
            fields: &[("type", Rule::Enum(&["organization"])), CONTACT_FIELD],
            ..CLOSED
        },
    ),
    (
        "location",
        Record {
            base: Some(&AGENT),
            fields: &[
                ("type", Rule::Enum(&["location"])),
                ("logical", Rule::List(&Rule::Text, 1)),
            ],
            ..CLOSED
        },
    ),
    (
        "sector",
        Record {
            base: Some(&AGENT),
            fields: &[("type", Rule::Enum(&["sector"])), ("sector", Rule::Text)],
            required: &["sector"],
            ..CLOSED
        },
    ),
    (
        "security-category",
        Record {
            base: Some(&AGENT),
            fields: &[("type", Rule::Enum(&["security-category"])), CATEGORY],
            required: &["category"],
            ..CLOSED
        },
    ),
    (
        "net-address",
        Record {
            base: Some(&AGENT),
            fields: &[
                ("type", Rule::Enum(&["net-address"])),
                ADDRESS_LOOSE_VLAN,
                LOGIN,
                CATEGORY,
            ],
            required: &["address"],
            ..CLOSED
        },
    ),
    (
        "linux",
        Record {
            base: Some(&AGENT),
            fields: &[
                ("type", Rule::Enum(&["linux"])),
                ADDRESS_LOOSE_VLAN,
                PORT,
                LOGIN,
                CATEGORY,
            ],
            required: &["address"],
            ..CLOSED
        },
    ),
    (
        "http-api",
        Record {
            base: Some(&AGENT),
            fields: &[
                ("type", Rule::Enum(&["http-api"])),
                ADDRESS,
                PORT,
                LOGIN,
                CATEGORY,
            ],
            required: &["address"],
            ..CLOSED
        },
    ),
    (
        "ssh",
        Record {
            base: Some(&AGENT),
            fields: &[
                ("type", Rule::Enum(&["ssh"])),
                ADDRESS,
                PORT,
                LOGIN,
                CATEGORY,
            ],
            required: &["address"],
            ..CLOSED
        },
    ),
];

const AGENTS: Rule = Rule::Map(
    |key| Some(Rule::Record(one_of_types(key, &AGENT_KINDS)?)),
    1,
);
const CATEGORY: (&str, Rule) = ("category", Rule::List(&Rule::Text, 1));
const LOGIN: (&str, Rule) = ("authentication_info", Rule::Id);
const PORT: (&str, Rule) = ("port", Rule::Text);
const ADDRESS: (&str, Rule) = ("address", Rule::Map(|key| address(key, &VLAN), 0));
/// The schemas of `linux` and `net-address` allow a VLAN that is not whole.
const ADDRESS_LOOSE_VLAN: (&str, Rule) = ("address", Rule::Map(|key| address(key, &LOOSE_VLAN), 0));
static VLAN: Rule = Rule::Integer(Some(0), Some(4095));
static LOOSE_VLAN: Rule = Rule::Number(0.0, 4095.0);

fn address(key: &str, vlan: &'static Rule) -> Option<Rule> {
    Some(match key {
        "url" => Rule::List(&Rule::Pattern(URL), 0),
        "l2mac" => Rule::List(&Rule::Check(is_mac, "a MAC address"), 0),
        "ipv4" => Rule::List(&Rule::Pattern(IPV4), 0),
        "ipv6" => Rule::List(&Rule::Pattern(IPV6), 0),
        "vlan" => Rule::List(vlan, 0),
        "dname" => Rule::List(&Rule::Text, 0),
        _ => return None,
    })
}

const CONTACT_FIELD: (&str, Rule) = ("contact", Rule::Record(&CONTACT));
static CONTACT: Record = Record {
    fields: &[
        ("email", CONTACT_MAP),
        ("phone", CONTACT_MAP),
        ("contact_details", Rule::Text),
    ],
    ..CLOSED
};
const CONTACT_MAP: Rule = Rule::Map(|key| is_contact_key(key).then_some(Rule::Text), 0);

static LOGIN_BASE: Record = Record {
    fields: &[
        ("type", Rule::Text),
        ("name", Rule::Text),
        ("description", Rule::Text),
        ("authentication_info_extensions", EXTENSIONS),
        ("kms", Rule::Bool),
        ("kms_key_identifier", Rule::Text),
    ],
    required: &["type"],
    ..OPEN
};
static LOGINS: [(&str, Record); 3] = [
    (
        "http-basic",
        Record {
            base: Some(&LOGIN_BASE),
            fields: &[
                ("type", Rule::Enum(&["http-basic"])),
                ("user_id", Rule::Text),
                ("password", Rule::Text),
            ],
            ..CLOSED
        },
    ),
    (
        "oauth2",
        Record {
            base: Some(&LOGIN_BASE),
            fields: &[
                ("type", Rule::Enum(&["oauth2"])),
                ("oauth_header", Rule::Text),
                ("token", Rule::Text),
            ],
            required: &["oauth_header", "token"],
            ..CLOSED
        },
    ),
    (
        "user-auth",
        Record {
            base: Some(&LOGIN_BASE),
            fields: &[
                ("type", Rule::Enum(&["user-auth"])),
                ("username", Rule::Text),
                ("password", Rule::Text),
            ],
            ..CLOSED
        },
    ),
];

static MARKING: Record = Record {
    fields: &[
        (
            "type",
            Rule::Enum(&["marking-statement", "marking-tlp", "marking-iep"]),
        ),
        ("id", Rule::Id),
        ("name", Rule::Text),
        ("description", Rule::Text),
        ("created_by", Rule::Id),
        ("created", Rule::Time),
        ("revoked", Rule::Bool),
        ("valid_from", Rule::Time),
        ("valid_until", Rule::Time),
        ("labels", Rule::List(&Rule::Text, 1)),
        ("external_references", Rule::List(&REFERENCE, 1)),
        ("marking_extensions", EXTENSIONS),
    ],
    required: &["type", "id", "created_by", "created"],
    ..OPEN
};
static MARKINGS: [(&str, Record); 3] = [
    (
        "marking-statement",
        Record {
            base: Some(&MARKING),
            fields: &[
                ("type", Rule::Enum(&["marking-statement"])),
                ("statement", Rule::Text),
            ],
            required: &["statement"],
            ..CLOSED
        },
    ),
    (
        "marking-tlp",
        Record {
            base: Some(&MARKING),
            fields: &[
                ("type", Rule::Enum(&["marking-tlp"])),
                (
                    "tlpv2_level",
                    Rule::Enum(&[
                        "TLP:RED",
                        "TLP:AMBER",
                        "TLP:AMBER+STRICT",
                        "TLP:GREEN",
                        "TLP:CLEAR",
                    ]),
                ),
            ],
            required: &["tlpv2_level"],
            ..CLOSED
        },
    ),
    (
        "marking-iep",
        Record {
            base: Some(&MARKING),
            fields: &[
                ("type", Rule::Enum(&["marking-iep"])),
                ("tlp", Rule::Text),
                ("iep_version", Rule::Integer(None, None)),
                ("start_date", Rule::Time),
                ("end_date", Rule::OrNull(&Rule::Time)),
                ("encrypt_in_transit", Rule::Text),
                ("permitted_actions", Rule::Text),
                ("affected_party_notifications", Rule::Text),
                ("attribution", Rule::Text),
                ("unmodified_resale", Rule::Text),
                // The base wants objects here and this schema wants texts: only the empty-handed pass both.
                (
                    "external_references",
                    Rule::Both(&Rule::List(&REFERENCE, 1), &Rule::List(&Rule::Text, 0)),
                ),
            ],
            required: &[
                "name",
                "description",
                "tlp",
                "iep_version",
                "start_date",
                "end_date",
                "encrypt_in_transit",
                "permitted_actions",
                "affected_party_notifications",
                "attribution",
                "unmodified_resale",
                "external_references",
            ],
            ..CLOSED
        },
    ),
];

static SIGNATURE: Record = Record {
    fields: &[
        ("type", Rule::Enum(&["jss"])),
        ("id", Rule::Id),
        ("created_by", Rule::Id),
        ("created", Rule::Time),
        ("modified", Rule::Time),
        ("revoked", Rule::Bool),
        ("signee", Rule::Text),
        ("valid_from", Rule::Time),
        ("valid_until", Rule::Time),
        ("related_to", Rule::Id),
        ("related_version", Rule::Time),
        ("hash_algorithm", Rule::Text),
        ("algorithm", Rule::Text),
        ("public_key", Rule::Text),
        ("public_cert_chain", Rule::List(&Rule::Text, 1)),
        ("cert_url", Rule::Text),
        ("thumbprint", Rule::Text),
        ("value", Rule::Text),
        ("signature", Rule::Record(&SIGNATURE)),
    ],
    required: &[
        "type",
        "id",
        "created",
        "modified",
        "signee",
        "related_to",
        "related_version",
        "hash_algorithm",
        "algorithm",
        "value",
    ],
    one_of: &["public_key", "public_cert_chain", "cert_url", "thumbprint"],
    ..CLOSED
};

static EXTENSION: Record = Record {
    fields: &[
        ("type", Rule::Enum(&["extension-definition"])),
        ("name", Rule::Text),
        ("description", Rule::Text),
        ("created_by", Rule::Id),
        ("schema", Rule::Text),
        ("version", Rule::Text),
        ("external_references", Rule::List(&REFERENCE, 0)),
    ],
    required: &["type", "name", "created_by", "schema", "version"],
    ..CLOSED
};

static VARIABLE: Record = Record {
    fields: &[
        ("type", Rule::Text),
        ("description", Rule::Text),
        ("value", Rule::OrNull(&Rule::Text)),
        ("constant", Rule::Bool),
        ("external", Rule::Bool),
    ],
    required: &["type"],
    ..OPEN
};

static SUMMARY: Record = Record {
    fields: &[
        ("manual_playbook", Rule::Bool),
        ("external_playbooks", Rule::Bool),
        ("parallel_processing", Rule::Bool),
        ("if_logic", Rule::Bool),
        ("while_logic", Rule::Bool),
        ("switch_logic", Rule::Bool),
        ("temporal_logic", Rule::Bool),
        ("data_markings", Rule::Bool),
        ("digital_signatures", Rule::Bool),
        ("countersigned_signatures", Rule::Bool),
        ("extensions", Rule::Bool),
    ],
    ..CLOSED
};

static REFERENCE_RECORD: Record = Record {
    fields: &[
        ("name", Rule::Text),
        ("description", Rule::Text),
        ("source", Rule::Text),
        ("url", Rule::Text),
        ("external_id", Rule::Text),
        ("reference_id", Rule::Text),
    ],
    required: &["name"],
    ..CLOSED
};

static CIVIC: Record = Record {
    fields: &[
        ("name", Rule::Text),
        ("description", Rule::Text),
        ("building_details", Rule::Text),
        ("network_details", Rule::Text),
        (
            "region",
            Rule::Enum(&[
                "africa",
                "eastern-africa",
                "middle-africa",
                "northern-africa",
                "southern-africa",
                "western-africa",
                "americas",
                "caribbean",
                "central-america",
                "latin-america-caribbean",
                "northern-america",
                "south-america",
                "asia",
                "central-asia",
                "eastern-asia",
                "southern-asia",
                "south-eastern-asia",
                "western-asia",
                "europe",
                "eastern-europe",
                "northern-europe",
                "southern-europe",
                "western-europe",
                "oceania",
                "antarctica",
                "australia-new-zealand",
                "melanesia",
                "micronesia",
                "polynesia",
            ]),
        ),
        ("country", Rule::Text),
        ("administrative_area", Rule::Text),
        ("city", Rule::Text),
        ("street_address", Rule::Text),
        ("postal_code", Rule::Text),
        ("latitude", Rule::Text),
        ("longitude", Rule::Text),
        ("precision", Rule::Text),
    ],
    ..CLOSED
};

static REFERENCE: Rule = Rule::Record(&REFERENCE_RECORD);
const VARIABLES: Rule = Rule::Map(
    |key| crate::condition::is_name(key).then_some(Rule::Record(&VARIABLE)),
    0,
);
const EXTENSIONS: Rule = Rule::Map(
    |key| of(key, "extension-definition").then_some(Rule::Object),
    1,
);
const PERCENT: Rule = Rule::Integer(Some(0), Some(100));
const OPEN: Record = Record {
    base: None,
    fields: &[],
    required: &[],
    forbidden: &[],
    one_of: &[],
    open: true,
};
const CLOSED: Record = Record {
    open: false,
    ..OPEN
};

// The patterns of the OASIS schemas, with ASCII word boundaries as ECMA-262 has them.
const URL: &str = r"(?-u)[(http(s)?):/(www.)?a-zA-Z0-9@:%._+~#=]{2,256}\.[a-z]{2,6}\b([-a-zA-Z0-9@:%_+.~#?&//=]*)";
const IPV4: &str = r"(?-u)(\b25[0-5]|\b2[0-4][0-9]|\b[01]?[0-9][0-9]?)(\.(25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)){3}$";
const IPV6: &str = r"(?-u)(([0-9a-fA-F]{1,4}:){7,7}[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,7}:|([0-9a-fA-F]{1,4}:){1,6}:[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,5}(:[0-9a-fA-F]{1,4}){1,2}|([0-9a-fA-F]{1,4}:){1,4}(:[0-9a-fA-F]{1,4}){1,3}|([0-9a-fA-F]{1,4}:){1,3}(:[0-9a-fA-F]{1,4}){1,4}|([0-9a-fA-F]{1,4}:){1,2}(:[0-9a-fA-F]{1,4}){1,5}|[0-9a-fA-F]{1,4}:((:[0-9a-fA-F]{1,4}){1,6})|:((:[0-9a-fA-F]{1,4}){1,7}|:)|fe80:(:[0-9a-fA-F]{0,4}){0,4}%[0-9a-zA-Z]{1,}|::(ffff(:0{1,4}){0,1}:){0,1}((25[0-5]|(2[0-4]|1{0,1}[0-9]){0,1}[0-9])\.){3,3}(25[0-5]|(2[0-4]|1{0,1}[0-9]){0,1}[0-9])|([0-9a-fA-F]{1,4}:){1,4}:((25[0-5]|(2[0-4]|1{0,1}[0-9]){0,1}[0-9])\.){3,3}(25[0-5]|(2[0-4]|1{0,1}[0-9]){0,1}[0-9]))$";
