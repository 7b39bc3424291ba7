package tenantfake

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"
)

// snapshotVersion is the format of Save; Load refuses others.
const snapshotVersion = 1

type snapshot struct {
	Version int
	Tenants []tenantState
	// Federated are the federated identity credentials by application.
	Federated map[string][]FederatedCredential `json:",omitempty"`
}

// tenantState is a tenant at rest. The past is not in it: after Load every replica is up to date and delta queries start over.
type tenantState struct {
	Spec          TenantSpec // without apps and users
	Apps          []appState
	Users         []userState
	Roles         []RoleAssignment
	Groups        []*roleGroup
	PIM           []*scheduleRequest        `json:",omitempty"`
	Devices       map[string][]MobileDevice `json:",omitempty"`
	ExchangeApps  map[string]bool           `json:",omitempty"`
	Registrations []*registration           `json:",omitempty"`
	Delegated     []DelegatedGrant          `json:",omitempty"`
	Assigned      []Assignment              `json:",omitempty"`
	ConsentPolicy ConsentPolicy
	DeltaAge      int
}

type userState struct {
	User     User
	Password *passwordHash `json:",omitempty"`
	Known    time.Time     `json:",omitzero"`
	Gone     time.Time     `json:",omitzero"`
}

type appState struct {
	App          App // without certificates and federated credentials
	Secret       *passwordHash
	Certificates [][]byte `json:",omitempty"` // DER
	TokenError   int      `json:",omitempty"`
}

// Save writes the state of every tenant as JSON, so that an embedded tenant outlives the process. Passwords and client secrets are
// salted hashes in it. Delays and faults set by method are not saved, nor are tokens: clients get 401 after a restart, and new ones.
func (s *Server) Save(w io.Writer) error {
	out := snapshot{Version: snapshotVersion}
	for _, t := range s.Tenants() {
		out.Tenants = append(out.Tenants, t.state())
	}
	out.Federated = s.federation.saved()
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return fmt.Errorf("save tenants: %w", err)
	}
	return nil
}

// Load reads what Save wrote. A tenant that the server has already gets the saved objects and policies and keeps its domains, products and
// delays; others are added. On an error nothing has changed.
func (s *Server) Load(r io.Reader) error {
	var in snapshot
	if err := json.NewDecoder(r).Decode(&in); err != nil {
		return fmt.Errorf("load tenants: the file is damaged: %w", err)
	}
	if in.Version != snapshotVersion {
		return fmt.Errorf("load tenants: the file has format %d, this program reads %d", in.Version, snapshotVersion)
	}
	apps := make([][]*app, len(in.Tenants))
	for i, st := range in.Tenants {
		var err error
		if apps[i], err = st.check(); err != nil {
			return fmt.Errorf("load tenant %s: %w", st.Spec.InitialDomain, err)
		}
	}
	for i, st := range in.Tenants {
		t := s.Tenant(st.Spec.ID)
		if t == nil {
			t = s.newTenant(st.Spec)
			t.restoreState(st, apps[i])
			s.mu.Lock()
			s.tenants = append(s.tenants, t)
			s.mu.Unlock()
			continue
		}
		t.restoreState(st, apps[i])
	}
	s.federation.restore(in.Federated)
	return nil
}

// state copies the tenant under its lock.
func (t *Tenant) state() tenantState {
	t.lock()
	defer t.mu.Unlock()
	st := tenantState{Spec: t.spec, DeltaAge: t.deltaAge + 1, Devices: map[string][]MobileDevice{}, ExchangeApps: map[string]bool{}}
	st.Spec.PremiumP2 = t.p2
	for _, rec := range t.users {
		if u := rec.current(); u != nil {
			st.Users = append(st.Users, userState{User: u.clone(), Password: rec.password, Known: rec.known, Gone: rec.gone})
		}
	}
	for _, rec := range t.roles {
		if a := rec.current(); a != nil {
			st.Roles = append(st.Roles, *a)
		}
	}
	for _, g := range t.groups {
		st.Groups = append(st.Groups, &roleGroup{Name: g.Name, GUID: g.GUID, Members: append([]string{}, g.Members...)})
	}
	for _, r := range t.pim {
		saved := *r
		st.PIM = append(st.PIM, &saved)
	}
	for id, d := range t.devices {
		st.Devices[id] = append([]MobileDevice{}, d...)
	}
	for id := range t.exchangeApps {
		st.ExchangeApps[id] = true
	}
	st.ConsentPolicy = t.consentPolicy.value()
	for _, rec := range t.delegated {
		if g := rec.current(); g != nil {
			st.Delegated = append(st.Delegated, *g)
		}
	}
	for _, rec := range t.assigned {
		if a := rec.current(); a != nil {
			st.Assigned = append(st.Assigned, *a)
		}
	}
	for _, r := range t.registrations {
		saved := *r
		saved.Props = maps.Clone(r.Props)
		st.Registrations = append(st.Registrations, &saved)
	}
	for _, a := range t.apps {
		st.Apps = append(st.Apps, a.state())
	}
	return st
}

