package fullsync_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
)

// domains are those of the tenant, or why they cannot be read.
type domains struct {
	federated bool
	err       error
	asked     int
}

func (d *domains) Domains(context.Context, account.TenantID) ([]account.Domain, error) {
	d.asked++
	return []account.Domain{{Name: "fed.contoso.com", Verified: true, Federated: d.federated}}, d.err
}

func TestAFederatedDomainHoldsWhatExpires(t *testing.T) {
	b, look := setup(t), &domains{federated: true}
	b.domains = look
	b.onboarded(t, "one", func(a *account.Account) {
		a.Federation.Holds, a.ExpiresAt = true, now.AddDate(0, 0, 1)
	})
	b.night(t, 0)
	assert.Equal(t, []string{"fed.contoso.com"}, b.held(t).Federation.Federated)
	assert.Empty(t, b.held(t).Hold, "the hold of a person is another one")

	run, notices := b.night(t, 2)
	require.Equal(t, []string{fullsync.AccountExpired}, kinds(run.Findings))
	assert.Contains(t, run.Findings[0].Text, "on hold: the domain fed.contoso.com is federated")
	assert.NotEmpty(t, notices)
	assert.Empty(t, b.desk.expired)

	look.err = errors.New("away")
	look.federated = false
	b.night(t, 3)
	assert.Equal(t, []string{"fed.contoso.com"}, b.held(t).Federation.Federated, "what cannot be read is not over")
	assert.Empty(t, b.desk.expired)

	look.err = nil
	b.night(t, 4)
	assert.Empty(t, b.held(t).Federation.Federated)
	assert.Equal(t, []string{"acc-one"}, b.desk.expired)
}

func TestDomainsAreReadOnlyWhereSomethingDependsOnThem(t *testing.T) {
	b, look := setup(t), &domains{federated: true}
	b.domains = look
	b.onboarded(t, "one", nothing)
	b.night(t, 0)
	assert.Zero(t, look.asked)
	assert.Empty(t, b.held(t).Federation)
}

// held is the account "one" as the ledger has it now.
func (b *bench) held(t *testing.T) account.Account {
	t.Helper()
	a, err := b.ledger.Account(t.Context(), "acc-one")
	require.NoError(t, err)
	return a
}
