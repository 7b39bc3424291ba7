// Package entra acts on one tenant's directory through Microsoft Graph: users,
// directory role assignments, domains, deleted items. It is the only importer of
// the Graph SDK, and no type of the SDK leaves it.
//
// Commands on a single object use the SDK's typed builders; lists are read as
// streams with small structs, which costs a tenth of the SDK's parse. Both ways
// share one pipeline per tenant (pipeline.go), and every failure passes one table
// (errors.go), so that callers only ask package fault what it means.
//
// Nothing here waits for replication, and nothing that may have been carried out
// is repeated: the caller reads back and decides.
package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/uuid"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Options says how to reach Microsoft Graph. Credential, Endpoint and Scope are required.
type Options struct {
	// Credential gives the credential to use in a tenant. It is asked once per tenant
	// and again after Forget; the caller may give the same credential each time. Its
	// error is a permanent failure unless it is a classified one (package fault).
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Endpoint is where Graph is, such as https://graph.microsoft.com. It must be https;
	// a trailing slash or /v1.0 is accepted. Tokens go to this host and no other.
	Endpoint string
	// Scope is what to ask a token for, such as https://graph.microsoft.com/.default.
	Scope string
	// Transport sends the requests of all tenants; nil means one client of our own
	// with the usual certificate and proxy settings of the environment.
	Transport policy.Transporter
	// UserAgent names us to Graph; empty means "usher".
	UserAgent string
	// Retries is how often a request that is safe to repeat is repeated at once. Zero
	// means 2; a negative number means never. A POST is repeated only when it was throttled.
	Retries int
	// RetryDelay is the first pause between two tries; it doubles. Zero means 250 ms.
	RetryDelay time.Duration
	// LongestPause is the longest pause between two tries. A longer Retry-After is
	// returned at once as a fault that carries it. Zero means 3 s.
	LongestPause time.Duration
	// Timeout is how long one try may take, answer included. Zero means 30 s.
	Timeout time.Duration
	// NewID makes the client-request-id of a call; nil means random UUIDs.
	NewID func() string
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// Client calls Microsoft Graph for any number of tenants. It is safe for concurrent use.
type Client struct {
	opts Options
	// base is the endpoint with its version and no slash at the end.
	base *url.URL

	mu       sync.Mutex
	sessions map[account.TenantID]*session
	// stale names the tenants whose next token must not come from a cache.
	stale map[account.TenantID]bool
}

// New checks the options and returns a client. It names everything that is wrong at
// once, and calls nobody.
func New(o Options) (*Client, error) {
	base, err := baseURL(o.Endpoint)
	problems := []error{err}
	if o.Credential == nil {
		problems = append(problems, errors.New("graph credential: none given"))
	}
	if !strings.HasSuffix(o.Scope, "/.default") {
		problems = append(problems, fmt.Errorf("graph scope %q: must end in /.default, such as https://graph.microsoft.com/.default", o.Scope))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Client{
		opts:     o.withDefaults(),
		base:     base,
		sessions: map[account.TenantID]*session{},
		stale:    map[account.TenantID]bool{},
	}, nil
}

// baseURL turns an endpoint into the address every path is joined to.
func baseURL(endpoint string) (*url.URL, error) {
	trimmed := strings.TrimSuffix(strings.TrimRight(endpoint, "/"), "/v1.0")
	u, err := url.Parse(strings.TrimRight(trimmed, "/") + "/v1.0")
	if err != nil {
		return nil, fmt.Errorf("graph endpoint: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("graph endpoint %q: must be an https address such as https://graph.microsoft.com", u.Redacted())
	}
	return u, nil
}

func (o Options) withDefaults() Options {
	if o.Transport == nil {
		o.Transport = defaultTransport()
	}
	if hc, ok := o.Transport.(*http.Client); ok {
		o.Transport = withoutRedirects(hc)
	}
	o.UserAgent = orDefault(o.UserAgent, "usher")
	o.Retries = orDefault(o.Retries, 2)
	o.RetryDelay = orDefault(o.RetryDelay, 250*time.Millisecond)
	o.LongestPause = orDefault(o.LongestPause, 3*time.Second)
	o.Timeout = orDefault(o.Timeout, 30*time.Second)
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Forget drops what is cached for a tenant; the next call asks for a token that does
// not come from any cache. Permissions and directory roles are frozen in a token when
// it is issued, so call it after a grant.
func (c *Client) Forget(tenant account.TenantID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, tenant)
	c.stale[tenant] = true
}

// forgetSession is Forget unless somebody else has already replaced the session.
func (c *Client) forgetSession(tenant account.TenantID, old *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions[tenant] == old {
		delete(c.sessions, tenant)
		c.stale[tenant] = true
	}
}

func (c *Client) session(tenant account.TenantID) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.sessions[tenant]; ok {
		return s, nil
	}
	credential, err := c.opts.Credential(tenant)
	if err != nil {
		return nil, unusableCredential(tenant, err)
	}
	s, err := c.newSession(&signIn{tenant: tenant, inner: credential, now: c.opts.Now, renew: c.stale[tenant]})
	if err != nil {
		return nil, err
	}
	c.sessions[tenant] = s
	delete(c.stale, tenant)
	return s, nil
}

// run performs one call in a tenant and classifies its failure. A refused token is
// dropped and the call made once more with a fresh one; a refused call did nothing.
func (c *Client) run(ctx context.Context, tenant account.TenantID, call call, do func(*session) error) error {
	if err := call.check(); err != nil {
		return err
	}
	for renewed := false; ; renewed = true {
		s, err := c.session(tenant)
		if err == nil {
			err = do(s)
		}
		if err == nil {
			return nil
		}
		err = classify(ctx, call, err)
		if renewed || s == nil || !fault.Is(err, fault.TokenRejected) {
			return err
		}
		c.forgetSession(tenant, s)
	}
}
