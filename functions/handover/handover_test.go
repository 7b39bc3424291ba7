package handover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

var t0 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// world is a directory, a vault and links with one account, whose password is "first".
type world struct {
	t   *testing.T
	now time.Time
	// password is what signs in; changed is what a replica shows, shows what it shows later.
	password       string
	changed, shows time.Time
	privileged     bool
	sets           int
	setErr, lost   error
	vault          map[string]string
	vaultErr       error
	withdrawn      []string
	// shown is what the last link has shown.
	shown   string
	until   time.Time
	made    int
	handler *handover.Handler
	task    step.Task[events.HandOverArgs]
	// told are the credentials that went to the ticket.
	told []events.StatusSecret
}

const oldRef = "file:tenant/acc-1"

func newWorld(t *testing.T, args events.HandOverArgs) *world {
	w := &world{t: t, now: t0, password: "first", changed: t0.Add(-time.Hour), vault: map[string]string{oldRef: "first"}, until: t0.Add(24 * time.Hour)}
	w.handler = handover.New(handover.Options{Directory: w, OnPremises: w, Vault: w, Links: w, Seal: w.seal, Passwords: w.make})
	w.task.Args = args
	w.task.Tenant = account.Tenant{Alias: "contoso", ID: "tenant"}
	w.task.Account = account.Account{
		ID: "acc-1", ObjectID: "obj-1", UserPrincipalName: "svc@contoso.com", Origin: account.Created, SecretRef: oldRef,
		Grants: []account.Grant{{Kind: account.DirectoryRole, Target: "r", Name: "Reader", State: account.GrantGiven, Ours: true}},
	}
	w.task.Request = account.Request{ID: "req-1", Action: account.Onboard, Notices: 1, Notified: 1}
	w.task.Step = account.Step{Name: "handover", FirstSeen: t0}
	return w
}

func (w *world) User(context.Context, account.TenantID, string) (account.User, error) {
	return account.User{ObjectID: "obj-1", UserPrincipalName: "svc@contoso.com", DisplayName: "Mail Scan"}, nil
}

func (w *world) PasswordChangedAt(context.Context, account.TenantID, string) (time.Time, error) {
	return w.changed, nil
}

func (w *world) SetPassword(_ context.Context, _ account.TenantID, _ string, p account.Secret) error {
	w.sets++
	switch {
	case w.privileged:
		return fault.Stopf(fault.PermissionMissing, "Insufficient privileges")
	case w.setErr != nil:
		return w.setErr
	}
	w.password = p.Reveal()
	if w.shows.IsZero() {
		w.changed = w.now
	}
	return w.lost
}

func (w *world) SealOnce(_ context.Context, key string, create func() (account.Secret, error)) (string, account.Secret, error) {
	ref := "file:" + key
	if w.vault[ref] == "" {
		s, err := create()
		if err = errors.Join(err, w.vaultErr); err != nil {
			return "", s, err
		}
		w.vault[ref] = s.Reveal()
	}
	return ref, account.NewSecret(w.vault[ref]), w.vaultErr
}

func (w *world) Replace(_ context.Context, key string, s account.Secret) (string, error) {
	w.vault["file:"+key] = s.Reveal()
	return "file:" + key, w.vaultErr
}

func (w *world) Open(_ context.Context, ref string) (account.Secret, error) {
	return account.NewSecret(w.vault[ref]), w.vaultErr
}

func (w *world) Discard(_ context.Context, ref string) error {
	delete(w.vault, ref)
	return w.vaultErr
}

func (w *world) Until(context.Context, string) (time.Time, error) { return w.until, nil }

func (w *world) Shown(context.Context, string) (string, error) { return w.shown, nil }

func (w *world) Withdraw(_ context.Context, key, _ string) error {
	w.withdrawn = append(w.withdrawn, key)
	return nil
}

func (w *world) seal(to []string, p account.Secret) (events.StatusSecret, error) {
	return events.StatusSecret{Sealed: "sealed " + strconv.Itoa(len(p.Reveal())), SealedTo: to}, nil
}

