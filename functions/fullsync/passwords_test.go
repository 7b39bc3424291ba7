package fullsync_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// office is desk, vault and links for passwords.
type office struct {
	rotated   map[string]*events.Delivery
	discarded []string
	shown     string
	err       error
}

func (o *office) Rotate(_ context.Context, a account.Account, _, _ string, how *events.Delivery) (account.Request, error) {
	o.rotated[a.ID] = how
	return account.Request{}, o.err
}

func (o *office) Discard(_ context.Context, ref string) error {
	o.discarded = append(o.discarded, ref)
	return nil
}

func (o *office) Shown(context.Context, string) (string, error) { return o.shown, nil }

// look runs the sync with an office.
func (b *bench) look(t *testing.T, o *office) {
	t.Helper()
	o.rotated = map[string]*events.Delivery{}
	h := fullsync.New(b.tenant, b.tenant, b.ledger, b.ledger, b.desk, func() time.Time { return b.task.Now })
	h.Passwords = &fullsync.Passwords{Desk: o, Vault: o, Links: o}
	_, err := h.Handle(t.Context(), b.task)
	require.NoError(t, err)
}

func (b *bench) kept(t *testing.T, id string) account.Account {
	t.Helper()
	a, err := b.ledger.Account(t.Context(), id)
	require.NoError(t, err)
	return a
}

