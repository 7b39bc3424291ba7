package revoke_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// domains are those of a tenant, or why they cannot be read.
type domains struct {
	list []account.Domain
	err  error
}

func (d domains) Domains(context.Context, account.TenantID) ([]account.Domain, error) {
	return d.list, d.err
}

func TestFederationHoldsTheAccount(t *testing.T) {
	federated := []account.Domain{{Name: "contoso.com", Verified: true}, {Name: "fed.contoso.com", Verified: true, Federated: true}}
	for name, tt := range map[string]struct {
		domains domains
		named   []string
		code    fault.Code
		class   fault.Class
		learned []string
	}{
		"federated":       {domains{list: federated}, nil, fault.AccountHeld, fault.Permanent, []string{"fed.contoso.com"}},
		"another domain":  {domains{list: federated}, []string{"contoso.com"}, "", 0, nil},
		"managed again":   {domains{list: federated[:1]}, nil, "", 0, nil},
		"not readable":    {domains{err: errors.New("connection refused")}, nil, fault.FederationUnknown, fault.Waiting, []string{"before"}},
		"not allowed":     {domains{err: fault.Stopf(fault.PermissionMissing, "Domain.Read.All")}, nil, fault.FederationUnknown, fault.Permanent, []string{"before"}},
		"throttled":       {domains{err: fault.Retry(fault.Throttled, 0, errors.New("429"))}, nil, fault.FederationUnknown, fault.Waiting, []string{"before"}},
		"no domain there": {domains{}, nil, "", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			task := step.Task[events.RevokeArgs]{
				Account: account.Account{UserPrincipalName: upn, Federation: account.Federation{Holds: true, Domains: tt.named, Federated: []string{"before"}}},
				Args:    events.RevokeArgs{Part: events.RevokeFederation}, Tenant: account.Tenant{ID: "tid"}, Now: now,
			}
			h := revoke.New(revoke.Options{}).Pass(revoke.NewFederation(tt.domains).Handle, events.RevokeFederation)
			res, err := h.Handle(context.Background(), task)
			if res.Learn != nil {
				res.Learn(&task.Account)
			}
			assert.Equal(t, tt.code, fault.CodeOf(err))
			assert.Equal(t, tt.learned, task.Account.Federation.Federated)
			if err != nil {
				assert.Equal(t, tt.class, fault.ClassOf(err))
				assert.False(t, revoke.Policy.GoOn(tt.code), "nothing is taken away after it")
			}
			if tt.code == fault.AccountHeld {
				assert.ErrorContains(t, err, "fed.contoso.com")
			}
		})
	}
}
