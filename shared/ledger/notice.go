package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
)

// Notice is something a person should know that belongs to no open request: an account
// that is about to expire, an owner who is gone, a credential that is dying. It is open
// from when it is raised until it is cleared.
type Notice struct {
	// Key is what the notice is about, "<kind>/<tenant>/<subject>" (see NoticeKey): of each
	// key one notice is open at a time. Required.
	Key string
	// Tenant is whose audit log it is written into. Required.
	Tenant account.TenantID
	// AccountID and RequestID say what it belongs to; both are optional.
	AccountID, RequestID string
	// Kind is subject.verb, as in the audit log: expiry.near, owner.gone. Required.
	Kind string
	// Text is what is the matter and what to do about it, in one or two sentences. It
	// holds no secret: it is mailed. Required.
	Text string
	// Mail are the addresses that are told, once each; empty tells nobody by mail.
	Mail []string
	// By is who raised it, a function's name or a person. Empty means "usher".
	By string
	// RaisedAt is required.
	RaisedAt time.Time
	// ClearedAt is when it was over; zero while it is open.
	ClearedAt time.Time
	// Delivered names what it was delivered to already (see package step); the ledger
	// begins it empty.
	Delivered []string
	// Undelivered is why it has not come everywhere; empty when it has, or was not tried.
	Undelivered string
}

// NoticeKey builds a key.
func NoticeKey(kind string, tenant account.TenantID, subject string) string {
	return kind + "/" + string(tenant) + "/" + subject
}

// ID is one raising of a notice: another one than when the same key was raised before.
func (n Notice) ID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", n.Key, n.RaisedAt.UnixMicro()))
	return "notice-" + hex.EncodeToString(sum[:12])
}

// Open reports whether it still holds.
func (n Notice) Open() bool { return n.ClearedAt.IsZero() }

// Check says what a notice lacks to be raised.
func (n Notice) Check() error {
	var lacks []string
	for _, field := range []struct {
		name string
		has  bool
	}{
		{"key", n.Key != ""}, {"tenant", n.Tenant != ""}, {"kind", n.Kind != ""}, {"text", n.Text != ""}, {"time", !n.RaisedAt.IsZero()},
	} {
		if !field.has {
			lacks = append(lacks, field.name)
		}
	}
	if len(lacks) > 0 {
		return errors.New("a notice lacks its " + strings.Join(lacks, ", "))
	}
	return nil
}

// Clearing ends an open notice. One that is not open is left as it is.
type Clearing struct {
	Key string
	At  time.Time
	// By is who cleared it. Empty means "usher".
	By string
}

// NoticeFilter narrows a listing of notices. Zero fields do not narrow.
type NoticeFilter struct {
	Key       string
	Tenant    account.TenantID
	AccountID string
	// Open leaves out those that were cleared.
	Open bool
	// Limit is as in Filter.
	Limit int
}

// LifeKey is the key of a notice about an account's life.
func LifeKey(a account.Account, kind account.LifeNoticeKind) string {
	return NoticeKey(string(kind), a.Tenant, a.ID)
}
