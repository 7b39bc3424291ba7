package simulation

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/domainfake"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/tenantfake"
	"github.com/usher365/usher/shared/webhook"
)

// canary is in every password that is made; it must be seen nowhere.
const canary = "Canary7"

const (
	host   = "https://tenant.test"
	domain = "contoso.onmicrosoft.com"
	// missingGroup is a role group that may be asked for and does not exist.
	missingGroup = "Help Desk"
	// finance is a group of two people.
	finance = "Finance London"
	// foreign is an account that somebody else made under a name a ticket will ask for.
	foreign = "taken"
)

// existing are accounts that were there before, to be adopted; the first holds the
// role already that its ticket will ask for, the second is synced from Active Directory,
// where nothing of it may be written.
var existing = []string{"scanner1", "scanner2", "mail.operations"}

// world outlives the process: the tenant, the disk, the ticketing system.
type world struct {
	*testing.T
	ctx     context.Context
	random  *dice
	server  *tenantfake.Server
	tenant  *tenantfake.Tenant
	domain  *domainfake.Domain
	db      *database.DB
	engines engines
	vault   *secrets.FileVault
	secret  webhook.Secret
	calm    atomic.Bool // no more faults

	// stop ends Entra Connect.
	stop func()

	mu      sync.Mutex
	process *process
	deaths  int
	// told is what reached the ticketing system; refused are those of it that it will never take.
	told, refused []events.Status
	logged        []string
	// before are the rights that existing accounts held when the world began.
	before map[string][]string
	// odds of a fault at a call, of a death at a call, and of a ledger that fails.
	faultOdds, deathOdds, ledgerOdds float64
	// refusalOdds are those of a ticketing system that will not take a status at all.
	refusalOdds float64
}

// newWorld makes a tenant with some history, an empty disk, and odds that differ by seed.
func newWorld(t *testing.T, seed uint64, on func(*world) engines) *world {
	w := &world{T: t, ctx: context.Background(), random: newDice(seed), before: map[string][]string{}}
	w.faultOdds = []float64{0, 0.02, 0.1, 0.25}[w.random.upTo(4, "faults")]
	w.deathOdds = []float64{0, 0, 0.01, 0.05}[w.random.upTo(4, "deaths")]
	w.ledgerOdds = []float64{0, 0, 0.01, 0.05}[w.random.upTo(4, "ledger")]
	w.refusalOdds = []float64{0, 0, 0.2, 0.5}[w.random.upTo(4, "refusals")]
	w.server = tenantfake.New(tenantfake.Options{Rand: w.random.reader(1), Strict: true})
	w.furnish()
	var err error
	w.db, err = database.Open(w.ctx, database.Options{Path: ":memory:"})
	require.NoError(t, err)
	w.engines = on(w)
	w.vault, err = secrets.OpenFileVault(t.TempDir(), secrets.Options{})
	require.NoError(t, err)
	w.secret, err = webhook.NewSecret(w.random.reader(2))
	require.NoError(t, err)
	w.server.OnCall(w.fate)
	w.synchronise()
	return w
}

func (w *world) furnish() {
	spec := tenantfake.DefaultTenant()
	spec.RoleGroups = []string{"View-Only Organization Management", "Organization Management"}
	for i, name := range append(existing, foreign) {
		u := tenantfake.UserSpec{User: tenantfake.User{UserPrincipalName: name + "@" + domain, DisplayName: name, MailNickname: name, AccountEnabled: true}}
		if i == 0 {
			u.Roles = []string{"Security Administrator"}
		}
		u.OnPremisesSync = i == 1
		spec.Users = append(spec.Users, u)
	}
	if w.random.chance(0.5, "conditional access") {
		spec.ConditionalAccess = []tenantfake.ConditionalAccessPolicy{{
			ID: "ca000000-0000-4000-8000-000000000001", DisplayName: "Everybody needs a second factor", BuiltInControls: []string{"mfa"},
		}}
	}
	w.tenant = w.server.AddTenant(spec)
	w.server.AddVendors()
	group := w.tenant.PutGroup(tenantfake.Group{ID: "9d0f0000-0000-4000-8000-000000000001", DisplayName: finance})
	for _, name := range []string{"DiegoS", "LeeG"} {
		require.True(w, w.tenant.JoinByHand(name+"@contoso.com", group))
	}
	for _, name := range append(existing, foreign) {
		w.before[name+"@"+domain] = w.tenant.RolesOf(name + "@" + domain)
	}
	w.tenant.SetReplicationFunc(w.replication())
	for _, path := range []tenantfake.Path{tenantfake.ReadByID, tenantfake.ReadList, tenantfake.ReadPrincipal, tenantfake.ReadAssignments, tenantfake.ReadPrivilege} {
		w.tenant.SetConsistency(path, tenantfake.Consistency{VisibleAfter: w.random.within(20*time.Second, path), FlapReads: w.random.upTo(3, path)})
	}
}

