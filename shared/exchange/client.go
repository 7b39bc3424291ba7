// Package exchange speaks to the Exchange Online admin API, for the one thing that
// Microsoft Graph cannot do: membership of Exchange role groups.
//
// The door is InvokeCommand, which the Exchange Online PowerShell module itself uses
// and for which Microsoft publishes no contract. Everything that is known or assumed
// about it is in this package. Each method names the cmdlet it runs; errors are
// package fault's, classified in errors.go.
package exchange

import (
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

// Limits keep the calls to one tenant within what Exchange bears. Microsoft publishes
// no figures for InvokeCommand; the defaults are careful.
type Limits struct {
	// Interval is the mean time between two calls. Zero means one second; negative
	// means no pacing.
	Interval time.Duration
	// Burst is how many calls may go at once after a rest. Zero means 4.
	Burst int
	// InFlight is the largest number of calls at the same time. Zero means 2;
	// negative means no limit.
	InFlight int
	// Timeout ends one call. Zero means 60 seconds: cmdlets take seconds.
	Timeout time.Duration
}

const (
	defaultInterval = time.Second
	defaultBurst    = 4
	defaultInFlight = 2
	defaultTimeout  = 60 * time.Second
)

func (l Limits) withDefaults() Limits {
	if l.Interval == 0 {
		l.Interval = defaultInterval
	}
	if l.Burst <= 0 {
		l.Burst = defaultBurst
	}
	if l.InFlight == 0 {
		l.InFlight = defaultInFlight
	}
	if l.Timeout <= 0 {
		l.Timeout = defaultTimeout
	}
	return l
}

// Options say how a Client reaches Exchange.
type Options struct {
	// Credential gives what signs in to a tenant. Required. It is asked again after
	// Exchange refused a token, and must then give a new credential with an empty
	// cache: permissions and directory roles are frozen into a token when it is
	// issued, so a cached token does not know of a grant made since.
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Endpoint is the base address, https only. Empty means https://outlook.office365.com.
	Endpoint string
	// Scope is what the token is asked for. Empty means Endpoint + "/.default".
	Scope string
	// Transport carries the requests; nil means an http.Client that follows no redirect.
	Transport policy.Transporter
	// Limits hold for each tenant separately.
	Limits Limits
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// NewID makes the ids of connections and requests; nil means random GUIDs.
	NewID func() string
}

// Client is safe for concurrent use, for any number of tenants.
type Client struct {
	credential func(account.TenantID) (azcore.TokenCredential, error)
	endpoint   *url.URL
	scope      string
	transport  policy.Transporter
	limits     Limits
	now        func() time.Time
	newID      func() string

	mu      sync.Mutex
	tenants map[account.TenantID]*session
}

const defaultEndpoint = "https://outlook.office365.com"

// New checks the options and makes a Client. It makes no call.
func New(o Options) (*Client, error) {
	if o.Credential == nil {
		return nil, errors.New("exchange: no credential given")
	}
	if o.Endpoint == "" {
		o.Endpoint = defaultEndpoint
	}
	endpoint, err := url.Parse(strings.TrimRight(o.Endpoint, "/"))
	if err != nil || endpoint.Scheme != "https" || endpoint.Host == "" || endpoint.User != nil {
		return nil, fmt.Errorf("exchange: the endpoint %q must be an https address such as %s", o.Endpoint, defaultEndpoint)
	}
	c := &Client{
		credential: o.Credential, endpoint: endpoint, scope: o.Scope, transport: o.Transport,
		limits: o.Limits.withDefaults(), now: o.Now, newID: o.NewID,
		tenants: map[account.TenantID]*session{},
	}
	if c.scope == "" {
		c.scope = endpoint.String() + "/.default"
	}
	if c.transport == nil {
		c.transport = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.newID == nil {
		c.newID = uuid.NewString
	}
	return c, nil
}

// session is what is remembered of one tenant.
type session struct {
	tenant       account.TenantID
	connectionID string
	gate         *gate

	mu sync.Mutex
	// credential is kept until Exchange refuses one of its tokens.
	credential azcore.TokenCredential
	since      time.Time
	// groups are the role groups seen, by lower-case name, with the time.
	groups map[string]time.Time
}

func (c *Client) session(tenant account.TenantID) (*session, error) {
	tenant = account.TenantID(strings.ToLower(strings.TrimSpace(string(tenant))))
	if tenant == "" {
		return nil, fault.Stopf(fault.MalformedCommand, "no tenant given for a call to Exchange")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.tenants[tenant]
	if s == nil {
		s = &session{tenant: tenant, connectionID: c.newID(), gate: newGate(c.limits), groups: map[string]time.Time{}}
		c.tenants[tenant] = s
	}
	return s, nil
}