func (w *world) make(...string) (account.Secret, error) {
	w.made++
	return account.NewSecret("canary-" + strconv.Itoa(w.made)), nil
}

// once runs one attempt, and records it as the runner does.
func (w *world) once() (step.Result, error) {
	w.now = w.now.Add(time.Second)
	w.task.Now = w.now
	res, err := w.handler.Handle(w.t.Context(), w.task)
	if res.Learn != nil {
		res.Learn(&w.task.Account)
	}
	if res.Checkpoint != nil {
		w.task.Step.Checkpoint = res.Checkpoint
	}
	if err == nil && res.Credential != nil {
		w.told = append(w.told, *res.Credential)
		w.task.Request.Notices++
	}
	if err != nil && fault.ClassOf(err) == fault.Transient {
		w.task.Step.Failures++
	}
	for _, text := range []string{res.Detail, string(res.Checkpoint), errText(err), w.row()} {
		assert.NotContains(w.t, text, "canary")
		assert.NotContains(w.t, text, "first")
	}
	return res, err
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (w *world) row() string {
	b, err := json.Marshal(w.task.Account)
	require.NoError(w.t, err)
	return string(b)
}

// settle runs attempts until one asks for no other.
func (w *world) settle() (step.Result, error) {
	for {
		if res, err := w.once(); err != nil || !res.Again {
			return res, err
		}
	}
}

func (w *world) take() { w.task.Request.Notified = w.task.Request.Notices }

var byAge = events.HandOverArgs{Part: events.HandOverDeliver, Method: "age", Recipients: []string{"age1x"}}

var byLink = events.HandOverArgs{Part: events.HandOverDeliver, Method: "link"}

func TestASealedPasswordGoesToTheTicketAndLeavesTheVault(t *testing.T) {
	w := newWorld(t, byAge)
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.HandoverNotTaken), err)
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	assert.Equal(t, []events.StatusSecret{{Method: "age", Sealed: "sealed 5", SealedTo: []string{"age1x"}, Handover: "acc-1-1"}}, w.told)
	assert.Contains(t, w.vault, oldRef, "until the ticketing system has it")
	w.take()
	res, err := w.settle()
	require.NoError(t, err)
	assert.Contains(t, res.Detail, "keeps no copy")
	assert.Empty(t, w.vault)
	assert.Empty(t, w.task.Account.SecretRef)
	assert.Len(t, w.told, 1, "told once")
}

func TestACopyIsKeptWhereTheProfileSaysSo(t *testing.T) {
	args := byAge
	args.Keep = true
	w := newWorld(t, args)
	_, err := w.settle()
	require.Error(t, err)
	w.take()
	_, err = w.settle()
	require.NoError(t, err)
	assert.Contains(t, w.vault, oldRef)
	assert.Equal(t, oldRef, w.task.Account.SecretRef)
}

func TestALinkIsMadeWhenItsStatusLeavesAndStaysInTheVault(t *testing.T) {
	w := newWorld(t, byLink)
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.HandoverNotTaken), err)
	assert.Equal(t, []events.StatusSecret{{Method: "link", VaultReference: oldRef, Handover: "acc-1-1"}}, w.told, "no address")
	w.take()
	_, err = w.settle()
	require.NoError(t, err)
	assert.Equal(t, w.until, w.task.Account.Password.LinkUntil)
	assert.Contains(t, w.vault, oldRef)
}

// Who shows a password throws the vault's copy away and writes that down, and may die in
// between: whoever looks next finishes it.
func TestACopyIsNotLeftOfAPasswordThatWasShown(t *testing.T) {
	for name, end := range map[string]func(*world){
		"AtTheEndOfTheHandOver": func(*world) {},
		"WhenTheAccountGoes": func(w *world) {
			w.task.Args, w.task.Step.Checkpoint = events.HandOverArgs{Part: events.HandOverWithdraw}, nil
		},
	} {
		for keep, left := range map[bool]string{false: "", true: oldRef} {
			t.Run(fmt.Sprint(name, ",keep=", keep), func(t *testing.T) {
				w := newWorld(t, byLink)
				w.task.Account.Delivery.Keep = keep
				_, err := w.settle()
				require.Error(t, err)
				w.take()
				end(w)
				w.shown = oldRef
				_, err = w.settle()
				require.NoError(t, err)
				assert.Equal(t, left, w.task.Account.SecretRef)
				assert.Equal(t, keep, w.vault[oldRef] != "")
			})
		}
	}
}