// replication is usually minutes, sometimes hours, and in a few worlds longer than a day.
func (w *world) replication() func(int) time.Duration {
	longest := []time.Duration{0, 30 * time.Minute, 30 * time.Minute, 3 * time.Hour, 30 * time.Hour}[w.random.upTo(5, "replication")]
	return func(change int) time.Duration { return w.random.within(longest, "replication of", change) }
}

// close ends the world after its last process was buried.
func (w *world) close() {
	w.stop()
	w.engines.close()
	require.NoError(w, w.db.Close())
}

// fate decides what happens to a call, and whether the process dies of it.
func (w *world) fate(c tenantfake.Call) tenantfake.Decision {
	if w.calm.Load() {
		return tenantfake.Decision{}
	}
	call := []any{c.Service, c.Method, c.Template, c.Cmdlet, w.about(c)}
	throw := func(what string) []any { return append([]any{what}, call...) }
	if w.random.chance(w.deathOdds, throw("death")...) {
		w.current().die()
		return tenantfake.Decision{Kind: []tenantfake.Kind{tenantfake.DropBefore, tenantfake.DropAfter}[w.random.upTo(2, throw("last words")...)]}
	}
	if !w.random.chance(w.faultOdds, throw("fault")...) {
		return tenantfake.Decision{}
	}
	kinds := []tenantfake.Kind{
		tenantfake.Throttled, tenantfake.ServerError, tenantfake.Unavailable, tenantfake.GatewayTimeout, tenantfake.DropBefore,
		tenantfake.DropAfter, tenantfake.TimeoutBefore, tenantfake.TimeoutAfter, tenantfake.StaleRead, tenantfake.Truncated, tenantfake.HTMLBody,
	}
	d := tenantfake.Decision{
		Kind: kinds[w.random.upTo(len(kinds), throw("kind")...)], Applied: w.random.chance(0.5, throw("applied")...),
		RetryAfter: w.random.within(2*time.Minute, throw("retry-after")...),
	}
	if c.Service != tenantfake.Login { // azidentity holds a mutex while it signs in, and virtual time does not pass under a mutex
		d.Delay = w.random.within(5*time.Second, throw("delay")...)
	}
	return d
}

// objectIDs are what differs between two runs of one seed in a call's path.
var objectIDs = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// about names the account a call is about, whatever its object id is this time.
func (w *world) about(c tenantfake.Call) string {
	if u, there := w.tenant.User(objectIDs.FindString(c.Path + c.Query + c.Body)); there {
		return u.UserPrincipalName
	}
	return ""
}

func (w *world) current() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.process
}

// Tell is the ticketing system hearing of a request; it is down now and then, and in some
// worlds it refuses some statuses for good, though it has read them: then each time.
func (w *world) Tell(_ context.Context, s events.Status) error {
	if !w.calm.Load() && w.random.chance(w.faultOdds, "told", s.Data.RequestID, s.Data.Sequence) {
		return context.DeadlineExceeded
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, s)
	again := slices.ContainsFunc(w.refused, func(r events.Status) bool {
		return r.Data.RequestID == s.Data.RequestID && r.Data.Sequence == s.Data.Sequence
	})
	if again || !w.calm.Load() && w.random.chance(w.refusalOdds, "refused", s.Data.RequestID, s.Data.Sequence) {
		w.refused = append(w.refused, s)
		return fault.Stopf(fault.CallbackRefused, "the ticket is closed")
	}
	return nil
}

// passwords makes passwords with the canary in them.
func (w *world) passwords(...string) (account.Secret, error) {
	return account.NewSecret(canary + "-" + w.random.id("password")), nil
}

func (w *world) credentials(transport *http.Client, clientID string) func(account.TenantID) (azcore.TokenCredential, error) {
	env := map[string]string{"AZURE_CLIENT_ID": clientID, "AZURE_CLIENT_SECRET": tenantfake.DefaultClientSecret}
	source, err := identity.New(identity.Options{
		Env: func(name string) (string, bool) { v, set := env[name]; return v, set }, AuthorityHost: host, Transport: transport,
	})
	require.NoError(w, err)
	return source.Credential
}
