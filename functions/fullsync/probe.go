package fullsync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// The notices about credentials and consents.
const (
	CredentialInvalid  = "credential.invalid"
	CredentialExpiring = "credential.expiring"
	ConsentMissing     = "consent.missing"
)

// SignIn takes a token of a tenant past every cache.
type SignIn interface {
	FreshToken(ctx context.Context, t account.TenantID) error
}

// Own is what is known about a credential of ours.
type Own interface {
	// ClientID is the application that signs in; empty for one that has no id of its own.
	ClientID() string
	// CertificateEnds is zero for another method than a certificate.
	CertificateEnds() time.Time
	HasSecret() bool
	// IsSecret reports whether our client secret begins like this.
	IsSecret(beginning string) bool
}

// Identity is an application of ours.
type Identity struct {
	SignIn SignIn
	Own    Own
}

// Consents is what the probe reads of a tenant's applications.
type Consents interface {
	ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (account.ServicePrincipal, bool, error)
	Grants(ctx context.Context, t account.TenantID, principal string) ([]account.AppGrant, error)
	DelegatedGrants(ctx context.Context, t account.TenantID, client string) ([]account.DelegatedGrant, error)
	// Secrets are none where the tenant is not the application's home.
	Secrets(ctx context.Context, t account.TenantID, appID string) ([]account.ClientSecret, error)
}

// HealthBooks is what the probe needs of the ledger. Raising a key that is open changes
// nothing, so that a trouble is told once, however often it is seen.
type HealthBooks interface {
	Accounts(ctx context.Context, f ledger.Filter) ([]account.Account, error)
	Notices(ctx context.Context, f ledger.NoticeFilter) ([]ledger.Notice, error)
	Raise(ctx context.Context, notices ...ledger.Notice) (fresh int, err error)
	Clear(ctx context.Context, key string, at time.Time) (bool, error)
}

// ProberOptions build a Prober. Every field is required unless it says otherwise.
type ProberOptions struct {
	// Identities are our own applications. The first is told about where it matters.
	Identities []Identity
	Consents   Consents
	Books      HealthBooks
	// First is the tenant under which the end of a certificate is told, which is the same
	// in every tenant.
	First account.TenantID
	// Operators are mailed what is wrong with our own credentials; empty mails nobody.
	Operators []string
	Now       func() time.Time
}

// Prober looks whether our credentials and the consents of connections are still good. It
// changes nothing in the tenant, and costs some reads: it may be called every hour.
type Prober struct{ ProberOptions }

// NewProber makes a prober.
func NewProber(o ProberOptions) *Prober { return &Prober{o} }

// Probe looks at one tenant: it raises a notice for each trouble that is not told yet, and
// clears those that are over. What cannot be seen now, because a service is away or a
// read is not allowed, is neither raised nor cleared: unknown says what, in words.
// unhealthy counts the notices that are open afterwards.
func (p *Prober) Probe(ctx context.Context, t account.Tenant) (unhealthy int, unknown []string, err error) {
	open, err := p.open(ctx, t, CredentialInvalid, CredentialExpiring, ConsentMissing)
	if err != nil {
		return 0, nil, err
	}
	l := &health{Prober: p, tenant: t, now: p.Now(), found: map[string]*ledger.Notice{}}
	for _, i := range p.Identities {
		l.identity(ctx, i)
	}
	if err := l.connections(ctx, open); err != nil {
		return len(open), l.unknown, err
	}
	unhealthy, err = l.settle(ctx, open)
	return unhealthy, l.unknown, err
}

// open are the open notices of some kinds, by key.
func (p *Prober) open(ctx context.Context, t account.Tenant, kinds ...string) (map[string]ledger.Notice, error) {
	found, err := p.Books.Notices(ctx, ledger.NoticeFilter{Tenant: t.ID, Open: true, Limit: -1})
	if err != nil {
		return nil, fmt.Errorf("list what is wrong in %s: %w", t.Alias, err)
	}
	open := map[string]ledger.Notice{}
	for _, n := range found {
		if slices.Contains(kinds, n.Kind) {
			open[n.Key] = n
		}
	}
	return open, nil
}

// health is what one look at a tenant finds.
type health struct {
	*Prober
	tenant account.Tenant
	now    time.Time
	// found holds a notice for each key that is in trouble, and nil for one that is well.
	// A key that is not in it could not be judged.
	found   map[string]*ledger.Notice
	unknown []string
}

// cannotSee notes what could not be judged, and why.
func (l *health) cannotSee(what string, err error) {
	l.unknown = append(l.unknown, fmt.Sprintf("%s: %v", what, err))
}

func (l *health) well(keys ...string) {
	for _, key := range keys {
		l.found[key] = nil
	}
}

func (l *health) key(kind string, subject ...string) string {
	return ledger.NoticeKey(kind, l.tenant.ID, strings.ToLower(strings.Join(subject, "/")))
}

// trouble notes one of our own credentials, which is the operators' matter.
func (l *health) trouble(kind, key, text string) {
	l.found[key] = &ledger.Notice{
		Key: key, Tenant: l.tenant.ID, Kind: kind, Text: text, Mail: l.Operators, By: events.FullSync, RaisedAt: l.now,
	}
}

// settle raises what is fresh and clears what is over.
func (l *health) settle(ctx context.Context, open map[string]ledger.Notice) (unhealthy int, err error) {
	unhealthy = len(open)
	var fresh []ledger.Notice
	for key, n := range l.found {
		_, told := open[key]
		switch {
		case n != nil && !told:
			fresh = append(fresh, *n)
		case n == nil && told:
			cleared, err := l.Books.Clear(ctx, key, l.now)
			if err != nil {
				return unhealthy, fmt.Errorf("clear %s: %w", key, err)
			}
			if cleared {
				unhealthy--
			}
		}
	}
	if len(fresh) == 0 {
		return unhealthy, nil
	}
	raised, err := l.Books.Raise(ctx, fresh...)
	if err != nil {
		return unhealthy, fmt.Errorf("tell what is wrong in %s: %w", l.tenant.Alias, err)
	}
	return unhealthy + raised, nil
}

// refused are the answers that say that a sign-in is refused, rather than that there is
// no answer now. A certificate that is not accepted may become so in moments, but it is
// refused all the same.
func refused(err error) bool {
	switch fault.CodeOf(err) {
	case fault.CredentialInvalid, fault.ConsentMissing, fault.IdentityNotFound, fault.TenantNotFound:
		return true
	case fault.WorkloadIdentityMissing:
		return fault.ClassOf(err) == fault.Permanent
	}
	return false
}