func (b *bench) kinds(t *testing.T) (kinds []string) {
	t.Helper()
	notices, err := b.ledger.Notices(t.Context(), ledger.NoticeFilter{})
	require.NoError(t, err)
	for _, n := range notices {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

func TestAPasswordIsSetAnewWhenItIsDue(t *testing.T) {
	b := setup(t)
	aged := func(days int) func(*account.Account) {
		return func(a *account.Account) {
			a.Password = account.Password{SetAt: now.AddDate(0, 0, -days), RotateDays: 90}
		}
	}
	b.onboarded(t, "old", aged(90))
	b.onboarded(t, "young", aged(89))
	b.onboarded(t, "forever", func(a *account.Account) { a.Password.SetAt = now.AddDate(-9, 0, 0) })
	b.onboarded(t, "leaving", func(a *account.Account) { aged(99)(a); a.State = account.AccountLeaving })
	o := &office{}
	b.look(t, o)
	assert.Equal(t, map[string]*events.Delivery{"acc-old": nil}, o.rotated)
	for err, kinds := range map[error][]string{
		fault.Stop(fault.AccountBusy, errors.New("busy")):          nil,
		fault.Stop(fault.RequestInvalid, errors.New("not set up")): {"rotation.refused"},
	} {
		b := setup(t)
		b.onboarded(t, "old", aged(90))
		b.look(t, &office{err: err})
		assert.Equal(t, kinds, b.kinds(t))
	}
}

func TestALinkThatNobodyOpenedIsClosedAndThePasswordSetAnew(t *testing.T) {
	b := setup(t)
	open := func(until time.Time) func(*account.Account) {
		return func(a *account.Account) {
			a.SecretRef, a.Password = "ref", account.Password{Handovers: 1, LinkUntil: until}
		}
	}
	b.onboarded(t, "expired", open(now))
	b.onboarded(t, "open", open(now.Add(time.Hour)))
	o := &office{}
	b.look(t, o)
	assert.Equal(t, map[string]*events.Delivery{"acc-expired": {Method: "vault"}}, o.rotated)
	assert.Equal(t, []string{"link.expired"}, b.kinds(t))
	assert.Zero(t, b.kept(t, "acc-expired").Password.LinkUntil)
	assert.NotZero(t, b.kept(t, "acc-open").Password.LinkUntil)
	assert.Empty(t, o.discarded)
}

// Another request is at work, or the password is not ours to set: nothing is said to have
// been done, and the next night looks again.
func TestALinkStaysForAnotherNightWhereThePasswordCannotBeSetNow(t *testing.T) {
	for code, kinds := range map[fault.Code][]string{fault.AccountBusy: nil, fault.AccountProtected: {"rotation.refused"}} {
		b := setup(t)
		b.onboarded(t, "expired", func(a *account.Account) {
			a.SecretRef, a.Password = "ref", account.Password{Handovers: 1, LinkUntil: now}
		})
		b.look(t, &office{err: fault.Stop(code, errors.New("not now"))})
		assert.Equal(t, kinds, b.kinds(t))
		assert.Equal(t, now, b.kept(t, "acc-expired").Password.LinkUntil)
		o := &office{}
		b.look(t, o)
		assert.Contains(t, o.rotated, "acc-expired")
		assert.Contains(t, b.kinds(t), "link.expired")
	}
}

func TestAPasswordThatSomebodyMayHaveSeenIsSetAnew(t *testing.T) {
	b := setup(t)
	seen := func(a *account.Account) { a.Password = account.Password{Handovers: 1, ExposedAt: now.Add(-time.Hour)} }
	b.onboarded(t, "seen", seen)
	b.onboarded(t, "new", func(a *account.Account) { seen(a); a.State = account.AccountPlanned })
	b.onboarded(t, "leaving", func(a *account.Account) { seen(a); a.State = account.AccountLeaving })
	o := &office{}
	b.look(t, o)
	assert.Equal(t, map[string]*events.Delivery{"acc-seen": {Method: "vault"}, "acc-new": {Method: "vault"}}, o.rotated, "it stays in the vault until somebody asks")
	assert.Empty(t, b.kinds(t))
}

// failedRotation is one that was ordered at a time, and came to nothing.
func (b *bench) failedRotation(t *testing.T, a account.Account, ordered time.Time) {
	t.Helper()
	_, err := b.ledger.Accept(t.Context(), ledger.Keys{Tenant: a.Tenant, UserPrincipalName: a.UserPrincipalName}, func(ledger.Situation) (ledger.Draft, error) {
		return ledger.Draft{Record: ledger.Record{Account: a, Request: account.Request{
			ID: "rotation", Action: account.Rotate, Tenant: a.Tenant, AccountID: a.ID, UserPrincipalName: a.UserPrincipalName, CreatedAt: ordered,
			Steps: []account.Step{{Name: "reset", Function: events.HandOver, State: account.StepFailed, FinishedAt: ordered}},
		}}}, nil
	})
	require.NoError(t, err)
}

// A rotation that failed took the account's roles for minutes: that is not done each night,
// however far it came, and also where a hand-over that failed waits for the new password.
func TestARotationThatFailedIsToldOfAndNotBegunAgain(t *testing.T) {
	for name, c := range map[string]struct {
		due     account.Password
		ordered time.Duration
		again   bool
	}{
		"old":    {account.Password{SetAt: now.AddDate(0, 0, -90), RotateDays: 90}, -24 * time.Hour, false},
		"before": {account.Password{SetAt: now.AddDate(0, 0, -90), RotateDays: 90}, -91 * 24 * time.Hour, true},
		"seen":   {account.Password{Handovers: 1, ExposedAt: now.Add(-25 * time.Hour)}, -24 * time.Hour, false},
		"anew":   {account.Password{Handovers: 1, ExposedAt: now.Add(-23 * time.Hour)}, -24 * time.Hour, true},
		"link":   {account.Password{Handovers: 1, LinkUntil: now}, -24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, o := setup(t), &office{}
			a := b.onboarded(t, name, func(a *account.Account) { a.Password = c.due })
			b.failedRotation(t, a, now.Add(c.ordered))
			require.NoError(t, b.ledger.Update(t.Context(), a.RequestID, func(rec *ledger.Record) error {
				rec.Request.Steps = append(rec.Request.Steps, account.Step{
					Name: events.StepHandOver, State: account.StepPending, FaultCode: string(fault.HandoverFailed),
				})
				rec.Request.Park("the hand-over failed")
				return nil
			}))
			b.look(t, o)
			if c.again {
				assert.Contains(t, o.rotated, a.ID)
				return
			}
			assert.Empty(t, o.rotated)
			assert.Equal(t, []string{"rotation.failed"}, b.kinds(t))
		})
	}
}

func TestACopyThatWasLeftAfterTheRevealIsThrownAway(t *testing.T) {
	b := setup(t)
	b.onboarded(t, "shown", func(a *account.Account) {
		a.SecretRef, a.Password = "ref", account.Password{Handovers: 1, LinkUntil: now}
	})
	o := &office{shown: "ref"}
	b.look(t, o)
	assert.Empty(t, o.rotated)
	assert.Equal(t, []string{"ref"}, o.discarded)
	assert.Empty(t, b.kept(t, "acc-shown").SecretRef)
}

func TestThePasswordOfAnAccountThatCannotComeBackIsThrownAway(t *testing.T) {
	b := setup(t)
	gone := func(days int) func(*account.Account) {
		return func(a *account.Account) {
			a.State, a.SecretRef, a.Password.NextRef, a.RevokedAt = account.AccountGone, "ref", "next", now.AddDate(0, 0, -days)
		}
	}
	b.onboarded(t, "long", gone(31))
	b.onboarded(t, "lately", gone(30))
	o := &office{}
	b.look(t, o)
	assert.Equal(t, []string{"ref", "next"}, o.discarded)
	assert.Empty(t, b.kept(t, "acc-long").SecretRef+b.kept(t, "acc-long").Password.NextRef)
	assert.Equal(t, "ref", b.kept(t, "acc-lately").SecretRef)
	b.look(t, o)
	assert.Len(t, o.discarded, 2, "once")
}
