package tenantfake

import (
	"cmp"
	"crypto/x509"
	"slices"
	"strings"
	"time"
)

// app is an App's service principal in a tenant. The secret is kept as a hash.
type app struct {
	spec       App // without Secret and Federated
	secret     *passwordHash
	tokenError int // an AADSTS number, or zero
	// created is zero for a service principal that has been there always; tags are what Graph set on it.
	created time.Time
	tags    []any
	// changed holds the latest change of each permission, as Graph made it.
	changed map[permission]permissionChange
}

func (t *Tenant) addApp(a App) {
	if a.ClientID == "" {
		panic("tenantfake: App.ClientID is required")
	}
	a.ClientID = strings.ToLower(a.ClientID)
	a.ObjectID = strings.ToLower(cmp.Or(a.ObjectID, t.s.guid()))
	rec := &app{spec: a}
	if a.Secret != "" {
		rec.secret = t.s.hashPassword(a.Secret)
	}
	t.s.register(a)
	rec.spec.Secret, rec.spec.Federated = "", nil
	t.apps = append(t.apps, rec)
	for _, role := range a.DirectoryRoles {
		t.mustRole(role)
		t.assign(time.Time{}, a.ObjectID, role, "/")
	}
}

// AddApp consents to an application: its service principal is made, with the permissions and roles given. A specification that contradicts
// itself panics, as in AddTenant.
func (t *Tenant) AddApp(a App) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addApp(a)
}

// RemoveApp withdraws the consent to an application. New tokens are refused with AADSTS700016, and Graph answers a token issued before with
// 401 Authorization_IdentityNotFound. It reports whether the tenant knew the app.
func (t *Tenant) RemoveApp(clientID string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.app(clientID)
	if a == nil {
		return false
	}
	t.dropApp(a)
	return true
}

// dropApp deletes a service principal with its directory roles.
func (t *Tenant) dropApp(a *app) {
	t.endAssignmentsOf(t.s.now(), a.spec.ObjectID)
	t.endDelegationsOf(t.s.now(), a.spec.ObjectID)
	t.unassign(t.s.now(), a.spec.ObjectID)
	t.apps = slices.DeleteFunc(t.apps, func(other *app) bool { return other == a })
}

func (t *Tenant) app(clientID string) *app {
	i := slices.IndexFunc(t.apps, func(a *app) bool { return a.spec.ClientID == strings.ToLower(clientID) })
	if i < 0 {
		return nil
	}
	return t.apps[i]
}

func (t *Tenant) appByObject(id string) *app {
	i := slices.IndexFunc(t.apps, func(a *app) bool { return a.spec.ObjectID == strings.ToLower(id) })
	if i < 0 {
		return nil
	}
	return t.apps[i]
}

// wids are the template ids of the directory roles of an app, as a token issued now carries them.
func (t *Tenant) wids(a *app) []string {
	var out []string
	for _, rec := range t.roles {
		if v := rec.current(); v != nil && v.PrincipalID == a.spec.ObjectID && v.DirectoryScopeID == "/" {
			out = append(out, v.RoleDefinitionID)
		}
	}
	return out
}

// changeApp changes an app under the lock and reports whether there is one.
func (t *Tenant) changeApp(clientID string, change func(*app)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.app(clientID)
	if a != nil {
		change(a)
	}
	return a != nil
}

// SetPermissions replaces the application permissions granted to an app on Graph and on Exchange. Tokens issued before keep theirs.
// Like the other methods that change an app, it reports whether the tenant knows it.
func (t *Tenant) SetPermissions(clientID string, graph, exchange []string) bool {
	return t.changeApp(clientID, func(a *app) { a.spec.Graph, a.spec.Exchange, a.changed = graph, exchange, nil })
}

// SetDirectoryRoles replaces the directory roles of an app (display names or template ids). Tokens issued before keep theirs.
func (t *Tenant) SetDirectoryRoles(clientID string, roles ...string) bool {
	return t.changeApp(clientID, func(a *app) {
		t.endAssignmentsOf(t.s.now(), a.spec.ObjectID)
		for _, role := range roles {
			t.assign(t.s.now(), a.spec.ObjectID, t.mustRole(role).ID, "/")
		}
	})
}

// SetDisabledByHand switches an app off or on again, as under Enterprise applications: off, it gets no token (AADSTS7000112).
func (t *Tenant) SetDisabledByHand(clientID string, disabled bool) bool {
	return t.changeApp(clientID, func(a *app) { a.spec.Disabled = disabled })
}

// SetSecret replaces the client secret of an app; the former stops working at once.
func (t *Tenant) SetSecret(clientID, secret string) bool {
	return t.changeApp(clientID, func(a *app) { a.secret = t.s.hashPassword(secret) })
}

// SetCertificates replaces the certificates of an app.
func (t *Tenant) SetCertificates(clientID string, certs ...*x509.Certificate) bool {
	return t.changeApp(clientID, func(a *app) { a.spec.Certificates = certs })
}

// SetTokenError makes the token endpoint refuse an app with this AADSTS number (for example 7000222, secret expired, or 90033, transient
// failure) until it is set to zero.
func (t *Tenant) SetTokenError(clientID string, aadsts int) bool {
	return t.changeApp(clientID, func(a *app) { a.tokenError = aadsts })
}

// RevokeTokens makes every token issued so far invalid (401 InvalidAuthenticationToken).
func (t *Tenant) RevokeTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokenAge++
}
