package tenantfake

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tenant is one tenant of a Server: its directory, its apps and its Exchange organisation. Its methods look at and change the truth
// directly, past permissions, delays and the log.
type Tenant struct {
	s *Server

	mu   sync.Mutex
	spec TenantSpec // without apps, users and role groups, which are below
	apps []*app
	// registrations are the applications whose home this tenant is.
	registrations []*registration
	users         []*userRecord // in order of creation; purged ones stay as tombstones
	byID          map[string]*userRecord
	byUPN         map[string][]*userRecord // lower case; also former names
	bin           []*userRecord            // soft-deleted, oldest first
	journal       []change
	roles         []*assignmentRecord
	roleByID      map[string]*assignmentRecord
	pim           []*scheduleRequest
	delegated     []*delegatedRecord
	assigned      []*assignedRecord
	consentPolicy consentPolicyRecord
	groups        []*roleGroup
	devices       map[string][]MobileDevice // by user id
	// exchangeApps are the service principals (object ids) that New-ServicePrincipal made known to Exchange.
	exchangeApps map[string]bool

	consistency  map[Path]Consistency
	staleReads   int
	replication  func(n int) time.Duration
	replications int
	exchange     ExchangeBehaviour
	terse        bool
	inFlight     int
	cursors      map[string]cursor
	throttle     *throttle
	tokenAge     int // tokens of an earlier age are refused
	deltaAge     int // delta tokens of an earlier age are refused with 410
	pageAge      int // page tokens of user lists of an earlier age have expired
	pageMost     int // the most users in a page, whatever is asked for; zero does not limit
	p2           bool
}

// change is one entry of the journal that delta queries read.
type change struct {
	At    time.Time
	Index int
}

// AddTenant adds a tenant. A specification that contradicts itself (no initial domain, an unknown role, an app without id) is a
// programming error and panics.
func (s *Server) AddTenant(spec TenantSpec) *Tenant {
	if spec.InitialDomain == "" {
		panic("tenantfake: TenantSpec.InitialDomain is required")
	}
	spec.ID = strings.ToLower(cmp.Or(spec.ID, s.guid()))
	spec.Cloud = cmp.Or(spec.Cloud, Public)
	spec.TokenLifetime = cmp.Or(spec.TokenLifetime, time.Hour)
	t := s.newTenant(spec)
	t.spec.Apps, t.spec.Users = nil, nil
	for _, a := range spec.Apps {
		t.addApp(a)
	}
	for _, u := range spec.Users {
		t.seedUser(u)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenants = append(s.tenants, t)
	return t
}

// newTenant makes the empty tenant with its domains, policies and role groups.
func (s *Server) newTenant(spec TenantSpec) *Tenant {
	t := &Tenant{
		s: s, spec: spec, byID: map[string]*userRecord{}, byUPN: map[string][]*userRecord{},
		roleByID: map[string]*assignmentRecord{}, devices: map[string][]MobileDevice{}, exchangeApps: map[string]bool{},
		consistency: map[Path]Consistency{}, cursors: map[string]cursor{}, p2: spec.PremiumP2,
	}
	switch {
	case spec.Replication < 0:
		t.replication = func(int) time.Duration { return 0 }
	case spec.Replication == 0:
		t.replication = func(int) time.Duration { return 20 * time.Minute }
	default:
		t.replication = func(int) time.Duration { return spec.Replication }
	}
	for i := range t.spec.ConditionalAccess {
		if p := &t.spec.ConditionalAccess[i]; p.ID == "" {
			p.ID = s.guid()
		}
	}
	names := spec.RoleGroups
	if names == nil {
		names = BuiltInRoleGroups
	}
	for _, name := range names {
		t.groups = append(t.groups, &roleGroup{Name: name, GUID: s.guid()})
	}
	return t
}

// ID returns the tenant's GUID.
func (t *Tenant) ID() string { return t.spec.ID }

// InitialDomain returns the tenant's "….onmicrosoft.com" domain.
func (t *Tenant) InitialDomain() string { return t.spec.InitialDomain }

// answersTo reports whether name is the tenant's id or one of its verified domains.
func (t *Tenant) answersTo(name string) bool {
	if strings.EqualFold(name, t.spec.ID) {
		return true
	}
	d, ok := t.domain(name)
	return ok && !d.Unverified
}

// domain finds a domain, the initial one included.
func (t *Tenant) domain(name string) (Domain, bool) {
	for _, d := range t.domains() {
		if strings.EqualFold(d.Name, name) {
			return d, true
		}
	}
	return Domain{}, false
}

// domains lists the initial domain first; it is the default when no other is.
func (t *Tenant) domains() []Domain {
	custom := t.spec.Domains
	initial := Domain{Name: t.spec.InitialDomain, Default: !slices.ContainsFunc(custom, func(d Domain) bool { return d.Default })}
	return append([]Domain{initial}, custom...)
}

// lock takes the tenant and brings it up to the present: purges, ended role assignments, and what has reached Exchange.
func (t *Tenant) lock() (now time.Time) {
	t.mu.Lock()
	now = t.s.now()
	t.purgeExpired(now)
	t.startSchedules(now)
	t.endAssignments(now)
	t.forgetInExchange(now)
	return now
}

// SetConsistency sets the lag of a read path for every object of the tenant, past changes included.
func (t *Tenant) SetConsistency(p Path, c Consistency) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.consistency[p] = c
}

