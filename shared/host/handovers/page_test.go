package handovers_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

var t0 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

const ref = "file:tid/acc-1"

// house is a ledger with one account, its vault, its notices and its desk.
type house struct {
	notes   map[string][]byte
	account account.Account
	audit   []ledger.Entry
	vault   map[string]string
	notices []ledger.Notice
	ordered []*events.Delivery
	refuses error
	// writing happens while the page is on its way to the visitor.
	writing func()
	handler http.Handler
	link    string
}

func (h *house) Note(_ context.Context, name string) ([]byte, error) { return h.notes[name], nil }

func (h *house) SwapNote(_ context.Context, name string, old, value []byte) (bool, error) {
	if !bytes.Equal(h.notes[name], old) {
		return false, nil
	}
	h.notes[name] = value
	return true, nil
}

func (h *house) Account(context.Context, string) (account.Account, error) { return h.account, nil }

func (h *house) Update(_ context.Context, _ string, change func(*ledger.Record) error) error {
	rec := ledger.Record{Account: h.account}
	err := change(&rec)
	h.account, h.audit = rec.Account, append(h.audit, rec.Audit...)
	return err
}

func (h *house) Open(_ context.Context, ref string) (account.Secret, error) {
	return account.NewSecret(h.vault[ref]), nil
}

func (h *house) Discard(_ context.Context, ref string) error {
	delete(h.vault, ref)
	return nil
}

func (h *house) Raise(_ context.Context, notices ...ledger.Notice) (int, error) {
	h.notices = append(h.notices, notices...)
	return len(notices), nil
}

func (h *house) Rotate(_ context.Context, _ account.Account, _, _ string, how *events.Delivery) (account.Request, error) {
	h.ordered = append(h.ordered, how)
	return account.Request{}, h.refuses
}

// open makes the link of an account's first hand-over.
func open(t *testing.T) *house {
	h := &house{notes: map[string][]byte{}, vault: map[string]string{ref: "canary"}, writing: func() {}, account: account.Account{
		ID: "acc-1", Tenant: "tid", RequestID: "req-1", UserPrincipalName: "svc@contoso.com", SecretRef: ref, State: account.AccountActive,
		Password: account.Password{Handovers: 1, SetAt: t0.Add(-time.Hour)},
	}}
	c := config.Config{}
	c.HandOver.Address = "https://usher.example.com/handover"
	office, err := handovers.New(handovers.Options{Config: c, Ledger: h, Now: func() time.Time { return t0 }, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	_, h.handler, err = office.Page(handovers.PageOptions{Vault: h, Notices: h, Desk: h})
	require.NoError(t, err)
	link, _, err := office.Address(t.Context(), h.account.HandoverKey(1), ref, h.account.UserPrincipalName)
	require.NoError(t, err)
	h.link = link.Reveal()
	return h
}

// visitor is a browser, during whose answer something may happen.
type visitor struct {
	*httptest.ResponseRecorder
	during func()
}

func (v visitor) Write(p []byte) (int, error) {
	v.during()
	return v.ResponseRecorder.Write(p)
}

func (h *house) press(t *testing.T) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(visitor{w, h.writing}, httptest.NewRequestWithContext(t.Context(), http.MethodPost, h.link, http.NoBody))
	return w
}

func TestARevealThrowsTheVaultsCopyAway(t *testing.T) {
	h := open(t)
	assert.Contains(t, h.press(t).Body.String(), "canary")
	assert.Empty(t, h.vault)
	assert.Empty(t, h.account.SecretRef)
	require.Len(t, h.audit, 1)
	assert.Equal(t, "password.revealed", h.audit[0].Kind)
	assert.Empty(t, h.notices)
}

// The page is slow to leave, and meanwhile a rotation sets another password: that one
// stays in the vault.
func TestARevealLeavesALaterPasswordAlone(t *testing.T) {
	h := open(t)
	h.writing = func() {
		h.account.SecretRef, h.vault["file:tid/later"] = "file:tid/later", "later"
	}
	h.press(t)
	assert.Contains(t, h.vault, "file:tid/later")
	assert.Equal(t, "file:tid/later", h.account.SecretRef)
}

func TestWhatASecondVisitBrings(t *testing.T) {
	busy := fault.Stopf(fault.AccountBusy, "at work")
	for name, c := range map[string]struct {
		change  func(*house)
		ordered int
		owed    bool
		says    string
	}{
		"Active":   {func(*house) {}, 1, true, "the next night at the latest"},
		"Busy":     {func(h *house) { h.refuses = busy }, 1, true, "the next night at the latest"},
		"Planned":  {func(h *house) { h.account.State = account.AccountPlanned }, 0, true, "the next night at the latest"},
		"Leaving":  {func(h *house) { h.account.State = account.AccountLeaving }, 0, true, "should it come back"},
		"SetSince": {func(h *house) { h.account.Password.SetAt = t0.Add(time.Second) }, 0, false, "set anew since"},
		"Later":    {func(h *house) { h.account.Password.Handovers = 2 }, 0, false, "set anew since"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.press(t)
			c.change(h)
			for range 2 {
				assert.Equal(t, http.StatusGone, h.press(t).Code)
			}
			require.Len(t, h.notices, 1, "once")
			assert.Contains(t, h.notices[0].Text, c.says)
			assert.NotContains(t, h.notices[0].Text, h.link[strings.LastIndexByte(h.link, '/'):])
			assert.Len(t, h.ordered, c.ordered)
			assert.Equal(t, c.owed, !h.account.Password.ExposedAt.IsZero())
		})
	}
}

func TestKeysThatAreNone(t *testing.T) {
	private := "AGE-SECRET-KEY-1CANARY"
	tenant, mine := config.Config{}, profile.Profile{Name: "mine"}
	tenant.Tenants = []account.Tenant{{Alias: "contoso", Delivery: account.Delivery{Method: account.DeliverByAge, Recipients: []string{private}}}}
	mine.Delivery = profile.Delivery{Method: account.DeliverByAge, Recipients: []string{private}}
	for where, o := range map[string]handovers.Options{
		"tenants.contoso.delivery": {Config: tenant},
		"profile mine.delivery":    {Profiles: []profile.Profile{{Name: "none"}, mine}},
	} {
		_, err := handovers.New(o)
		require.ErrorContains(t, err, where)
		require.ErrorContains(t, err, "private key")
		assert.NotContains(t, err.Error(), private)
	}
}
