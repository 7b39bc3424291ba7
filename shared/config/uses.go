package config

import (
	"slices"

	"github.com/usher365/usher/events"
)

// The secrets that only some functions use, beside approverTokens.
const (
	apiToken          = "apiToken"
	callbackSecret    = "callback.secret"
	mailPassword      = "mail.password"
	webhookSources    = "webhooks.sources"
	directoryPassword = "tenants.activeDirectory.password"
)

// usersOf says which functions use each of them. Every other secret is every function's.
func usersOf(secret string) []string {
	switch secret {
	case apiToken, approverTokens:
		return []string{"console"}
	case webhookSources:
		return []string{"intake"}
	case callbackSecret, mailPassword:
		return []string{events.Notify}
	case directoryPassword:
		return []string{events.Create, events.HandOver, events.Revoke}
	}
	return nil
}

// uses reports whether this process serves a function that uses a secret. Where it does
// not, the secret is not asked for: a function's role may read its own only.
func (b *builder) uses(secret string) bool {
	users := usersOf(secret)
	return len(b.serving) == 0 || len(users) == 0 ||
		slices.ContainsFunc(users, func(f string) bool { return slices.Contains(b.serving, f) })
}

// secretOf follows the reference of a secret that some functions use. In the others only
// its form is looked at, and it is empty.
func (b *builder) secretOf(secret string, s setting) string {
	if b.uses(secret) {
		return b.secret(s)
	}
	b.mustRefer(s)
	return ""
}
