package tables

import (
	"context"

	"github.com/usher365/usher/shared/ledger"
)

// Update loads a request with its account and lease, lets change edit them, and stores
// them with the audit lines and messages it added, in one transaction. An error of
// change leaves everything as it was and comes back as it is. It fails with
// ledger.ErrNotFound.
func (l *Ledger) Update(ctx context.Context, requestID string, change func(*ledger.Record) error) error {
	return l.write(ctx, "update a request", func(ctx context.Context, tx Tx) error {
		rec, err := loadRecord(ctx, tx, requestID)
		if err != nil {
			return err
		}
		if err := change(&rec); err != nil {
			return asIs{err}
		}
		return storeRecord(ctx, tx, &rec)
	})
}

func loadRecord(ctx context.Context, tx Tx, requestID string) (rec ledger.Record, err error) {
	if rec.Request, err = loadRequest(ctx, tx, requestID); err != nil || rec.Request.AccountID == "" {
		return rec, err
	}
	rec.Account, rec.Lease, err = loadAccount(ctx, tx, rec.Request.AccountID)
	return rec, err
}

func storeRecord(ctx context.Context, tx Tx, rec *ledger.Record) error {
	if err := updateRequest(ctx, tx, rec.Request); err != nil {
		return err
	}
	if rec.Account.ID != "" {
		if err := storeAccount(ctx, tx, rec.Account); err != nil {
			return err
		}
		if err := storeLease(ctx, tx, rec.Account.ID, rec.Lease); err != nil {
			return err
		}
	}
	return apply(ctx, tx, rec)
}
