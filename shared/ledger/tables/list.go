package tables

import (
	"context"
	"fmt"
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

// and adds a condition; parameters stand in it as question marks.
func (w where) and(condition string, args ...any) where {
	for _, arg := range args {
		w.args = append(w.args, arg)
		condition = strings.Replace(condition, "?", w.lastParameter(), 1)
	}
	return where{append(w.conditions, condition), w.args}
}

func (w where) lastParameter() string { return fmt.Sprint("$", len(w.args)) }

// newestFirst ends a query: the condition, the order, and the limit of a filter.
func (w where) newestFirst(order string, limit int) (string, []any) {
	clause := ""
	if len(w.conditions) > 0 {
		clause = ` WHERE ` + strings.Join(w.conditions, ` AND `)
	}
	clause += ` ORDER BY ` + order + ` DESC`
	if limit == 0 {
		limit = defaultLimit
	}
	if limit < 0 {
		return clause, w.args
	}
	w.args = append(w.args, limit)
	return clause + ` LIMIT ` + w.lastParameter(), w.args
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

func listRequests(ctx context.Context, tx Tx, w where, f ledger.Filter) ([]account.Request, error) {
	clause, args := w.newestFirst(`created_at DESC, id`, f.Limit)
	return docs(ctx, tx, decodeRequest, `SELECT doc FROM requests`+clause, args...)
}

func listAccounts(ctx context.Context, tx Tx, f ledger.Filter) ([]account.Account, error) {
	w := commonWhere(f)
	if f.AccountID != "" {
		w = w.and(`id = ?`, f.AccountID)
	}
	if f.Open {
		w = w.and(`state <> ?`, account.AccountGone)
	}
	clause, args := w.newestFirst(`created_at DESC, id`, f.Limit)
	return docs(ctx, tx, decodeAccount, `SELECT doc FROM accounts`+clause, args...)
}

// docs reads one column of documents.
func docs[T any](ctx context.Context, tx Tx, decode func([]byte) (T, error), query string, args ...any) (found []T, err error) {
	err = tx.Query(ctx, func(scan func(...any) error) error {
		var doc []byte
		if err := scan(&doc); err != nil {
			return err
		}
		one, err := decode(doc)
		found = append(found, one)
		return err
	}, query, args...)
	return found, err
}

// Request gives one request with its steps. It fails with ledger.ErrNotFound.
func (l *Ledger) Request(ctx context.Context, id string) (r account.Request, err error) {
	err = l.read(ctx, "read a request", func(ctx context.Context, tx Tx) error {
		r, err = loadRequest(ctx, tx, id)
		return err
	})
	return r, err
}

// Requests lists requests with their steps, the newest first.
func (l *Ledger) Requests(ctx context.Context, f ledger.Filter) (found []account.Request, err error) {
	err = l.read(ctx, "list requests", func(ctx context.Context, tx Tx) error {
		found, err = listRequests(ctx, tx, requestsWhere(f), f)
		return err
	})
	return found, err
}

// Account gives one account. It fails with ledger.ErrNotFound.
func (l *Ledger) Account(ctx context.Context, id string) (a account.Account, err error) {
	err = l.read(ctx, "read an account", func(ctx context.Context, tx Tx) error {
		a, _, err = loadAccount(ctx, tx, id)
		return err
	})
	return a, err
}

// Accounts lists accounts, the newest first. Open leaves out those that are gone;
// Actions do not narrow.
func (l *Ledger) Accounts(ctx context.Context, f ledger.Filter) (found []account.Account, err error) {
	err = l.read(ctx, "list accounts", func(ctx context.Context, tx Tx) error {
		found, err = listAccounts(ctx, tx, f)
		return err
	})
	return found, err
}
