package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// auditPage is how many entries are read in one transaction by Audit.
const auditPage = 500

const entryColumns = `tenant, seq, at, kind, request_id, account_id, actor, body, data, prev, hash`

// Append adds entries to the chains of their tenants, all or none, in their order.
func (l *Ledger) Append(ctx context.Context, entries ...ledger.Entry) error {
	return l.write(ctx, "append to the audit log", func(ctx context.Context, tx *sql.Tx) error {
		return appendAudit(ctx, tx, entries)
	})
}

func appendAudit(ctx context.Context, tx *sql.Tx, entries []ledger.Entry) error {
	for _, e := range entries {
		head, err := headOf(ctx, tx, e.Tenant)
		if err != nil {
			return err
		}
		if e, err = ledger.Chain(head, e); err != nil {
			return err
		}
		if err := insertEntry(ctx, tx, e); err != nil {
			return fmt.Errorf("audit entry %s: %w", e.Kind, err)
		}
	}
	return nil
}

// headOf gives the end of a chain: an entry of which only Seq and Hash are known.
func headOf(ctx context.Context, tx *sql.Tx, tenant account.TenantID) (head ledger.Entry, err error) {
	err = tx.QueryRowContext(ctx, `SELECT seq, hash FROM audit_heads WHERE tenant = ?`, tenant).Scan(&head.Seq, &head.Hash)
	if errors.Is(err, sql.ErrNoRows) {
		return head, nil
	}
	return head, err
}

func insertEntry(ctx context.Context, tx *sql.Tx, e ledger.Entry) error {
	data := sql.NullString{String: string(e.Data), Valid: len(e.Data) > 0}
	_, err := tx.ExecContext(ctx, `INSERT INTO audit_entries (`+entryColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Tenant, e.Seq, e.At.UnixMicro(), e.Kind, e.RequestID, e.AccountID, e.Actor, e.Text, data, e.Prev, e.Hash)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO audit_heads (tenant, seq, hash) VALUES (?, ?, ?)
		ON CONFLICT (tenant) DO UPDATE SET seq = excluded.seq, hash = excluded.hash`, e.Tenant, e.Seq, e.Hash)
	return err
}

// eachEntry calls visit for every entry a condition finds.
func eachEntry(ctx context.Context, tx *sql.Tx, visit func(ledger.Entry) error, condition string, args ...any) error {
	rows, err := tx.QueryContext(ctx, `SELECT `+entryColumns+` FROM audit_entries `+condition, args...)
	if err != nil {
		return err
	}
	defer rows.Close() // Err tells
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return err
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	return rows.Err()
}

func scanEntry(rows *sql.Rows) (e ledger.Entry, err error) {
	var (
		at   int64
		data sql.NullString
	)
	err = rows.Scan(&e.Tenant, &e.Seq, &at, &e.Kind, &e.RequestID, &e.AccountID, &e.Actor, &e.Text, &data, &e.Prev, &e.Hash)
	e.At = time.UnixMicro(at).UTC()
	if data.Valid {
		e.Data = json.RawMessage(data.String)
	}
	return e, err
}

// Timeline gives the audit lines of one request, the oldest first.
func (l *Ledger) Timeline(ctx context.Context, requestID string) (lines []ledger.Entry, err error) {
	err = l.read(ctx, "read a timeline", func(ctx context.Context, tx *sql.Tx) error {
		lines, err = entries(ctx, tx, `WHERE request_id = ? ORDER BY seq, tenant`, requestID)
		return err
	})
	return lines, err
}

func entries(ctx context.Context, tx *sql.Tx, condition string, args ...any) (found []ledger.Entry, err error) {
	err = eachEntry(ctx, tx, func(e ledger.Entry) error {
		found = append(found, e)
		return nil
	}, condition, args...)
	return found, err
}

// Audit goes through a tenant's chain, the oldest entry first, without checking it. The
// loop may use the ledger. It ends with the first error.
func (l *Ledger) Audit(ctx context.Context, tenant account.TenantID) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for after := int64(0); ; {
			var page []ledger.Entry
			err := l.read(ctx, "read the audit log", func(ctx context.Context, tx *sql.Tx) (err error) {
				page, err = entries(ctx, tx, `WHERE tenant = ? AND seq > ? ORDER BY seq LIMIT ?`, tenant, after, auditPage)
				return err
			})
			if err != nil {
				yield(ledger.Entry{}, err)
				return
			}
			for _, e := range page {
				if after = e.Seq; !yield(e, nil) {
					return
				}
			}
			if len(page) < auditPage {
				return
			}
		}
	}
}

// AuditTenants lists the tenants that have an audit chain, in order.
func (l *Ledger) AuditTenants(ctx context.Context) (tenants []account.TenantID, err error) {
	asTenant := func(b []byte) (account.TenantID, error) { return account.TenantID(b), nil }
	err = l.read(ctx, "list the audit chains", func(ctx context.Context, tx *sql.Tx) error {
		tenants, err = docs(ctx, tx, asTenant, `SELECT tenant FROM audit_heads ORDER BY tenant`)
		return err
	})
	return tenants, err
}

// Verify goes through a tenant's chain and compares its end with the head that is kept
// apart, so that a changed, removed, reordered or cut-off entry shows: it then fails
// with a *ledger.BrokenChain and gives the number of good entries before. Else it gives
// the number of entries and the hash of the last one, which is worth noting elsewhere.
func (l *Ledger) Verify(ctx context.Context, tenant account.TenantID) (count int64, head string, err error) {
	var last ledger.Entry
	err = l.read(ctx, "verify the audit log", func(ctx context.Context, tx *sql.Tx) error {
		err := eachEntry(ctx, tx, func(e ledger.Entry) error {
			if err := ledger.Link(last, e); err != nil {
				return err
			}
			last = e
			return nil
		}, `WHERE tenant = ? ORDER BY seq`, tenant)
		if err != nil {
			return err
		}
		end, err := headOf(ctx, tx, tenant)
		if err != nil {
			return err
		}
		return compareEnd(last, end)
	})
	return last.Seq, last.Hash, err
}

func compareEnd(last, head ledger.Entry) error {
	switch {
	case last.Seq < head.Seq:
		return &ledger.BrokenChain{Seq: last.Seq + 1, What: fmt.Sprintf("the chain ended at entry %d, the entries from here on are missing", head.Seq)}
	case last.Seq > head.Seq:
		return &ledger.BrokenChain{Seq: head.Seq + 1, What: fmt.Sprintf("the chain ended at entry %d, this one was added past the ledger", head.Seq)}
	case last.Hash != head.Hash:
		return &ledger.BrokenChain{Seq: last.Seq, What: "it is not the entry the chain ended with"}
	}
	return nil
}
