-- Times are Unix milliseconds. A message is locked while token is set and visible_at
-- lies ahead; an expired lock is simply a message that is due again.
CREATE TABLE queue_messages (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    queue          TEXT     NOT NULL,
    id             TEXT     NOT NULL,
    subject        TEXT     NOT NULL,
    correlation_id TEXT     NOT NULL,
    body           BLOB     NOT NULL,
    attributes     TEXT     NOT NULL,
    not_before     BIGINT   NOT NULL,
    enqueued_at    BIGINT   NOT NULL,
    visible_at     BIGINT   NOT NULL,
    token          TEXT     NOT NULL DEFAULT '',
    deliveries     BIGINT   NOT NULL DEFAULT 0,
    dead           SMALLINT NOT NULL DEFAULT 0,
    dead_reason    TEXT     NOT NULL DEFAULT '',
    dead_text      TEXT     NOT NULL DEFAULT '',
    dead_at        BIGINT   NOT NULL DEFAULT 0
);

CREATE INDEX queue_messages_due ON queue_messages (queue, dead, visible_at, seq);

CREATE INDEX queue_messages_dead ON queue_messages (id) WHERE dead = 1;

-- The ids that were seen, each until its fixed window ends.
CREATE TABLE queue_seen (
    queue TEXT   NOT NULL,
    id    TEXT   NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (queue, id)
);

CREATE INDEX queue_seen_until ON queue_seen (until);
