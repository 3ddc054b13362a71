-- One SQL subset for SQLite and PostgreSQL: text, bigint; ON CONFLICT and RETURNING exist in both.

CREATE TABLE document (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT NOT NULL,
    at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (collection, id)
);

CREATE INDEX document_by_parent ON document (collection, parent, at);
CREATE INDEX document_by_time ON document (collection, at);

CREATE TABLE policy (
    revision BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE run_event (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
);

CREATE TABLE run_lease (
    run TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence BIGINT NOT NULL,
    until BIGINT NOT NULL
);

CREATE TABLE outbox (
    dedupe TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    last_error TEXT NOT NULL
);

CREATE INDEX outbox_due ON outbox (state, due_at);
