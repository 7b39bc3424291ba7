package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

const defaultLimit = 100

// where is a condition with its arguments.
type where struct {
	conditions []string
	args       []any
}

func (w where) and(condition string, args ...any) where {
	return where{append(w.conditions, condition), append(w.args, args...)}
}

// newestFirst ends a query: the condition, the order, and the limit of a filter.
func (w where) newestFirst(limit int) (string, []any) {
	clause := ""
	if len(w.conditions) > 0 {
		clause = ` WHERE ` + strings.Join(w.conditions, ` AND `)
	}
	clause += ` ORDER BY created_at DESC, id DESC`
	if limit == 0 {
		limit = defaultLimit
	}
	if limit < 0 {
		return clause, w.args
	}
	return clause + ` LIMIT ?`, append(w.args, limit)
}

// commonWhere is what requests and accounts are narrowed by alike.
func commonWhere(f ledger.Filter) (w where) {
	if f.Tenant != "" {
		w = w.and(`tenant = ?`, f.Tenant)
	}
	if f.UserPrincipalName != "" {
		w = w.and(`upn = ?`, nameKey(f.UserPrincipalName))
	}
	return w
}

func requestsWhere(f ledger.Filter) where {
	w := commonWhere(f)
	if f.AccountID != "" {
		w = w.and(`account_id = ?`, f.AccountID)
	}
	if f.Open {
		w = w.and(`is_open = 1`)
	}
	if len(f.Actions) > 0 {
		args := make([]any, len(f.Actions))
		for i, a := range f.Actions {
			args[i] = a
		}
		w = w.and(`action IN (?`+strings.Repeat(`, ?`, len(args)-1)+`)`, args...)
	}
	return w
}

func listRequests(ctx context.Context, tx *sql.Tx, w where, f ledger.Filter) ([]account.Request, error) {
	clause, args := w.newestFirst(f.Limit)
	return docs(ctx, tx, decodeRequest, `SELECT doc FROM requests`+clause, args...)
}

func listAccounts(ctx context.Context, tx *sql.Tx, f ledger.Filter) ([]account.Account, error) {
	w := commonWhere(f)
	if f.AccountID != "" {
		w = w.and(`id = ?`, f.AccountID)
	}
	if f.Open {
		w = w.and(`state <> ?`, account.AccountGone)
	}
	clause, args := w.newestFirst(f.Limit)
	return docs(ctx, tx, decodeAccount, `SELECT doc FROM accounts`+clause, args...)
}

// docs reads one column of documents.
func docs[T any](ctx context.Context, tx *sql.Tx, decode func([]byte) (T, error), query string, args ...any) (found []T, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // Err tells
	for rows.Next() {
		var doc []byte
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		one, err := decode(doc)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

// Request gives one request with its steps. It fails with ledger.ErrNotFound.
func (l *Ledger) Request(ctx context.Context, id string) (r account.Request, err error) {
	err = l.read(ctx, "read a request", func(ctx context.Context, tx *sql.Tx) error {
		r, err = loadRequest(ctx, tx, id)
		return err
	})
	return r, err
}

// Requests lists requests with their steps, the newest first.
func (l *Ledger) Requests(ctx context.Context, f ledger.Filter) (found []account.Request, err error) {
	err = l.read(ctx, "list requests", func(ctx context.Context, tx *sql.Tx) error {
		found, err = listRequests(ctx, tx, requestsWhere(f), f)
		return err
	})
	return found, err
}

// Account gives one account. It fails with ledger.ErrNotFound.
func (l *Ledger) Account(ctx context.Context, id string) (a account.Account, err error) {
	err = l.read(ctx, "read an account", func(ctx context.Context, tx *sql.Tx) error {
		a, _, err = loadAccount(ctx, tx, id)
		return err
	})
	return a, err
}

// Accounts lists accounts, the newest first. Open leaves out those that are gone;
// Actions do not narrow.
func (l *Ledger) Accounts(ctx context.Context, f ledger.Filter) (found []account.Account, err error) {
	err = l.read(ctx, "list accounts", func(ctx context.Context, tx *sql.Tx) error {
		found, err = listAccounts(ctx, tx, f)
		return err
	})
	return found, err
}
