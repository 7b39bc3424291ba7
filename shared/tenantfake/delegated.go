package tenantfake

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// scopeTable gives the ids of delegated permissions (reference: Microsoft Graph permissions reference).
var scopeTable = map[string]map[string]string{
	graphAppID: {
		"User.Read":           "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
		"User.Read.All":       "a154be20-db9c-4678-8ab7-66f6cc099a59",
		"Mail.Read":           "570282fd-fa5c-430d-a7fd-fc8dc98a9dca",
		"Mail.ReadWrite":      "024d486e-b451-40bb-833d-3e66d98c5c73",
		"Mail.Send":           "e383f46e-2787-4529-855e-0e479a3ffac0",
		"Calendars.Read":      "465a38f9-76ea-45b9-9f34-9e8b0d4b0b42",
		"Calendars.ReadWrite": "1ec239c2-d7c9-4623-a91a-a9775856bb36",
		"Contacts.Read":       "ff74d97f-43af-4b68-9f2a-b77ee6968c5d",
		"offline_access":      "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
		"openid":              "37f7f235-527c-4136-accd-4a02d197296e",
		"profile":             "14dad69e-099b-42c9-810b-d002981feec1",
		"Directory.Read.All":  "06da0dbc-49e2-44d2-8312-53f166ab848a",
	},
	exchangeAppID: {"EWS.AccessAsUser.All": "3b5f3d61-589b-4a3c-a359-5dd4b5ee5bd5"},
}

// scopeObjects are the delegated permissions that a resource offers.
func (r resource) scopeObjects() []any {
	out := []any{}
	for _, name := range sortedKeys(scopeTable[r.appID]) {
		out = append(out, map[string]any{
			"id": scopeTable[r.appID][name], "value": name, "type": "User", "isEnabled": true,
			"adminConsentDisplayName": name, "adminConsentDescription": name,
		})
	}
	return out
}

// scopeName finds a delegated permission by its id.
func (r resource) scopeName(id string) (string, bool) {
	for name, known := range scopeTable[r.appID] {
		if strings.EqualFold(known, id) {
			return name, true
		}
	}
	return "", false
}

// DelegatedGrant is what a service principal may do at one resource on behalf of users (oAuth2PermissionGrant).
type DelegatedGrant struct {
	ID string
	// ClientID and ResourceID are object ids of service principals; PrincipalID is the one user's, empty for everybody.
	ClientID, ResourceID, PrincipalID string
	// Scope is a list of names with spaces between them.
	Scope string
}

type delegatedRecord struct{ record[DelegatedGrant] }

