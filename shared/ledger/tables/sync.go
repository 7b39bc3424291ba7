package tables

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// SaveRun stores what a sync found, in place of what the same request stored for the
// same tenant before.
func (l *Ledger) SaveRun(ctx context.Context, run ledger.SyncRun) error {
	run.StartedAt, run.FinishedAt = run.StartedAt.UTC(), run.FinishedAt.UTC()
	doc, err := encode(run)
	if err != nil {
		return fmt.Errorf("ledger: save a sync run: %w", err)
	}
	return l.write(ctx, "save a sync run", func(ctx context.Context, tx Tx) error {
		return tx.Exec(ctx, `INSERT INTO sync_runs (tenant, request_id, started_at, doc) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, request_id) DO UPDATE SET started_at = excluded.started_at, doc = excluded.doc`,
			run.Tenant, run.RequestID, micros(run.StartedAt), doc)
	})
}

// Runs lists a tenant's sync runs, or those of all tenants when tenant is empty, the
// newest first. limit is as in ledger.Filter.
func (l *Ledger) Runs(ctx context.Context, tenant account.TenantID, limit int) (runs []ledger.SyncRun, err error) {
	var w where
	if tenant != "" {
		w = w.and(`tenant = ?`, tenant)
	}
	clause, args := w.newestFirst(`started_at DESC, request_id`, limit)
	err = l.read(ctx, "list sync runs", func(ctx context.Context, tx Tx) error {
		runs, err = docs(ctx, tx, decodeRun, `SELECT doc FROM sync_runs`+clause, args...)
		return err
	})
	return runs, err
}

func decodeRun(doc []byte) (run ledger.SyncRun, err error) {
	if err := json.Unmarshal(doc, &run); err != nil {
		return run, fmt.Errorf("%w: a sync run cannot be read: %w", ledger.ErrCorrupt, err)
	}
	return run, nil
}

// SetNote keeps a small value under a key, in place of the one before.
func (l *Ledger) SetNote(ctx context.Context, key string, value []byte) error {
	return l.write(ctx, "keep note "+key, func(ctx context.Context, tx Tx) error {
		return tx.Exec(ctx, `INSERT INTO notes (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, key, append([]byte{}, value...))
	})
}

// Note gives the value kept under a key, nil when there is none.
func (l *Ledger) Note(ctx context.Context, key string) (value []byte, err error) {
	err = l.read(ctx, "read note "+key, func(ctx context.Context, tx Tx) error {
		_, err := get(ctx, tx, []any{&value}, `SELECT value FROM notes WHERE name = $1`, key)
		return err
	})
	return value, err
}

// SwapNote puts a value in the place of the old one and reports true, or changes nothing
// and reports false when something else than old lies there by now. A nil old stands for
// nothing there. Of several that swap the same value at once, in whatever process, one
// reports true.
func (l *Ledger) SwapNote(ctx context.Context, key string, old, value []byte) (swapped bool, err error) {
	statement := `UPDATE notes SET value = $2 WHERE name = $1 AND value = $3 RETURNING name`
	args := []any{key, append([]byte{}, value...), old}
	if old == nil {
		statement = `INSERT INTO notes (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING name`
		args = args[:2]
	}
	err = l.write(ctx, "swap note "+key, func(ctx context.Context, tx Tx) error {
		var name string
		swapped, err = get(ctx, tx, []any{&name}, statement, args...)
		return err
	})
	return swapped && err == nil, err
}
