package create_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/domainfake"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

var errLost = errors.New("connection lost")

// vault keeps one password per key and remembers how often it sealed.
type vault struct {
	sealed map[string]account.Secret
	fail   error
}

func (v *vault) SealOnce(_ context.Context, key string, make func() (account.Secret, error)) (string, account.Secret, error) {
	if v.fail != nil {
		return "", account.Secret{}, v.fail
	}
	if _, there := v.sealed[key]; !there {
		s, err := make()
		if err != nil {
			return "", account.Secret{}, err
		}
		v.sealed[key] = s
	}
	return "file:" + key, v.sealed[key], nil
}

func (v *vault) Replace(_ context.Context, key string, s account.Secret) (string, error) {
	v.sealed[key] = s
	return "file:" + key, nil
}

type bench struct {
	tenant  *tenanttest.Memory
	domain  *domainfake.Domain
	vault   *vault
	handler *create.Handler
	task    step.Task[events.CreateArgs]
	made    int
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{tenant: tenanttest.NewMemory(), domain: domainfake.New(), vault: &vault{sealed: map[string]account.Secret{}}}
	b.handler = create.New(b.tenant, b.vault, func(...string) (account.Secret, error) {
		b.made++
		return account.NewSecret(fmt.Sprintf("password-%d", b.made)), nil
	}, b.domain)
	b.task = step.Task[events.CreateArgs]{
		Account: account.Account{ID: "acc-1", RequestID: "req-1", UserPrincipalName: "svc@contoso.onmicrosoft.com", Origin: account.Created},
		Tenant:  account.Tenant{ID: "tid", Alias: "contoso"},
		Args:    events.CreateArgs{UserName: "svc", Domain: "contoso.onmicrosoft.com", DisplayName: "Service"},
		Now:     time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
	}
	return b
}

// run handles the task and keeps what was learned, as the runner does.
func (b *bench) run() (step.Result, error) {
	res, err := b.handler.Handle(context.Background(), b.task)
	if res.Learn != nil {
		res.Learn(&b.task.Account)
	}
	return res, err
}

func TestCreate(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		b := setup(t)
		_, err := b.run()
		require.NoError(t, err)
		user, err := b.tenant.User(context.Background(), "tid", "svc@contoso.onmicrosoft.com")
		require.NoError(t, err)
		assert.Equal(t, user.ObjectID, b.task.Account.ObjectID)
		assert.Equal(t, "usher:req-1", user.Stamp)
		assert.Equal(t, "file:tid/acc-1", b.task.Account.SecretRef)
		assert.Equal(t, "password-1", b.tenant.Password(user.ObjectID).Reveal())
	})
	t.Run("AgainIsNothingNew", func(t *testing.T) {
		b := setup(t)
		_, err := b.run()
		require.NoError(t, err)
		_, err = b.run()
		require.NoError(t, err)
		assert.Equal(t, 1, b.made)
	})
	t.Run("VaultFirst", func(t *testing.T) {
		b := setup(t)
		b.vault.fail = fault.Retry(fault.SecretUnavailable, 0, errors.New("disk full"))
		_, err := b.run()
		require.Error(t, err)
		assert.NotContains(t, b.tenant.Calls(), "CreateUser", "no account without a sealed password")
	})
	t.Run("NameTakenByAForeignAccount", func(t *testing.T) {
		b := setup(t)
		b.tenant.Put(account.User{UserPrincipalName: "SVC@contoso.onmicrosoft.com"})
		_, err := b.run()
		assert.Equal(t, fault.NameTaken, fault.CodeOf(err))
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
		assert.NotContains(t, b.tenant.Calls(), "CreateUser")
	})
}

func TestCreateAfterALostReplyKeepsThePassword(t *testing.T) {
	b := setup(t)
	b.tenant.After = func(op string) error {
		if op == "CreateUser" {
			return errLost
		}
		return nil
	}
	_, err := b.run()
	require.ErrorIs(t, err, errLost)
	_, err = b.run()
	require.NoError(t, err)
	require.NotEmpty(t, b.task.Account.ObjectID)
	assert.Equal(t, 1, b.made, "the retry must not make another password")
	assert.Equal(t, b.vault.sealed["tid/acc-1"], b.tenant.Password(b.task.Account.ObjectID))
}