// SetObjectConsistency sets the lag of a read path for one user (id or user principal name) or role assignment (id). It reports whether
// there is such an object.
func (t *Tenant) SetObjectConsistency(object string, p Path, c Consistency) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.roleByID[object]; a != nil {
		a.lag = withLag(a.lag, p, c)
		return true
	}
	u := t.find(object)
	if u == nil {
		return false
	}
	u.lag = withLag(u.lag, p, c)
	return true
}

func withLag(m map[Path]Consistency, p Path, c Consistency) map[Path]Consistency {
	if m == nil {
		m = map[Path]Consistency{}
	}
	m[p] = c
	return m
}

// StaleReads makes the next n GET requests on Graph read an outdated replica, as a StaleRead fault does.
func (t *Tenant) StaleReads(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.staleReads = n
}

// SetReplication sets the delay from Entra to Exchange for changes from now on; zero means none.
func (t *Tenant) SetReplication(d time.Duration) {
	t.SetReplicationFunc(func(int) time.Duration { return d })
}

// SetReplicationFunc sets a delay for each change; n counts the tenant's changes from 0.
func (t *Tenant) SetReplicationFunc(delay func(n int) time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.replication = delay
}

func (t *Tenant) nextReplication() time.Duration {
	d := t.replication(t.replications)
	t.replications++
	return d
}

// Replicate makes every change so far visible everywhere, Exchange included.
func (t *Tenant) Replicate() {
	now := t.lock()
	defer t.mu.Unlock()
	for _, u := range t.users {
		u.settle()
		if u.known.After(now) {
			u.known = now
		}
		if u.gone.After(now) {
			u.gone = now
		}
	}
	for _, a := range t.roles {
		a.settle()
	}
	for _, g := range t.delegated {
		g.settle()
	}
	for _, a := range t.apps {
		a.changed = nil
	}
	t.consentPolicy.settle()
	t.forgetInExchange(now)
}

// SetTerseConflicts makes the error of a taken user principal name have the older shape, in which the details hold one entry with code and
// target only. Both shapes are met in the wild.
func (t *Tenant) SetTerseConflicts(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.terse = on
}

// SetPremiumP2 gives or takes the licence that PIM requests need.
func (t *Tenant) SetPremiumP2(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.p2 = on
}

// SetSecurityDefaults switches security defaults.
func (t *Tenant) SetSecurityDefaults(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spec.SecurityDefaults = on
}

// SetConditionalAccess replaces the Conditional Access policies.
func (t *Tenant) SetConditionalAccess(policies ...ConditionalAccessPolicy) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range policies {
		policies[i].ID = cmp.Or(policies[i].ID, t.s.guid())
	}
	t.spec.ConditionalAccess = policies
}
