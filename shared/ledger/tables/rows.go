package tables

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// requestDoc and stepDoc are how requests and steps lie in the database. They differ
// from the domain types only in that absent arguments stay absent.
type requestDoc struct {
	account.Request
	Steps []stepDoc
}

type stepDoc struct {
	account.Step
	Args json.RawMessage `json:",omitempty"`
}

// encode gives a document as text, which is what the column holds.
func encode(doc any) (string, error) {
	b, err := json.Marshal(doc)
	return string(b), err
}

func encodeRequest(r account.Request) (string, error) {
	doc := requestDoc{Request: r}
	doc.CreatedAt, doc.ApprovedAt = r.CreatedAt.UTC(), r.ApprovedAt.UTC()
	for _, s := range r.Steps {
		s.FirstSeen, s.NextTry, s.FinishedAt = s.FirstSeen.UTC(), s.NextTry.UTC(), s.FinishedAt.UTC()
		doc.Steps = append(doc.Steps, stepDoc{s, s.Args})
	}
	return encode(doc)
}

func decodeRequest(b []byte) (account.Request, error) {
	var doc requestDoc
	if err := json.Unmarshal(b, &doc); err != nil {
		return account.Request{}, fmt.Errorf("%w: a request cannot be read: %w", ledger.ErrCorrupt, err)
	}
	r := doc.Request
	for _, s := range doc.Steps {
		s.Step.Args = s.Args
		r.Steps = append(r.Steps, s.Step)
	}
	return r, nil
}

func encodeAccount(a account.Account) (string, error) {
	a.ExpiresAt, a.Hold.Until = a.ExpiresAt.UTC(), a.Hold.Until.UTC()
	a.CreatedAt, a.TriedAt, a.RevokedAt = a.CreatedAt.UTC(), a.TriedAt.UTC(), a.RevokedAt.UTC()
	a.Password.SetAt, a.Password.LinkUntil = a.Password.SetAt.UTC(), a.Password.LinkUntil.UTC()
	return encode(a)
}

func decodeAccount(b []byte) (a account.Account, err error) {
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("%w: an account cannot be read: %w", ledger.ErrCorrupt, err)
	}
	return a, nil
}

// nameKey is how names are compared: Entra does not tell letters' case apart.
func nameKey(upn string) string { return strings.ToLower(storable(upn)) }

// storable gives a foreign text as a column takes it: PostgreSQL refuses bytes that are
// not UTF-8, and zero bytes. Such a text is kept in quotes, with escapes.
func storable(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	return strconv.QuoteToASCII(text)
}

func loadRequest(ctx context.Context, tx Tx, id string) (account.Request, error) {
	var doc []byte
	found, err := get(ctx, tx, []any{&doc}, `SELECT doc FROM requests WHERE id = $1`, id)
	if !found {
		return account.Request{}, missing(err, "request", id)
	}
	return decodeRequest(doc)
}

func missing(err error, what, id string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s %q: %w", what, id, ledger.ErrNotFound)
}

func insertRequest(ctx context.Context, tx Tx, r account.Request) error {
	doc, err := encodeRequest(r)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `INSERT INTO requests (id, tenant, upn, account_id, action, is_open, created_at, doc)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		r.ID, r.Tenant, nameKey(r.UserPrincipalName), r.AccountID, r.Action, isOpen(r), micros(r.CreatedAt), doc)
}

func updateRequest(ctx context.Context, tx Tx, r account.Request) error {
	doc, err := encodeRequest(r)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `UPDATE requests SET tenant = $1, upn = $2, account_id = $3, action = $4, is_open = $5, created_at = $6, doc = $7
		WHERE id = $8`,
		r.Tenant, nameKey(r.UserPrincipalName), r.AccountID, r.Action, isOpen(r), micros(r.CreatedAt), doc, r.ID)
}

// isOpen is a column, so a number: 1 when the request can still do something.
func isOpen(r account.Request) int {
	if account.StateOf(r).Terminal() {
		return 0
	}
	return 1
}

func loadAccount(ctx context.Context, tx Tx, id string) (account.Account, ledger.Lease, error) {
	var (
		doc   []byte
		lease ledger.Lease
		until int64
	)
	found, err := get(ctx, tx, []any{&doc, &lease.Token, &until}, `SELECT doc, lease_token, lease_until FROM accounts WHERE id = $1`, id)
	if !found {
		return account.Account{}, lease, missing(err, "account", id)
	}
	lease.Until = timeOf(until)
	a, err := decodeAccount(doc)
	return a, lease, err
}

// storeAccount inserts an account, or updates it and leaves its lease alone.
func storeAccount(ctx context.Context, tx Tx, a account.Account) error {
	doc, err := encodeAccount(a)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `INSERT INTO accounts (id, tenant, upn, state, created_at, lease_token, lease_until, doc)
		VALUES ($1, $2, $3, $4, $5, '', 0, $6)
		ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, upn = excluded.upn, state = excluded.state,
			created_at = excluded.created_at, doc = excluded.doc`,
		a.ID, a.Tenant, nameKey(a.UserPrincipalName), a.State, micros(a.CreatedAt), doc)
}

func storeLease(ctx context.Context, tx Tx, accountID string, lease ledger.Lease) error {
	return tx.Exec(ctx, `UPDATE accounts SET lease_token = $1, lease_until = $2 WHERE id = $3`,
		lease.Token, micros(lease.Until), accountID)
}

// micros is how times lie in columns; 0 is the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
