-- What a person should know that belongs to no open request. One row a key: a notice
-- that is raised again after it was cleared takes the place of the one before.
CREATE TABLE notices (
    name       TEXT     PRIMARY KEY,
    tenant     TEXT     NOT NULL,
    account_id TEXT     NOT NULL,
    is_open    SMALLINT NOT NULL,
    raised_at  BIGINT   NOT NULL,
    doc        TEXT     NOT NULL
);

CREATE INDEX notices_newest ON notices (is_open, raised_at, name);
