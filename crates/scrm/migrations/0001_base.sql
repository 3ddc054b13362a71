-- Times are milliseconds since 1970. BLOB columns of personal data hold sealed values (see src/vault.rs).
-- Every business table carries tenant_id, and every query names it.

CREATE TABLE tenant (
    id      INTEGER PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL
);

CREATE TABLE staff (
    id            INTEGER PRIMARY KEY,
    tenant_id     INTEGER NOT NULL REFERENCES tenant (id),
    account       TEXT    NOT NULL UNIQUE,          -- name@tenant
    password      TEXT,                             -- Argon2id PHC string; NULL: no log-in by password
    role          TEXT    NOT NULL,
    department    INTEGER NOT NULL,
    display_name  TEXT    NOT NULL,
    disabled_at   INTEGER
);
CREATE INDEX staff_by_tenant ON staff (tenant_id, id);

CREATE TABLE session (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,   -- named in the audit log; useless as a credential
    hash       BLOB    NOT NULL UNIQUE,             -- SHA-256 of the cookie
    staff_id   INTEGER NOT NULL REFERENCES staff (id),
    address    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    ended_at   INTEGER
);
CREATE INDEX session_by_staff ON session (staff_id);

CREATE TABLE api_token (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       BLOB    NOT NULL UNIQUE,             -- SHA-256 of the token
    staff_id   INTEGER NOT NULL REFERENCES staff (id),
    label      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER,
    ended_at   INTEGER
);

CREATE TABLE customer (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- consecutive over all tenants
    tenant_id       INTEGER NOT NULL REFERENCES tenant (id),
    owner_id        INTEGER NOT NULL REFERENCES staff (id),
    department      INTEGER NOT NULL,
    stage           TEXT    NOT NULL,
    gender          TEXT    NOT NULL,
    tags            TEXT    NOT NULL DEFAULT '',       -- names joined by '|'
    name            BLOB    NOT NULL,
    mobile          BLOB    NOT NULL,
    email           BLOB,
    birthday        BLOB,
    address         BLOB,
    resident_id     BLOB,
    external_userid BLOB,
    unionid         BLOB,
    remark          BLOB,
    canary          INTEGER NOT NULL DEFAULT 0,        -- 1: planted in one export, not a person
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);
CREATE INDEX customer_by_owner ON customer (tenant_id, owner_id, id);
CREATE INDEX customer_by_department ON customer (tenant_id, department, id);

-- What a customer can be searched by: blind indexes of name and mobile, tags and stage in clear.
CREATE TABLE customer_token (
    tenant_id   INTEGER NOT NULL,
    token       TEXT    NOT NULL,
    customer_id INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, token, customer_id)
) WITHOUT ROWID;
CREATE INDEX customer_token_by_customer ON customer_token (customer_id);

CREATE TABLE tag (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    UNIQUE (tenant_id, name)
);

CREATE TABLE follow_up (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id   INTEGER NOT NULL,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    staff_id    INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    note        BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
);
CREATE INDEX follow_up_by_customer ON follow_up (customer_id, id);

CREATE TABLE sales_order (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id   INTEGER NOT NULL,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    order_no    TEXT    NOT NULL,
    trade_id    INTEGER NOT NULL,                      -- a snowflake id of the payment provider
    state       TEXT    NOT NULL,
    amount      INTEGER NOT NULL,                      -- fen
    items       TEXT    NOT NULL,                      -- JSON
    ship_to     BLOB    NOT NULL,                      -- sealed JSON: receiver, mobile, address
    created_at  INTEGER NOT NULL
);
CREATE INDEX sales_order_by_customer ON sales_order (customer_id, id);
CREATE INDEX sales_order_by_tenant ON sales_order (tenant_id, id);

CREATE TABLE chat_message (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id   INTEGER NOT NULL,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    direction   TEXT    NOT NULL,                      -- in: from the customer, out: from staff
    body        BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
);
CREATE INDEX chat_message_by_customer ON chat_message (customer_id, id);

CREATE TABLE ticket (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id   INTEGER NOT NULL,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    assignee_id INTEGER NOT NULL REFERENCES staff (id),
    title       TEXT    NOT NULL,
    state       TEXT    NOT NULL,                      -- open, closed
    created_at  INTEGER NOT NULL
);
CREATE INDEX ticket_by_assignee ON ticket (tenant_id, assignee_id, state, customer_id);

CREATE TABLE campaign (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id  INTEGER NOT NULL,
    title      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    audience   TEXT    NOT NULL,                       -- the tag that it goes to
    reach      INTEGER NOT NULL,                       -- how many customers carried the tag
    state      TEXT    NOT NULL,
    created_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE transfer (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id  INTEGER NOT NULL,
    from_id    INTEGER NOT NULL,
    to_id      INTEGER NOT NULL,
    customers  INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE export_request (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id    INTEGER NOT NULL,
    requester_id INTEGER NOT NULL,
    object       TEXT    NOT NULL,
    tag          TEXT,
    stage        TEXT,
    reason       TEXT    NOT NULL,
    rows         INTEGER NOT NULL,                     -- counted when asked
    state        TEXT    NOT NULL,                     -- pending, approved, rejected
    decided_by   INTEGER,
    decided_at   INTEGER,
    canary_id    INTEGER,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
);

CREATE TABLE reveal_log (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id   INTEGER NOT NULL,
    staff_id    INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
);
CREATE INDEX reveal_log_by_staff ON reveal_log (staff_id, created_at);
