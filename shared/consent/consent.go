// Package consent hands out admin consent links and judges what comes back from them.
//
// A link carries a state: 256 random bits that open one request's consent once, for a
// short time. Only the state's hash is kept, so nobody who reads the ledger can answer
// for an administrator. What the browser brings back is a claim and nothing more: its
// tenant parameter can be forged (reference: Microsoft identity platform, "Admin consent
// on the Microsoft identity platform"). A consent counts when a token for the tenant can
// be had and the permissions can be read back there.
//
// Whoever wires it gives a Store on the ledger (UseLink must be atomic across
// processes), a Proof over the directory, serves the redirect address with Judge, puts
// the verdict on the ticket, and lets the request's step call Prove again while a
// verdict is Unproven or Incomplete: a fresh consent takes some minutes to show. The
// address with the state in it must not be logged.
package consent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
)

// Link is an admin consent link that was handed out.
type Link struct {
	// Request is the id of the request whose consent it is.
	Request string
	// Tenant is where the consent is wanted.
	Tenant account.TenantID
	// AppID is the application that is consented to.
	AppID string
	// Permissions must all be granted for the consent to count.
	Permissions []account.AppPermission
	ExpiresAt   time.Time
	// UsedAt is when somebody came back with it; zero while nobody did.
	UsedAt time.Time
}

// Store keeps links by the hash of their state.
type Store interface {
	PutLink(ctx context.Context, hash string, l Link) error
	// Link reports false when there is none under this hash.
	Link(ctx context.Context, hash string) (l Link, found bool, err error)
	// UseLink marks a link as used at a time, and reports false when it was used
	// before: of any number of callers at once, exactly one gets true.
	UseLink(ctx context.Context, hash string, at time.Time) (first bool, err error)
}

// Proof finds out in the tenant itself whether a consent was given.
type Proof interface {
	// SignIn gets a token that no cache held, for a tenant: as the application when its
	// credential is ours, as ourselves when it is a vendor's. It returns the tenant that
	// the token is for. fault.ConsentMissing and fault.IdentityNotFound say that the
	// tenant does not know who signs in.
	SignIn(ctx context.Context, t account.TenantID, appID string) (account.TenantID, error)
	// Granted reads back what an application holds in the tenant, for everybody; nothing
	// when the tenant does not know it.
	Granted(ctx context.Context, t account.TenantID, appID string) ([]account.AppPermission, error)
}

// Options are the injected parts. The zero value is ready for use.
type Options struct {
	// Life is how long a link works. Zero means one hour.
	Life time.Duration
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Random is the source of states; nil means crypto/rand.
	Random io.Reader
}

// Links hands out consent links and judges them.
type Links struct {
	store Store
	proof Proof
	opts  Options
}

// New makes Links.
func New(s Store, p Proof, o Options) *Links {
	if o.Life == 0 {
		o.Life = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return &Links{s, p, o}
}

// Ask is a consent that is wanted.
type Ask struct {
	// Request, Tenant, AppID and Permissions are the Link's.
	Request     string
	Tenant      account.TenantID
	AppID       string
	Permissions []account.AppPermission
	// Login is the sign-in host of the tenant's cloud, such as
	// https://login.microsoftonline.com.
	Login string
	// Scope is what the page asks for, such as https://graph.microsoft.com/.default of
	// the tenant's cloud, which is all that the application's registration asks for.
	Scope string
	// RedirectURI is our call-back; the application's registration must have it.
	RedirectURI string
}

// Issue makes a link and gives its address, for the ticket only: it holds the state.
func (l *Links) Issue(ctx context.Context, a Ask) (address string, link Link, err error) {
	if err := a.check(); err != nil {
		return "", link, err
	}
	raw := make([]byte, stateBytes)
	if _, err := io.ReadFull(l.opts.Random, raw); err != nil {
		return "", link, fmt.Errorf("make the state of a consent link: %w", err)
	}
	state := base64.RawURLEncoding.EncodeToString(raw)
	link = Link{
		Request: a.Request, Tenant: a.Tenant, AppID: a.AppID, Permissions: a.Permissions,
		ExpiresAt: l.opts.Now().Add(l.opts.Life).UTC(),
	}
	if err := l.store.PutLink(ctx, hash(state), link); err != nil {
		return "", link, fmt.Errorf("keep the consent link of request %s: %w", a.Request, err)
	}
	return a.address(state), link, nil
}

const stateBytes = 32

// hash is what a state is kept under. A state is random, so it needs no salt.
func hash(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])
}

// check refuses what would make a link that opens too much, or nothing.
func (a Ask) check() error {
	if a.Request == "" || a.Tenant == "" || a.AppID == "" || a.Scope == "" || len(a.Permissions) == 0 {
		return errors.New("a consent link needs its request, tenant, application, scope and permissions")
	}
	for _, address := range []string{a.Login, a.RedirectURI} {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return fmt.Errorf("a consent link needs https addresses, not %q", address)
		}
	}
	return nil
}

// address names the tenant, so that nobody consents in another one by mistake.
func (a Ask) address(state string) string {
	query := url.Values{"client_id": {a.AppID}, "scope": {a.Scope}, "redirect_uri": {a.RedirectURI}, "state": {state}}
	return strings.TrimRight(a.Login, "/") + "/" + url.PathEscape(string(a.Tenant)) + "/v2.0/adminconsent?" + query.Encode()
}
