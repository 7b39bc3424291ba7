package tenantfake

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Registration is an application object, as Graph shows it below /applications in its home tenant.
type Registration struct {
	// ObjectID is the id of the object, ClientID the application id. Empty means a new one.
	ObjectID, ClientID string
	// UniqueName is the alternate key that only an upsert can set; empty for most applications.
	UniqueName, DisplayName, SignInAudience string
	Tags, RedirectURIs                      []string
	// Permissions are the ids of the permissions asked for, by the resource's application id.
	Permissions map[string][]string
	// Delegated are the same for permissions on behalf of users.
	Delegated map[string][]string
	// Secrets are the names of its client secrets, which open nothing here.
	Secrets []string
	// SecretHints and SecretEnds say how a secret of that name begins and when it ends; others begin with "abc" and end with the year 2026.
	SecretHints map[string]string
	SecretEnds  map[string]time.Time
}

// registration is an application object. Its properties are kept as Graph shows them.
type registration struct {
	ID, AppID string
	Created   time.Time `json:",omitzero"`
	Props     map[string]any
}

func (r *registration) text(name string) string {
	s, _ := r.Props[name].(string)
	return s
}

func (r *registration) object() map[string]any {
	out := map[string]any{"id": r.ID, "appId": r.AppID, "createdDateTime": r.Created.UTC().Format(time.RFC3339)}
	for name, value := range r.Props {
		out[name] = value
	}
	return out
}

// newProps are the properties of an application with nothing set.
func newProps() map[string]any {
	return map[string]any{
		"displayName": nil, "uniqueName": nil, "signInAudience": "AzureADandPersonalMicrosoftAccount", "tags": []any{}, "identifierUris": []any{},
		"requiredResourceAccess": []any{}, "passwordCredentials": []any{}, "keyCredentials": []any{}, "web": map[string]any{"redirectUris": []any{}},
	}
}

// Register makes an application object, as if it had been there always. It has no service principal yet.
func (t *Tenant) Register(r Registration) (objectID string) {
	props := newProps()
	props["displayName"] = r.DisplayName
	if r.UniqueName != "" {
		props["uniqueName"] = r.UniqueName
	}
	if r.SignInAudience != "" {
		props["signInAudience"] = r.SignInAudience
	}
	props["tags"], props["web"] = list(r.Tags), map[string]any{"redirectUris": list(r.RedirectURIs)}
	props["requiredResourceAccess"] = accessOf(r.Permissions, r.Delegated)
	for _, name := range r.Secrets {
		props["passwordCredentials"] = append(props["passwordCredentials"].([]any), t.s.secretObject(r, name))
	}
	made := &registration{ID: orNew(t.s, r.ObjectID), AppID: orNew(t.s, r.ClientID), Props: props}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.registrations = append(t.registrations, made)
	return made.ID
}

func (s *Server) secretObject(r Registration, name string) map[string]any {
	ends, given := r.SecretEnds[name]
	if !given {
		ends = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return map[string]any{
		"keyId": s.guid(), "displayName": name, "hint": cmp.Or(r.SecretHints[name], "abc"), "endDateTime": ends.UTC().Format(time.RFC3339),
	}
}

func orNew(s *Server, id string) string {
	if id == "" {
		return s.guid()
	}
	return strings.ToLower(id)
}

func list(names []string) []any {
	out := []any{}
	for _, n := range names {
		out = append(out, n)
	}
	return out
}

func accessOf(permissions, delegated map[string][]string) []any {
	access := map[string][]any{}
	for kind, asked := range map[string]map[string][]string{"Role": permissions, "Scope": delegated} {
		for resource, ids := range asked {
			for _, id := range ids {
				access[resource] = append(access[resource], map[string]any{"id": id, "type": kind})
			}
		}
	}
	out := []any{}
	for _, resource := range sortedKeys(access) {
		out = append(out, map[string]any{"resourceAppId": resource, "resourceAccess": access[resource]})
	}
	return out
}

// Registrations returns the tenant's application objects as they truly are.
func (t *Tenant) Registrations() []Registration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Registration
	for _, r := range t.registrations {
		out = append(out, r.view())
	}
	return out
}

func (r *registration) view() Registration {
	v := Registration{
		ObjectID: r.ID, ClientID: r.AppID, UniqueName: r.text("uniqueName"), DisplayName: r.text("displayName"),
		SignInAudience: r.text("signInAudience"), Tags: texts(r.Props["tags"]), Permissions: map[string][]string{}, Delegated: map[string][]string{},
	}
	if web, ok := r.Props["web"].(map[string]any); ok {
		v.RedirectURIs = texts(web["redirectUris"])
	}
	eachAccess(r.Props["requiredResourceAccess"], func(resource, id string, delegated bool) {
		into := v.Permissions
		if delegated {
			into = v.Delegated
		}
		into[resource] = append(into[resource], id)
	})
	for _, secret := range objects(r.Props["passwordCredentials"]) {
		name, _ := secret["displayName"].(string)
		v.Secrets = append(v.Secrets, name)
	}
	return v
}

// eachAccess visits requiredResourceAccess.
func eachAccess(v any, visit func(resource, id string, delegated bool)) {
	for _, group := range objects(v) {
		resource, _ := group["resourceAppId"].(string)
		for _, access := range objects(group["resourceAccess"]) {
			id, _ := access["id"].(string)
			visit(resource, id, access["type"] == "Scope")
		}
	}
}

func objects(v any) (out []map[string]any) {
	items, _ := v.([]any)
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

func texts(v any) (out []string) {
	items, _ := v.([]any)
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// registrationOf finds an application of this tenant by its application id; nil if there is none.
func (t *Tenant) registrationOf(appID string) *registration {
	i := slices.IndexFunc(t.registrations, func(r *registration) bool { return strings.EqualFold(r.AppID, appID) })
	if i < 0 {
		return nil
	}
	return t.registrations[i]
}

// offeredAbroad reports whether other tenants than its home may know an application.
func (r Registration) offeredAbroad() bool { return r.SignInAudience != "AzureADMyOrg" }

// application finds the registration of an application in whatever tenant is its home.
func (s *Server) application(clientID string) (Registration, bool) {
	for _, home := range s.Tenants() {
		for _, r := range home.Registrations() {
			if strings.EqualFold(r.ClientID, clientID) {
				return r, true
			}
		}
	}
	return Registration{}, false
}

// Consent does what an administrator does on the consent page: it makes the service principal of an application that is registered in
// some tenant, with every permission that its registration asks for. Directory roles are not part of a consent. It reports whether there
// is such an application.
func (t *Tenant) Consent(clientID string) bool {
	r, ok := t.s.application(clientID)
	if ok {
		t.consent(r)
	}
	return ok
}

func (t *Tenant) consent(wanted Registration) {
	now := t.lock()
	defer t.mu.Unlock()
	a := t.app(wanted.ClientID)
	if a == nil {
		a = &app{spec: App{ClientID: wanted.ClientID, ObjectID: t.s.guid(), DisplayName: wanted.DisplayName}, created: now}
		t.apps = append(t.apps, a)
	}
	for _, r := range resources {
		for _, id := range wanted.Permissions[r.appID] {
			if name, ok := r.roleName(id); ok && !slices.Contains(*r.granted(a), name) {
				a.permit(r, name, true, now)
			}
		}
		var scopes []string
		for _, id := range wanted.Delegated[r.appID] {
			if name, ok := r.scopeName(id); ok {
				scopes = append(scopes, name)
			}
		}
		if len(scopes) > 0 {
			t.delegate(now, a.spec.ObjectID, r.objectID(t), "", scopes...)
		}
	}
}