func (a *app) state() appState {
	st := appState{App: a.spec, Secret: a.secret, TokenError: a.tokenError}
	for _, cert := range a.spec.Certificates {
		st.Certificates = append(st.Certificates, cert.Raw)
	}
	st.App.Certificates = nil
	return st
}

// check makes sure that restoreState cannot fail, and decodes the apps.
func (st tenantState) check() ([]*app, error) {
	if st.Spec.ID == "" || st.Spec.InitialDomain == "" {
		return nil, fmt.Errorf("the saved tenant has no id or no domain")
	}
	for _, r := range st.Roles {
		if roleNamed(r.RoleDefinitionID) == nil {
			return nil, fmt.Errorf("unknown role %q", r.RoleDefinitionID)
		}
	}
	var apps []*app
	for _, saved := range st.Apps {
		a, err := saved.app()
		if err != nil {
			return nil, fmt.Errorf("app %s: %w", saved.App.ClientID, err)
		}
		apps = append(apps, a)
	}
	return apps, nil
}

func (st appState) app() (*app, error) {
	a := &app{spec: st.App, secret: st.Secret, tokenError: st.TokenError}
	for _, der := range st.Certificates {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		a.spec.Certificates = append(a.spec.Certificates, cert)
	}
	return a, nil
}

// restoreState puts a checked state in the place of the tenant's own.
func (t *Tenant) restoreState(st tenantState, apps []*app) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spec.SecurityDefaults, t.spec.ConditionalAccess, t.p2 = st.Spec.SecurityDefaults, st.Spec.ConditionalAccess, st.Spec.PremiumP2
	t.apps, t.groups, t.pim, t.deltaAge = apps, st.Groups, st.PIM, st.DeltaAge
	t.users, t.bin, t.journal, t.roles, t.registrations = nil, nil, nil, nil, st.Registrations
	t.byID, t.byUPN, t.roleByID = map[string]*userRecord{}, map[string][]*userRecord{}, map[string]*assignmentRecord{}
	t.delegated, t.assigned, t.consentPolicy = nil, nil, consentPolicyRecord{}
	t.spec.Groups = st.Spec.Groups
	for _, a := range st.Assigned {
		rec := &assignedRecord{}
		rec.set(time.Time{}, &a)
		t.assigned = append(t.assigned, rec)
	}
	t.consentPolicy.set(time.Time{}, &st.ConsentPolicy)
	for _, g := range st.Delegated {
		t.delegate(time.Time{}, g.ClientID, g.ResourceID, g.PrincipalID, strings.Fields(g.Scope)...)
	}
	t.devices, t.exchangeApps = map[string][]MobileDevice{}, map[string]bool{}
	for id, d := range st.Devices {
		t.devices[id] = d
	}
	for id := range st.ExchangeApps {
		t.exchangeApps[id] = true
	}
	for _, u := range st.Users {
		rec := t.insert(time.Time{}, u.User)
		rec.password, rec.known, rec.gone = u.Password, u.Known, u.Gone
		if !u.User.Deleted.IsZero() {
			t.bin = append(t.bin, rec)
		}
	}
	for _, a := range st.Roles {
		t.assign(time.Time{}, a.PrincipalID, a.RoleDefinitionID, a.DirectoryScopeID).current().Ends = a.Ends
	}
}