func TestCreateWaitsForAStaleRead(t *testing.T) {
	b := setup(t)
	b.tenant.Before = func(op string) error {
		if op == "User" {
			return fault.Stopf(fault.UserNotFound, "stale replica")
		}
		return nil
	}
	_, err := b.run()
	assert.Equal(t, fault.UserNotReadable, fault.CodeOf(err))
	assert.NotEmpty(t, b.task.Account.ObjectID, "the object id is on record although the read-back waits")
	b.tenant.Before = nil
	_, err = b.run()
	require.NoError(t, err)
}

func TestCreateTriesThreePasswords(t *testing.T) {
	b := setup(t)
	b.tenant.Before = func(op string) error {
		if op == "CreateUser" {
			return fault.Stopf(fault.PasswordRejected, "banned")
		}
		return nil
	}
	for failures, class := range []fault.Class{fault.Transient, fault.Transient, fault.Permanent} {
		b.task.Step.Failures = failures
		_, err := b.run()
		assert.Equal(t, class, fault.ClassOf(err), "failure %d", failures)
		assert.Equal(t, fault.PasswordRejected, fault.CodeOf(err))
	}
	assert.Equal(t, 3, b.made)
}

func TestAdopt(t *testing.T) {
	role := "194ae4cb-b126-40b2-bd5b-6091b380977d"
	adopting := func(t *testing.T) *bench {
		b := setup(t)
		b.task.Args.Adopt = true
		b.task.Account.Origin = account.Adopted
		b.task.Account.Grants = []account.Grant{{Kind: account.DirectoryRole, Target: role, State: account.GrantPlanned, Ours: true}}
		return b
	}
	t.Run("OK", func(t *testing.T) {
		b := adopting(t)
		id := b.tenant.Put(account.User{UserPrincipalName: "svc@contoso.onmicrosoft.com", Enabled: true})
		_, err := b.run()
		require.NoError(t, err)
		assert.Equal(t, id, b.task.Account.ObjectID)
		assert.True(t, b.task.Account.Grants[0].Ours)
		assert.Zero(t, b.made)
	})
	t.Run("SyncedFromActiveDirectory", func(t *testing.T) {
		b := adopting(t)
		id := b.tenant.Put(account.User{UserPrincipalName: "svc@contoso.onmicrosoft.com", Enabled: true, Synced: true})
		res, err := b.run()
		require.NoError(t, err)
		assert.Equal(t, id, b.task.Account.ObjectID)
		assert.Contains(t, res.Detail, "synced from Active Directory")
		assert.Equal(t, []string{"User", "RoleAssignments"}, b.tenant.Calls(), "nothing of it is written")
	})
	t.Run("ARoleHeldBeforeIsNotOurs", func(t *testing.T) {
		b := adopting(t)
		id := b.tenant.Put(account.User{UserPrincipalName: "svc@contoso.onmicrosoft.com"})
		_, err := b.tenant.AssignRole(context.Background(), "tid", id, role)
		require.NoError(t, err)
		_, err = b.run()
		require.NoError(t, err)
		assert.False(t, b.task.Account.Grants[0].Ours)
	})
	t.Run("Missing", func(t *testing.T) {
		_, err := adopting(t).run()
		assert.Equal(t, fault.UserNotFound, fault.CodeOf(err))
	})
	t.Run("Protected", func(t *testing.T) {
		b := adopting(t)
		b.task.Tenant.Protected = []string{b.tenant.Put(account.User{UserPrincipalName: "svc@contoso.onmicrosoft.com"})}
		_, err := b.run()
		assert.Equal(t, fault.AccountProtected, fault.CodeOf(err))
	})
}

func TestResultNeverCarriesThePassword(t *testing.T) {
	b := setup(t)
	res, err := b.run()
	require.NoError(t, err)
	shown, err := json.Marshal(b.task.Account)
	require.NoError(t, err)
	assert.NotContains(t, string(shown)+res.Detail, "password-1")
}