// delegatedID is opaque to clients; as in Entra the same client, resource and user have the same id.
func delegatedID(client, resource, principal string) string {
	var raw []byte
	for _, id := range []string{client, resource, principal} {
		if id != "" {
			u := uuid.MustParse(id)
			raw = append(raw, u[:]...)
		}
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// delegate adds scopes for everybody (no principal) or for one user.
func (t *Tenant) delegate(now time.Time, client, resource, principal string, scopes ...string) *delegatedRecord {
	g := DelegatedGrant{ID: delegatedID(client, resource, principal), ClientID: client, ResourceID: resource, PrincipalID: principal}
	rec := t.delegation(g.ID)
	if rec == nil {
		rec = &delegatedRecord{}
		t.delegated = append(t.delegated, rec)
	}
	if old := rec.current(); old != nil {
		g.Scope = old.Scope
	}
	all := strings.Fields(g.Scope)
	for _, s := range scopes {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	g.Scope = strings.Join(all, " ")
	rec.set(now, &g)
	return rec
}

// delegation finds the record of a grant that is there, or was.
func (t *Tenant) delegation(id string) *delegatedRecord {
	i := slices.IndexFunc(t.delegated, func(rec *delegatedRecord) bool {
		for v := rec.head; v != nil; v = v.prev {
			if v.value != nil && v.value.ID == id {
				return true
			}
		}
		return false
	})
	if i < 0 {
		return nil
	}
	return t.delegated[i]
}

// endDelegationsOf takes every delegated grant from a client.
func (t *Tenant) endDelegationsOf(now time.Time, client string) {
	for _, rec := range t.delegated {
		if g := rec.current(); g != nil && g.ClientID == client {
			rec.set(now, nil)
		}
	}
}

// DelegatedGrants returns the delegated grants as they truly are.
func (t *Tenant) DelegatedGrants() []DelegatedGrant {
	t.lock()
	defer t.mu.Unlock()
	var out []DelegatedGrant
	for _, rec := range t.delegated {
		if g := rec.current(); g != nil {
			out = append(out, *g)
		}
	}
	return out
}

// UserConsents does what a user does on the consent page: the application (client id) gets delegated permissions of Microsoft Graph for
// this user (id or user principal name) alone. It reports whether the tenant knows both.
func (t *Tenant) UserConsents(clientID, user string, scopes ...string) bool {
	now := t.lock()
	defer t.mu.Unlock()
	a, u := t.app(clientID), t.find(user)
	if a == nil || u == nil {
		return false
	}
	t.delegate(now, a.spec.ObjectID, resources[0].objectID(t), u.current().ID, scopes...)
	return true
}

func (g DelegatedGrant) object() map[string]any {
	consentType, principal := "AllPrincipals", any(nil)
	if g.PrincipalID != "" {
		consentType, principal = "Principal", g.PrincipalID
	}
	return map[string]any{"id": g.ID, "clientId": g.ClientID, "resourceId": g.ResourceID, "consentType": consentType, "principalId": principal, "scope": g.Scope}
}

func (c *graphCall) seeDelegated(rec *delegatedRecord) *DelegatedGrant {
	return rec.seen(c.now, ReadGrants, c.t.consistency[ReadGrants], c.stale)
}

func (c *graphCall) listDelegated() *response {
	return c.delegatedOf("oauth2PermissionGrants", func(*DelegatedGrant) bool { return true })
}

// listDelegatedOf lists those of the path's service principal.
func (c *graphCall) listDelegatedOf() *response {
	a := c.pathApp()
	if a == nil {
		return c.notFound(c.params["id"])
	}
	return c.delegatedOf("servicePrincipals('"+c.params["id"]+"')/oauth2PermissionGrants", func(g *DelegatedGrant) bool { return g.ClientID == a.spec.ObjectID })
}

func (c *graphCall) delegatedOf(context string, want func(*DelegatedGrant) bool) *response {
	objects := []map[string]any{}
	for _, rec := range c.t.delegated {
		if g := c.seeDelegated(rec); g != nil && want(g) {
			objects = append(objects, g.object())
		}
	}
	return c.collection(context, map[string]filterable{"clientId": basic, "consentType": basic, "principalId": basic, "resourceId": basic}, objects)
}

// pathDelegated finds the path's grant as this call's replica has it.
func (c *graphCall) pathDelegated() (*delegatedRecord, *DelegatedGrant) {
	rec := c.t.delegation(c.params["id"])
	if rec == nil {
		return nil, nil
	}
	return rec, c.seeDelegated(rec)
}

func (c *graphCall) readDelegated() *response {
	_, g := c.pathDelegated()
	if g == nil {
		return c.notFound(c.params["id"])
	}
	return c.entity(http.StatusOK, "oauth2PermissionGrants/$entity", pick(g.object(), c.option("select")))
}

// createDelegated makes a grant (reference: Microsoft Graph docs, oauth2permissiongrant-post). The names of the scopes are not looked at.
func (c *graphCall) createDelegated() *response {
	var body struct{ ClientID, ResourceID, PrincipalID, ConsentType, Scope string }
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	forOne := body.ConsentType == "Principal"
	if !forOne && body.ConsentType != "AllPrincipals" || forOne != (body.PrincipalID != "") {
		return c.badRequest(invalidValues)
	}
	a := c.t.appByObject(body.ClientID)
	if a == nil || !c.reaches(a.created, ReadPrincipal) {
		return c.notFound(body.ClientID)
	}
	r, ok := resourceByObject(c.t, body.ResourceID)
	if !ok {
		return c.notFound(body.ResourceID)
	}
	if forOne && c.t.principalType(body.PrincipalID) != "#microsoft.graph.user" {
		return c.notFound(body.PrincipalID)
	}
	client, principal := a.spec.ObjectID, strings.ToLower(body.PrincipalID)
	if rec := c.t.delegation(delegatedID(client, r.objectID(c.t), principal)); rec != nil && rec.current() != nil {
		return c.fail(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
	}
	made := c.t.delegate(c.now, client, r.objectID(c.t), principal, strings.Fields(body.Scope)...)
	return c.entity(http.StatusCreated, "oauth2PermissionGrants/$entity", made.current().object())
}

// updateDelegated replaces the scopes; nothing else of a grant can be changed.
func (c *graphCall) updateDelegated() *response {
	rec, g := c.pathDelegated()
	if g == nil || rec.current() == nil {
		return c.notFound(c.params["id"])
	}
	var body map[string]any
	if err := json.Unmarshal(c.body, &body); err != nil {
		return c.badRequest(invalidValues)
	}
	for name := range body {
		if name != "scope" && !strings.HasPrefix(name, "@") {
			return c.badRequest("Property cannot be updated: " + name)
		}
	}
	changed := *rec.current()
	changed.Scope, _ = body["scope"].(string)
	rec.set(c.now, &changed)
	return newResponse(http.StatusNoContent)
}

func (c *graphCall) deleteDelegated() *response {
	rec, g := c.pathDelegated()
	if g == nil || rec.current() == nil {
		return c.notFound(c.params["id"])
	}
	rec.set(c.now, nil)
	return newResponse(http.StatusNoContent)
}
