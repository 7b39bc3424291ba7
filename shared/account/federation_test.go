package account_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
)

func TestFederation(t *testing.T) {
	domains := []account.Domain{
		{Name: "contoso.com", Verified: true}, {Name: "new.contoso.com", Federated: true},
		{Name: "b.contoso.com", Verified: true, Federated: true}, {Name: "a.contoso.com", Verified: true, Federated: true},
	}
	assert.Empty(t, account.Federation{Domains: []string{"a.contoso.com"}}.In(domains), "nothing depends on it")
	assert.Equal(t, []string{"a.contoso.com", "b.contoso.com"}, account.Federation{Holds: true}.In(domains))
	assert.Equal(t, []string{"b.contoso.com"}, account.Federation{Holds: true, Domains: []string{"B.contoso.com", "contoso.com", "new.contoso.com"}}.In(domains))
	assert.Contains(t, account.WhyFederated([]string{"a.contoso.com", "b.contoso.com"}), "a.contoso.com and b.contoso.com are")
}

func TestHeldBy(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	a := account.Account{Hold: account.Hold{Reason: "migration", Until: now.Add(time.Hour)}}
	assert.Equal(t, a.Hold, a.HeldBy(now))
	a.Federation.Federated = []string{"fed.contoso.com"}
	assert.Equal(t, a.Hold, a.HeldBy(now), "what a person said comes first")
	assert.Contains(t, a.HeldBy(now.Add(2*time.Hour)).Reason, "fed.contoso.com is federated")
	assert.False(t, account.Account{}.HeldBy(now).Active(now))
}
