-- Columns for what is looked up; doc is the whole row as JSON. Times are Unix
-- microseconds. Kept inside what PostgreSQL, CockroachDB and Aurora DSQL share: no
-- foreign keys, no sequences, no partial indexes.
CREATE TABLE accounts (
    id          TEXT   PRIMARY KEY,
    tenant      TEXT   NOT NULL,
    upn         TEXT   NOT NULL, -- in lower case
    state       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    lease_token TEXT   NOT NULL,
    lease_until BIGINT NOT NULL,
    doc         TEXT   NOT NULL
);

CREATE INDEX accounts_name ON accounts (tenant, upn);

CREATE INDEX accounts_newest ON accounts (created_at, id);

-- One row is one request with its steps, so that a change is one write.
-- is_open is worked out from the steps at each write.
CREATE TABLE requests (
    id         TEXT     PRIMARY KEY,
    tenant     TEXT     NOT NULL,
    upn        TEXT     NOT NULL, -- in lower case
    account_id TEXT     NOT NULL,
    action     TEXT     NOT NULL,
    is_open    SMALLINT NOT NULL,
    created_at BIGINT   NOT NULL,
    doc        TEXT     NOT NULL
);

CREATE INDEX requests_account ON requests (account_id, is_open);

CREATE INDEX requests_name ON requests (tenant, upn, is_open);

CREATE INDEX requests_newest ON requests (created_at, id);

-- Keys that were accepted: kind is delivery or business.
CREATE TABLE request_keys (
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (kind, value)
);

CREATE TABLE audit_entries (
    tenant     TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    data       TEXT,
    prev       TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    PRIMARY KEY (tenant, seq)
);

CREATE INDEX audit_entries_request ON audit_entries (request_id, seq);

-- Where each chain ends, kept apart so that a cut tail shows.
CREATE TABLE audit_heads (
    tenant TEXT   PRIMARY KEY,
    seq    BIGINT NOT NULL,
    hash   TEXT   NOT NULL
);

CREATE TABLE sync_runs (
    tenant     TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    doc        TEXT   NOT NULL,
    PRIMARY KEY (tenant, request_id)
);

-- Which generation of inventory rows is complete; other generations are leftovers.
CREATE TABLE inventories (
    tenant     TEXT   PRIMARY KEY,
    generation TEXT   NOT NULL,
    run        TEXT   NOT NULL,
    users      BIGINT NOT NULL,
    licensed   BIGINT NOT NULL
);

CREATE TABLE inventory_users (
    tenant      TEXT     NOT NULL,
    generation  TEXT     NOT NULL,
    object_id   TEXT     NOT NULL,
    is_licensed SMALLINT NOT NULL,
    doc         TEXT     NOT NULL,
    PRIMARY KEY (tenant, generation, object_id)
);

CREATE TABLE notes (
    name  TEXT  PRIMARY KEY,
    value BYTEA NOT NULL
);
