-- Messages of committed transactions that no queue has acknowledged yet. The primary
-- key is the order in which a sweep goes through them.
CREATE TABLE outbox (
    queue      TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    doc        TEXT   NOT NULL,
    PRIMARY KEY (queue, message_id)
);
