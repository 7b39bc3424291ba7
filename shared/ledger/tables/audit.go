package tables

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

const entryColumns = `tenant, seq, at, kind, request_id, account_id, actor, body, data, prev, hash`

// Append adds entries to the chains of their tenants, all or none, in their order.
func (l *Ledger) Append(ctx context.Context, entries ...ledger.Entry) error {
	return l.write(ctx, "append to the audit log", func(ctx context.Context, tx Tx) error {
		return appendAudit(ctx, tx, entries)
	})
}

func appendAudit(ctx context.Context, tx Tx, entries []ledger.Entry) error {
	heads := map[account.TenantID]ledger.Entry{}
	for _, e := range entries {
		head, known := heads[e.Tenant]
		if !known {
			var err error
			if head, err = headOf(ctx, tx, e.Tenant); err != nil {
				return err
			}
		}
		e.Actor, e.Text = storable(e.Actor), storable(e.Text)
		e, err := ledger.Chain(head, e)
		if err != nil {
			return err
		}
		if err := insertEntry(ctx, tx, e); err != nil {
			return fmt.Errorf("audit entry %s: %w", e.Kind, err)
		}
		heads[e.Tenant] = e
	}
	return nil
}

// headOf gives the end of a chain: an entry of which only Seq and Hash are known.
func headOf(ctx context.Context, tx Tx, tenant account.TenantID) (head ledger.Entry, err error) {
	_, err = get(ctx, tx, []any{&head.Seq, &head.Hash}, `SELECT seq, hash FROM audit_heads WHERE tenant = $1`, tenant)
	return head, err
}

// insertEntry writes the head first: whoever lost a race learns it there, and not from
// an entry that exists.
func insertEntry(ctx context.Context, tx Tx, e ledger.Entry) error {
	err := tx.Exec(ctx, `INSERT INTO audit_heads (tenant, seq, hash) VALUES ($1, $2, $3)
		ON CONFLICT (tenant) DO UPDATE SET seq = excluded.seq, hash = excluded.hash`, e.Tenant, e.Seq, e.Hash)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `INSERT INTO audit_entries (`+entryColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		e.Tenant, e.Seq, e.At.UnixMicro(), e.Kind, e.RequestID, e.AccountID, e.Actor, e.Text, dataColumn(e), e.Prev, e.Hash)
}

// dataColumn is NULL for an entry without data.
func dataColumn(e ledger.Entry) *string {
	if len(e.Data) == 0 {
		return nil
	}
	data := string(e.Data)
	return &data
}

// eachEntry calls visit for every entry a condition finds.
func eachEntry(ctx context.Context, tx Tx, visit func(ledger.Entry) error, condition string, args ...any) error {
	return tx.Query(ctx, func(scan func(...any) error) error {
		e, err := scanEntry(scan)
		if err != nil {
			return err
		}
		return visit(e)
	}, `SELECT `+entryColumns+` FROM audit_entries `+condition, args...)
}

func scanEntry(scan func(...any) error) (e ledger.Entry, err error) {
	var (
		at   int64
		data *string
	)
	err = scan(&e.Tenant, &e.Seq, &at, &e.Kind, &e.RequestID, &e.AccountID, &e.Actor, &e.Text, &data, &e.Prev, &e.Hash)
	e.At = time.UnixMicro(at).UTC()
	if data != nil {
		e.Data = json.RawMessage(*data)
	}
	return e, err
}

// Timeline gives the audit lines of one request, the oldest first.
func (l *Ledger) Timeline(ctx context.Context, requestID string) (lines []ledger.Entry, err error) {
	err = l.read(ctx, "read a timeline", func(ctx context.Context, tx Tx) error {
		lines, err = entries(ctx, tx, `WHERE request_id = $1 ORDER BY seq, tenant`, requestID)
		return err
	})
	return lines, err
}

func entries(ctx context.Context, tx Tx, condition string, args ...any) (found []ledger.Entry, err error) {
	err = eachEntry(ctx, tx, func(e ledger.Entry) error {
		found = append(found, e)
		return nil
	}, condition, args...)
	return found, err
}

// AuditTenants lists the tenants that have an audit chain, in order.
func (l *Ledger) AuditTenants(ctx context.Context) (tenants []account.TenantID, err error) {
	asTenant := func(b []byte) (account.TenantID, error) { return account.TenantID(b), nil }
	err = l.read(ctx, "list the audit chains", func(ctx context.Context, tx Tx) error {
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
	err = l.read(ctx, "verify the audit log", func(ctx context.Context, tx Tx) error {
		err := eachEntry(ctx, tx, func(e ledger.Entry) error {
			if err := ledger.Link(last, e); err != nil {
				return err
			}
			last = e
			return nil
		}, `WHERE tenant = $1 ORDER BY seq`, tenant)
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
