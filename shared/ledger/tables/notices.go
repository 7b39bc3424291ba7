package tables

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// nobody is who raises or clears a notice that does not say.
const nobody = "usher"

// Raise opens notices, all or none, and gives how many are fresh. One whose key is open
// changes nothing. A fresh one is written into the audit log and sent to notify.
func (l *Ledger) Raise(ctx context.Context, notices ...ledger.Notice) (fresh int, err error) {
	err = l.write(ctx, "raise a notice", func(ctx context.Context, tx Tx) error {
		fresh, err = raise(ctx, tx, notices)
		return err
	})
	return fresh, err
}

func raise(ctx context.Context, tx Tx, notices []ledger.Notice) (fresh int, err error) {
	for _, n := range notices {
		if err := n.Check(); err != nil {
			return 0, err
		}
		_, open, err := openNotice(ctx, tx, n.Key)
		if err != nil {
			return 0, err
		}
		if open {
			continue
		}
		if err := raiseOne(ctx, tx, n); err != nil {
			return 0, fmt.Errorf("notice %s: %w", n.Key, err)
		}
		fresh++
	}
	return fresh, nil
}

func raiseOne(ctx context.Context, tx Tx, n ledger.Notice) error {
	n.RaisedAt, n.ClearedAt, n.Delivered = n.RaisedAt.UTC().Truncate(time.Microsecond), time.Time{}, nil
	n.Undelivered = ""
	if err := storeNotice(ctx, tx, n); err != nil {
		return err
	}
	entry := noticeEntry(n, n.Kind, n.RaisedAt, n.By)
	entry.Text = n.Text
	if err := appendAudit(ctx, tx, []ledger.Entry{entry}); err != nil {
		return err
	}
	return tx.Send(ctx, step.Announce(n))
}

func noticeEntry(n ledger.Notice, kind string, at time.Time, by string) ledger.Entry {
	return ledger.Entry{
		Tenant: n.Tenant, At: at, Kind: kind, RequestID: n.RequestID, AccountID: n.AccountID,
		Actor: cmp.Or(by, nobody), Text: n.Kind + ": " + n.Text,
	}
}

// Clear ends an open notice, and reports whether there was one.
func (l *Ledger) Clear(ctx context.Context, key string, at time.Time) (cleared bool, err error) {
	err = l.write(ctx, "clear a notice", func(ctx context.Context, tx Tx) error {
		cleared, err = clearNotice(ctx, tx, ledger.Clearing{Key: key, At: at})
		return err
	})
	return cleared, err
}

func clearNotice(ctx context.Context, tx Tx, c ledger.Clearing) (bool, error) {
	n, open, err := openNotice(ctx, tx, c.Key)
	if err != nil || !open {
		return false, err
	}
	n.ClearedAt = c.At.UTC().Truncate(time.Microsecond)
	if err := storeNotice(ctx, tx, n); err != nil {
		return false, err
	}
	return true, appendAudit(ctx, tx, []ledger.Entry{noticeEntry(n, "notice.cleared", n.ClearedAt, c.By)})
}

// UpdateNotice lets change edit the notice of a key, open or not, in one transaction. An
// error of change leaves it as it was and comes back as it is. It fails with
// ledger.ErrNotFound.
func (l *Ledger) UpdateNotice(ctx context.Context, key string, change func(*ledger.Notice) error) error {
	return l.write(ctx, "update a notice", func(ctx context.Context, tx Tx) error {
		n, found, err := loadNotice(ctx, tx, `name = $1`, key)
		if !found {
			return missing(err, "notice", key)
		}
		if err := change(&n); err != nil {
			return asIs{err}
		}
		return storeNotice(ctx, tx, n)
	})
}

// Notices lists notices, the open ones first, and then the newest.
func (l *Ledger) Notices(ctx context.Context, f ledger.NoticeFilter) (found []ledger.Notice, err error) {
	clause, args := noticesWhere(f).newestFirst(`is_open DESC, raised_at DESC, name`, f.Limit)
	err = l.read(ctx, "list notices", func(ctx context.Context, tx Tx) error {
		found, err = docs(ctx, tx, decodeNotice, `SELECT doc FROM notices`+clause, args...)
		return err
	})
	return found, err
}

func noticesWhere(f ledger.NoticeFilter) (w where) {
	if f.Key != "" {
		w = w.and(`name = ?`, storable(f.Key))
	}
	if f.Tenant != "" {
		w = w.and(`tenant = ?`, f.Tenant)
	}
	if f.AccountID != "" {
		w = w.and(`account_id = ?`, f.AccountID)
	}
	if f.Open {
		w = w.and(`is_open = 1`)
	}
	return w
}

func openNotice(ctx context.Context, tx Tx, key string) (ledger.Notice, bool, error) {
	return loadNotice(ctx, tx, `name = $1 AND is_open = 1`, key)
}

func loadNotice(ctx context.Context, tx Tx, condition, key string) (n ledger.Notice, found bool, err error) {
	var doc []byte
	if found, err = get(ctx, tx, []any{&doc}, `SELECT doc FROM notices WHERE `+condition, storable(key)); !found {
		return n, false, err
	}
	n, err = decodeNotice(doc)
	return n, err == nil, err
}

func storeNotice(ctx context.Context, tx Tx, n ledger.Notice) error {
	doc, err := encode(n)
	if err != nil {
		return err
	}
	open := 0
	if n.Open() {
		open = 1
	}
	return tx.Exec(ctx, `INSERT INTO notices (name, tenant, account_id, is_open, raised_at, doc) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (name) DO UPDATE SET tenant = excluded.tenant, account_id = excluded.account_id, is_open = excluded.is_open,
			raised_at = excluded.raised_at, doc = excluded.doc`,
		storable(n.Key), n.Tenant, n.AccountID, open, micros(n.RaisedAt), doc)
}

func decodeNotice(doc []byte) (n ledger.Notice, err error) {
	if err := json.Unmarshal(doc, &n); err != nil {
		return n, fmt.Errorf("%w: a notice cannot be read: %w", ledger.ErrCorrupt, err)
	}
	return n, nil
}
