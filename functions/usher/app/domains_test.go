package app

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host"
)

// Only a document that may mean a tenant whose domains are not known is put off.
func TestUndecided(t *testing.T) {
	p := patient{tenants: host.NewTenants([]account.Tenant{
		{Alias: "known", ID: "id-known", Domains: []string{"known.onmicrosoft.com"}},
		{Alias: "dark", ID: "id-dark"},
	})}
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
