package create_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// synced is an account that is to be made in Active Directory.
func synced(t *testing.T) *bench {
	b := setup(t)
	b.task.Account.OnPremises.Domain = "DC=corp,DC=example"
	b.task.Args.OnPremises = &events.OnPremisesArgs{OU: "OU=Services"}
	return b
}

// await is the step that follows.
func (b *bench) await() error {
	b.task.Args.AwaitSync = true
	defer func() { b.task.Args.AwaitSync = false }()
	_, err := b.run()
	return err
}

func (b *bench) cycle() { b.tenant.Sync(b.domain.Users()) }

func TestASyncedAccountIsMadeInActiveDirectoryAndWaitedFor(t *testing.T) {
	b := synced(t)
	_, err := b.run()
	require.NoError(t, err)
	o := b.task.Account.OnPremises
	require.Len(t, b.domain.Users(), 1)
	made := b.domain.Users()[0]
	assert.Equal(t, account.OnPremises{Domain: "DC=corp,DC=example", GUID: made.GUID, ImmutableID: made.ImmutableID}, o)
	assert.Equal(t, "usher:req-1", made.Stamp)
	assert.Equal(t, "password-1", b.domain.Password(made.GUID).Reveal())
	assert.Equal(t, "file:tid/acc-1", b.task.Account.SecretRef)

	err = b.await()
	assert.Equal(t, fault.EntraConnectNotSynced, fault.CodeOf(err))
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	b.cycle()
	require.NoError(t, b.await())
	user, err := b.tenant.UserByImmutableID(context.Background(), "tid", o.ImmutableID)
	require.NoError(t, err)
	assert.Equal(t, user.ObjectID, b.task.Account.ObjectID)

	calls := len(b.domain.Calls())
	_, err = b.run()
	require.NoError(t, err)
	require.NoError(t, b.await())
	assert.Len(t, b.domain.Calls(), calls, "with its GUID on record the account is not made again")
	for _, op := range []string{"CreateUser", "SetEnabled", "DeleteUser"} {
		assert.NotContains(t, b.tenant.Calls(), op, "nothing is written to it in Entra")
	}
}

func TestALostReplyOfAnyWriteEndsInOneAccountWithTheSealedPassword(t *testing.T) {
	for _, op := range []string{"add", "password", "enable"} {
		b := synced(t)
		b.domain.After = func(done, _ string) error {
			if done == op {
				b.domain.After = nil
				return errLost
			}
			return nil
		}
		_, err := b.run()
		require.ErrorIs(t, err, errLost, op)
		b.cycle() // Entra Connect may bring what is half made
		_, err = b.run()
		require.NoError(t, err, op)
		require.Len(t, b.domain.Users(), 1)
		assert.Equal(t, 1, b.made)
		assert.Equal(t, b.vault.sealed["tid/acc-1"], b.domain.Password(b.task.Account.OnPremises.GUID))
		if op == "add" || op == "password" {
			assert.Equal(t, fault.EntraConnectNotSynced, fault.CodeOf(b.await()), "Entra still shows it as disabled")
		}
		b.cycle()
		require.NoError(t, b.await())
	}
}

func TestThreePasswordsAreTriedInActiveDirectory(t *testing.T) {
	b := synced(t)
	refused := 0
	b.domain.Refuses = func(account.Secret) bool { refused++; return true }
	for failures, class := range []fault.Class{fault.Transient, fault.Transient, fault.Permanent} {
		b.task.Step.Failures = failures
		_, err := b.run()
		assert.Equal(t, class, fault.ClassOf(err), "failure %d", failures)
		assert.Equal(t, fault.ADPasswordRejected, fault.CodeOf(err))
	}
	assert.Equal(t, []int{3, 3}, []int{b.made, refused})
	b.domain.Refuses = nil
	_, err := b.run()
	require.NoError(t, err)
	assert.Equal(t, b.vault.sealed["tid/acc-1"], b.domain.Password(b.task.Account.OnPremises.GUID), "what is sealed is what it has")
}

func TestAForeignAccountInEntraIsNeverTakenForOurs(t *testing.T) {
	t.Run("BeforeTheAccountIsMade", func(t *testing.T) {
		b := synced(t)
		b.tenant.Put(account.User{UserPrincipalName: "svc@contoso.onmicrosoft.com", Enabled: true})
		_, err := b.run()
		assert.Equal(t, fault.NameTaken, fault.CodeOf(err))
		assert.Empty(t, b.domain.Users(), "nothing was made, for Entra Connect would have taken that account over")
	})
	for name, foreign := range map[string]account.User{
		"MadeInEntraMeanwhile":   {UserPrincipalName: "svc@contoso.onmicrosoft.com", Enabled: true},
		"SyncedFromAnotherPlace": {UserPrincipalName: "SVC@contoso.onmicrosoft.com", Enabled: true, Synced: true, ImmutableID: "another"},
	} {
		t.Run(name, func(t *testing.T) {
			b := synced(t)
			_, err := b.run()
			require.NoError(t, err)
			b.tenant.Put(foreign)
			err = b.await()
			assert.Equal(t, fault.EntraConnectConflict, fault.CodeOf(err))
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			assert.Empty(t, b.task.Account.ObjectID)
		})
	}
	t.Run("BroughtUnderAnotherName", func(t *testing.T) {
		b := synced(t)
		_, err := b.run()
		require.NoError(t, err)
		users := b.domain.Users()
		users[0].UserPrincipalName = "svc1234@contoso.onmicrosoft.com"
		b.tenant.Sync(users)
		assert.Equal(t, fault.EntraConnectConflict, fault.CodeOf(b.await()))
	})
}

func TestTheIndexOfImmutableIDsMayLagBehind(t *testing.T) {
	b := synced(t)
	_, err := b.run()
	require.NoError(t, err)
	b.cycle()
	b.tenant.Before = func(op string) error {
		if op == "UserByImmutableID" {
			return fault.Stopf(fault.UserNotFound, "not in the index")
		}
		return nil
	}
	require.NoError(t, b.await(), "read under its name, it bears our immutable id")
}

func TestEachRefusalOfActiveDirectoryIsToldApart(t *testing.T) {
	for _, code := range []fault.Code{fault.ADSignInRefused, fault.ADCertificateUntrusted, fault.ADReferral, fault.ADPermissionMissing, fault.ADContainerNotFound, fault.ADNotConfigured} {
		b := synced(t)
		b.domain.Before = func(string, string) error { return fault.Stopf(code, "refused") }
		_, err := b.run()
		assert.Equal(t, code, fault.CodeOf(err))
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
		assert.Zero(t, b.made, "no password is sealed for an account that cannot be made")
	}
	b := synced(t)
	b.domain.Put("svc@corp.example")
	_, err := b.run()
	assert.Equal(t, fault.NameTaken, fault.CodeOf(err))
	b = synced(t)
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(b.await()), "there is nothing to wait for")
	assert.NotContains(t, fmt.Sprint(b.tenant.Calls()), "User")
}
