package consent_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/fault"
)

const graph = "00000003-0000-0000-c000-000000000000"

// proof answers for a tenant.
type proof struct {
	as           account.TenantID
	held         []account.AppPermission
	signIn, read error
}

func (p proof) SignIn(context.Context, account.TenantID) (account.TenantID, error) {
	return p.as, p.signIn
}

func (p proof) Granted(context.Context, account.TenantID, string) ([]account.AppPermission, error) {
	return p.held, p.read
}

func wanted() []account.AppPermission {
	return []account.AppPermission{{Resource: graph, Name: "Mail.Read"}, {Resource: graph, Name: "Mail.Read", Delegated: true}}
}

func TestProve(t *testing.T) {
	for name, tt := range map[string]struct {
		proof proof
		want  consent.Outcome
		says  string
	}{
		"Granted":    {proof{as: tenant, held: wanted()}, consent.Granted, "Mail.Read, Mail.Read (delegated)"},
		"Missing":    {proof{as: tenant, held: wanted()[:1]}, consent.Incomplete, "not granted: Mail.Read (delegated)"},
		"Nothing":    {proof{as: tenant}, consent.Incomplete, "not granted"},
		"WrongToken": {proof{as: another, held: wanted()}, consent.OtherTenant, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := consent.Prove(ctx, tt.proof, tenant, app, wanted())
			require.NoError(t, err)
			assert.Equal(t, tt.want, v.Outcome)
			assert.Contains(t, v.Reason, tt.says)
		})
	}
}

// That the tenant does not know us says nothing about the vendor's application.
func TestOurOwnSignInIsNotTheVendors(t *testing.T) {
	for _, code := range []fault.Code{fault.ConsentMissing, fault.IdentityNotFound} {
		_, err := consent.Prove(ctx, proof{signIn: fault.Stopf(code, "AADSTS700016")}, tenant, app, wanted())
		assert.True(t, fault.Is(err, code), err)
	}
	_, err := consent.Prove(ctx, proof{as: tenant, read: fault.Retry(fault.Unreachable, 0, errors.New("no route"))}, tenant, app, wanted())
	assert.True(t, fault.Is(err, fault.Unreachable), err)
}
