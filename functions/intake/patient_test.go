package intake

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Only a document that may mean a tenant whose domains are not known is put off.
func TestUndecided(t *testing.T) {
	tenants := []account.Tenant{{Alias: "known", ID: "id-known", Domains: []string{"known.onmicrosoft.com"}}, {Alias: "dark", ID: "id-dark"}}
	p := Patient{Tenants: func() []account.Tenant { return tenants }}
	for name, c := range map[string]struct{ body, want string }{
		"KnownDomain":   {`{"tenant":{"domain":"known.onmicrosoft.com"}}`, ""},
		"KnownAlias":    {`{"tenant":{"alias":"known"}}`, ""},
		"UnknownDomain": {`{"tenant":{"domain":"other.onmicrosoft.com"}}`, "dark"},
		"DarkAlias":     {`{"tenant":{"alias":"dark"}}`, "dark"},
		"DarkID":        {`{"tenant":{"id":"id-dark","domain":"other.onmicrosoft.com"}}`, "dark"},
		"OtherAlias":    {`{"tenant":{"alias":"other"}}`, ""},
		"NoTenant":      {`{}`, ""},
		"NotJSON":       {`{`, ""},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, p.undecided([]byte(c.body))) })
	}
}

// taken is a desk that takes everything.
type taken struct{}

func (taken) Accept(context.Context, []byte, Source) (Answer, error) {
	return Answer{Status: Accepted}, nil
}

func TestPatientLearns(t *testing.T) {
	tenants := []account.Tenant{{Alias: "dark", ID: "id-dark"}}
	learned := errors.New("the ledger is away")
	p := Patient{taken{}, func() []account.Tenant { return tenants }, func(context.Context) error { return learned }}
	body := []byte(`{"tenant":{"domain":"dark.onmicrosoft.com"}}`)
	_, err := p.Accept(t.Context(), body, Source{})
	require.ErrorIs(t, err, learned)
	learned = nil
	_, err = p.Accept(t.Context(), body, Source{})
	assert.True(t, fault.Is(err, fault.Unreachable), "%v", err)
	p.Learn = func(context.Context) error {
		tenants = []account.Tenant{{Alias: "dark", ID: "id-dark", Domains: []string{"dark.onmicrosoft.com"}}}
		return nil
	}
	answer, err := p.Accept(t.Context(), body, Source{})
	require.NoError(t, err)
	assert.Equal(t, Accepted, answer.Status)
}
