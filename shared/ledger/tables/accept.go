package tables

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// The kinds of keys a request is known by.
const (
	deliveryKey = "delivery"
	businessKey = "business"
)

// Accept stores a request, or finds the one that was stored for the same delivery or
// ticket. Everything happens in one transaction: when a key is known, the verdict is
// the first request and decide is not called; else decide gets the situation, and its
// draft is stored with its account, its audit lines and its messages. An error of
// decide leaves nothing and comes back as it is.
func (l *Ledger) Accept(ctx context.Context, keys ledger.Keys, decide func(ledger.Situation) (ledger.Draft, error)) (ledger.Verdict, error) {
	var verdict ledger.Verdict
	err := l.write(ctx, "accept a request", func(ctx context.Context, tx Tx) error {
		first, known, err := firstRequest(ctx, tx, keys)
		if err != nil {
			return err
		}
		if known {
			verdict = ledger.Verdict{Request: first, Duplicate: true}
			return rememberKeys(ctx, tx, keys, first.ID)
		}
		situation, err := situationOf(ctx, tx, keys)
		if err != nil {
			return err
		}
		draft, err := decide(situation)
		if err != nil {
			return asIs{err}
		}
		verdict = ledger.Verdict{Request: draft.Request}
		return storeDraft(ctx, tx, keys, draft)
	})
	if err != nil {
		return ledger.Verdict{}, err
	}
	return verdict, nil
}

// firstRequest finds the request a key was taken for; the delivery's word counts first.
func firstRequest(ctx context.Context, tx Tx, keys ledger.Keys) (r account.Request, known bool, err error) {
	for _, k := range [][2]string{{deliveryKey, keys.Delivery}, {businessKey, keys.Business}} {
		if k[1] == "" {
			continue
		}
		var id string
		known, err := get(ctx, tx, []any{&id}, `SELECT request_id FROM request_keys WHERE kind = $1 AND value = $2`, k[0], storable(k[1]))
		if err != nil {
			return r, false, err
		}
		if !known {
			continue
		}
		r, err = loadRequest(ctx, tx, id)
		return r, err == nil, err
	}
	return r, false, nil
}

func rememberKeys(ctx context.Context, tx Tx, keys ledger.Keys, requestID string) error {
	for _, k := range [][2]string{{deliveryKey, keys.Delivery}, {businessKey, keys.Business}} {
		if k[1] == "" {
			continue
		}
		err := tx.Exec(ctx, `INSERT INTO request_keys (kind, value, request_id) VALUES ($1, $2, $3)
			ON CONFLICT (kind, value) DO NOTHING`, k[0], storable(k[1]), requestID)
		if err != nil {
			return err
		}
	}
	return nil
}

func situationOf(ctx context.Context, tx Tx, keys ledger.Keys) (s ledger.Situation, err error) {
	if keys.UserPrincipalName == "" {
		open := ledger.Filter{Tenant: keys.Tenant, Open: true, Limit: -1}
		if keys.Action != "" {
			open.Actions = []account.Action{keys.Action}
		}
		s.Open, err = listRequests(ctx, tx, requestsWhere(open).and("upn = ''"), open)
		return s, err
	}
	named := ledger.Filter{Tenant: keys.Tenant, UserPrincipalName: keys.UserPrincipalName, Limit: -1}
	accounts, err := listAccounts(ctx, tx, named)
	if err != nil {
		return s, err
	}
	for i := range accounts { // the newest first
		switch gone := accounts[i].State == account.AccountGone; {
		case gone && s.Last == nil:
			s.Last = &accounts[i]
		case !gone && s.Account == nil:
			s.Account = &accounts[i]
		}
	}
	if s.Account == nil && keys.AppID != "" {
		if s.Account, err = connectionOf(ctx, tx, keys); err != nil {
			return s, err
		}
	}
	open := ledger.Filter{Tenant: keys.Tenant, UserPrincipalName: keys.UserPrincipalName, Open: true, Limit: -1}
	if s.Account != nil {
		open = ledger.Filter{AccountID: s.Account.ID, Open: true, Limit: -1}
	}
	s.Open, err = listRequests(ctx, tx, requestsWhere(open), open)
	return s, err
}

// connectionOf finds the living connection of an application, under whatever name.
func connectionOf(ctx context.Context, tx Tx, keys ledger.Keys) (*account.Account, error) {
	all, err := listAccounts(ctx, tx, ledger.Filter{Tenant: keys.Tenant, Limit: -1})
	for i := range all {
		if all[i].State != account.AccountGone && strings.EqualFold(all[i].AppID, keys.AppID) {
			return &all[i], err
		}
	}
	return nil, err
}

func storeDraft(ctx context.Context, tx Tx, keys ledger.Keys, d ledger.Draft) error {
	if d.Request.ID == "" {
		return errors.New("the draft has no request id")
	}
	if err := insertRequest(ctx, tx, d.Request); err != nil {
		return err
	}
	if err := rememberKeys(ctx, tx, keys, d.Request.ID); err != nil {
		return err
	}
	if d.Account.ID != "" {
		if err := storeAccount(ctx, tx, d.Account); err != nil {
			return err
		}
	}
	if d.Lease.Token != "" {
		if err := storeLease(ctx, tx, d.Account.ID, d.Lease); err != nil {
			return err
		}
	}
	for _, id := range d.Cancel {
		if err := cancel(ctx, tx, id, d.Why); err != nil {
			return err
		}
	}
	return apply(ctx, tx, &d.Record)
}

// cancel writes why a request was overtaken; the first reason stays.
func cancel(ctx context.Context, tx Tx, id, why string) error {
	r, err := loadRequest(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	if r.Cancelled != "" {
		return nil
	}
	r.Cancelled = why
	return updateRequest(ctx, tx, r)
}
