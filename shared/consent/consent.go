// Package consent hands out admin consent links, takes what comes back from them, and
// proves consents in the tenant.
//
// A link carries a state: 256 random bits that open one step's consent once, for a
// limited time. Only the state's hash is kept, so nobody who reads the ledger can answer
// for an administrator. What the browser brings back is a claim and nothing more: its
// tenant parameter can be forged (reference: Microsoft identity platform, "Admin consent
// on the Microsoft identity platform"). A consent counts when a token for the tenant can
// be had and the permissions can be read back there, which is Prove.
//
// Who makes links and takes answers (Links) needs no directory, and who proves needs no
// link. The address with the state in it must not be logged.
package consent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/address"
	"github.com/usher365/usher/shared/fault"
)

// Store keeps one small value for each name: the notes of the ledger.
type Store interface {
	// Note gives the value kept under a name, nil when there is none.
	Note(ctx context.Context, name string) ([]byte, error)
	// SwapNote puts a value in the place of the old one and reports true, or changes nothing
	// and reports false when something else than old lies there by now. A nil old stands
	// for nothing there. It is atomic for all who use the store.
	SwapNote(ctx context.Context, name string, old, value []byte) (bool, error)
}

// Link is an admin consent link that was handed out.
type Link struct {
	// Request and Step say who waits for the consent.
	Request string `json:"request"`
	Step    string `json:"step"`
	// Tenant is where the consent is wanted.
	Tenant account.TenantID `json:"tenant"`
	// AppID is the application that is consented to.
	AppID     string    `json:"appId"`
	IssuedAt  time.Time `json:"issuedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	// Answer is what somebody came back with; nil while nobody did.
	Answer *Answer `json:"answer,omitempty"`
}

// Answer is what a browser brought back, in words of ours.
type Answer struct {
	// Outcome is Claimed, Declined or OtherTenant.
	Outcome Outcome   `json:"outcome"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	// Elsewhere is true for a claim that names another tenant than the link's. Only the
	// proof says whether that is so.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// Options are the injected parts. The zero value is ready for use.
type Options struct {
	// Life is how long a link works. Zero means 24 hours: administrators answer within a day.
	Life time.Duration
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Random is the source of states; nil means crypto/rand.
	Random io.Reader
}

// Links hands out consent links and takes their answers. It is safe for concurrent use.
type Links struct {
	store Store
	opts  Options
}

// New makes Links.
func New(s Store, o Options) *Links {
	if o.Life == 0 {
		o.Life = 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return &Links{s, o}
}

// Ask is a consent that is wanted.
type Ask struct {
	// Request, Step, Tenant and AppID are the Link's.
	Request string
	Step    string
	Tenant  account.TenantID
	AppID   string
	// Login is the sign-in host of the tenant's cloud, such as
	// https://login.microsoftonline.com.
	Login string
	// Scope is what the page asks for, such as https://graph.microsoft.com/.default of
	// the tenant's cloud, which is all that the application's registration asks for.
	Scope string
	// RedirectURI is our call-back; the application's registration must have it.
	RedirectURI string
}

// The names of what is kept: each link by the hash of its state, and of each step the
// hash of its latest link, the only one that works.
func nameOfLink(hash string) string            { return "consent/link/" + hash }
func nameOfLatest(request, step string) string { return "consent/latest/" + request + "/" + step }

// swaps bounds how often a change begins anew because somebody else was faster.
const swaps = 10

// Issue makes a link and gives its address, for the ticket only: it holds the state. The
// link made before for the same step stops working.
func (l *Links) Issue(ctx context.Context, a Ask) (address account.Secret, link Link, err error) {
	if err := a.check(); err != nil {
		return address, link, err
	}
	raw := make([]byte, stateBytes)
	if _, err := io.ReadFull(l.opts.Random, raw); err != nil {
		return address, link, fmt.Errorf("make the state of a consent link: %w", err)
	}
	state, now := base64.RawURLEncoding.EncodeToString(raw), l.opts.Now().UTC()
	link = Link{Request: a.Request, Step: a.Step, Tenant: a.Tenant, AppID: a.AppID, IssuedAt: now, ExpiresAt: now.Add(l.opts.Life)}
	if err := l.put(ctx, hash(state), link); err != nil {
		return address, link, fmt.Errorf("keep the consent link of request %s: %w", a.Request, err)
	}
	return account.NewSecret(a.address(state)), link, nil
}

// put keeps a link, and then makes it its step's latest.
func (l *Links) put(ctx context.Context, hash string, link Link) error {
	if fresh, err := l.store.SwapNote(ctx, nameOfLink(hash), nil, encoded(link)); err != nil {
		return err
	} else if !fresh {
		return errors.New("a state was made twice")
	}
	for range swaps {
		before, err := l.store.Note(ctx, nameOfLatest(link.Request, link.Step))
		if err != nil {
			return err
		}
		if done, err := l.store.SwapNote(ctx, nameOfLatest(link.Request, link.Step), slices.Clone(before), []byte(hash)); err != nil || done {
			return err
		}
	}
	return fault.Retry(fault.LedgerUnavailable, 0, errors.New("others make links all the time"))
}

// Latest gives the link of a step that works, or worked last, and reports false when none was made.
func (l *Links) Latest(ctx context.Context, request, step string) (Link, bool, error) {
	hash, err := l.store.Note(ctx, nameOfLatest(request, step))
	if err != nil || len(hash) == 0 {
		return Link{}, false, err
	}
	link, stored, err := l.load(ctx, string(hash))
	return link, stored != nil, err
}

// load reads a link and how it is stored; nothing is stored when it was never made.
func (l *Links) load(ctx context.Context, hash string) (link Link, stored []byte, err error) {
	stored, err = l.store.Note(ctx, nameOfLink(hash))
	if err != nil || len(stored) == 0 {
		return link, nil, err
	}
	if err := json.Unmarshal(stored, &link); err != nil {
		return link, nil, fault.Stopf(fault.LedgerUnavailable, "the record of a consent link: %w", err)
	}
	return link, stored, nil
}

func encoded(link Link) []byte {
	b, err := json.Marshal(link)
	if err != nil {
		panic("consent: a link cannot be written: " + err.Error()) // it holds texts and times only
	}
	return b
}

const stateBytes = 32

// hash is what a state is kept under. A state is random, so it needs no salt.
func hash(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])
}

// check refuses what would make a link that opens too much, or nothing.
func (a Ask) check() error {
	if a.Request == "" || a.Step == "" || a.Tenant == "" || a.AppID == "" || a.Scope == "" {
		return errors.New("a consent link needs its request, step, tenant, application and scope")
	}
	for _, text := range []string{a.Login, a.RedirectURI} {
		if _, err := address.Secure(text); err != nil {
			return fmt.Errorf("a consent link leads nowhere: %q %w", text, err)
		}
	}
	return nil
}

// address names the tenant, so that nobody consents in another one by mistake.
func (a Ask) address(state string) string {
	query := url.Values{"client_id": {a.AppID}, "scope": {a.Scope}, "redirect_uri": {a.RedirectURI}, "state": {state}}
	return strings.TrimRight(a.Login, "/") + "/" + url.PathEscape(string(a.Tenant)) + "/v2.0/adminconsent?" + query.Encode()
}