func TestACopyOfALaterPasswordStays(t *testing.T) {
	w := newWorld(t, events.HandOverArgs{Part: events.HandOverWithdraw})
	w.task.Account.Password.Handovers, w.shown = 1, "file:tenant/an-earlier-one"
	_, err := w.settle()
	require.NoError(t, err)
	assert.Equal(t, oldRef, w.task.Account.SecretRef)
	assert.Contains(t, w.vault, oldRef)
}

func TestAHandOverThatFailedSetsAnotherPassword(t *testing.T) {
	w := newWorld(t, byLink)
	_, err := w.settle()
	require.Error(t, err)
	w.take()
	w.task.Request.Lost = []int{2}
	_, err = w.settle()
	require.True(t, fault.Is(err, fault.HandoverFailed), err)
	assert.True(t, handover.Policy.Park(fault.HandoverFailed), "a person says when to go on")
	assert.Contains(t, w.withdrawn, "acc-1-1")
	assert.Equal(t, "canary-1", w.password)
	assert.Equal(t, map[string]string{"file:tenant/acc-1.acc-1-1": "canary-1"}, w.vault)

	_, err = w.settle()
	require.True(t, fault.Is(err, fault.HandoverNotTaken), err)
	assert.Equal(t, "acc-1-2", w.told[1].Handover, "a key of its own")
	w.take()
	_, err = w.settle()
	require.NoError(t, err, "what was lost before is not this hand-over's")
	assert.Equal(t, "canary-1", w.password)
}

func TestWhatCannotBeHandedOver(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		want   fault.Code
	}{
		"an adopted account":  {func(w *world) { w.task.Account.Origin = account.Adopted }, fault.AccountProtected},
		"a protected account": {func(w *world) { w.task.Tenant.Protected = []string{"SVC@contoso.com"} }, fault.AccountProtected},
		"nothing sealed":      {func(w *world) { w.task.Account.SecretRef = "" }, fault.SecretUnavailable},
		"no new password":     {func(w *world) { w.task.Request.Action = account.Rotate }, fault.HandoverOver},
		"no such part":        {func(w *world) { w.task.Args.Part = "eat" }, fault.MalformedCommand},
		"a damaged place":     {func(w *world) { w.task.Step.Checkpoint = []byte(`{"key":7}`) }, fault.MalformedCommand},
		"a vault that is away": {func(w *world) {
			w.vaultErr = fault.Retry(fault.SecretUnavailable, 0, errors.New("away"))
		}, fault.SecretUnavailable},
	} {
		w := newWorld(t, byAge)
		c.change(w)
		_, err := w.settle()
		assert.Truef(t, fault.Is(err, c.want), "%s: %v", name, err)
		assert.Empty(t, w.told, name)
		assert.Equal(t, "first", w.password, name)
	}
}

func TestWithdrawAndDiscard(t *testing.T) {
	w := newWorld(t, events.HandOverArgs{Part: events.HandOverWithdraw})
	_, err := w.settle()
	require.NoError(t, err)
	assert.Empty(t, w.withdrawn, "there was no hand-over")
	w.task.Account.Password = account.Password{Handovers: 2, LinkUntil: t0, NextRef: "file:tenant/next"}
	w.vault["file:tenant/next"] = "x"
	_, err = w.settle()
	require.NoError(t, err)
	assert.Equal(t, []string{"acc-1-2"}, w.withdrawn)
	assert.Zero(t, w.task.Account.Password.LinkUntil)

	w.task.Args.Part = events.HandOverDiscard
	_, err = w.settle()
	require.NoError(t, err)
	assert.Empty(t, w.vault)
	assert.Empty(t, w.task.Account.SecretRef+w.task.Account.Password.NextRef)
}
