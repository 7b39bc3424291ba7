package tenantfake

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// reaches reports whether an object made at this time has come to a read path; the zero time is the beginning.
func (c *graphCall) reaches(made time.Time, p Path) bool {
	return made.IsZero() || !made.Add(c.t.consistency[p].VisibleAfter).After(c.now)
}

func (a *app) object() map[string]any {
	return map[string]any{
		"id": a.spec.ObjectID, "appId": a.spec.ClientID, "displayName": a.spec.DisplayName, "accountEnabled": !a.spec.Disabled,
		"servicePrincipalType": "Application", "appDisplayName": a.spec.DisplayName, "appRoleAssignmentRequired": a.spec.AssignmentRequired,
		"appRoles": a.roleObjects(), "oauth2PermissionScopes": []any{}, "tags": append([]any{}, a.tags...),
	}
}

func (c *graphCall) listApps() *response {
	objects := []map[string]any{}
	for _, a := range c.t.apps {
		if c.reaches(a.created, ReadList) {
			objects = append(objects, a.object())
		}
	}
	for _, r := range resources {
		objects = append(objects, r.object(c.t))
	}
	return c.collection("servicePrincipals", map[string]filterable{"appId": basic, "displayName": basic, "id": basic}, objects)
}

// pathApp finds the app that the path names by object id or by appId='…'; nil if there is none.
func (c *graphCall) pathApp() *app {
	if id, ok := strings.CutPrefix(c.params["id"], "appId="); ok {
		return c.t.app(id)
	}
	return c.t.appByObject(c.params["id"])
}

func (c *graphCall) readApp() *response {
	for _, r := range resources {
		if strings.EqualFold(c.params["id"], "appId="+r.appID) || strings.EqualFold(c.params["id"], r.objectID(c.t)) {
			return c.entity(http.StatusOK, "servicePrincipals/$entity", pick(r.object(c.t), c.option("select")))
		}
	}
	a := c.pathApp()
	if a == nil || !c.reaches(a.created, ReadByID) {
		return c.notFound(c.params["id"])
	}
	return c.entity(http.StatusOK, "servicePrincipals/$entity", pick(a.object(), c.option("select")))
}

// principalBody is what can be set on a service principal here.
type principalBody struct {
	AppID                     string
	Tags                      []any
	AppRoleAssignmentRequired *bool
}

func (c *graphCall) createPrincipal() *response {
	var body principalBody
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	if c.t.app(body.AppID) != nil {
		const text = "The service principal cannot be created, updated, or restored because the service principal name is already in use: servicePrincipalNames already exists."
		return c.fail(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", text)
	}
	return c.makePrincipal(body)
}

// makePrincipal makes the service principal of an application that has come to where it is looked up.
func (c *graphCall) makePrincipal(body principalBody) *response {
	name, known := c.backing(body.AppID)
	if !known {
		text := "The appId '" + body.AppID + "' of the service principal does not reference a valid application object."
		return c.badRequest(text, detail{"NoBackingApplicationObject", text, "appId"})
	}
	a := &app{spec: App{ClientID: strings.ToLower(body.AppID), ObjectID: c.s.guid(), DisplayName: name}, created: c.now, tags: body.Tags}
	c.t.apps = append(c.t.apps, a)
	return c.entity(http.StatusCreated, "servicePrincipals/$entity", a.object())
}

// backing finds the display name of the application that a service principal is made of: one of this tenant, or one that another tenant
// offers to all.
func (c *graphCall) backing(appID string) (name string, known bool) {
	if reg := c.t.registrationOf(appID); reg != nil {
		return reg.text("displayName"), c.reaches(reg.Created, ReadBacking)
	}
	i := slices.IndexFunc(c.abroad, func(r Registration) bool { return strings.EqualFold(r.ClientID, appID) })
	if i < 0 {
		return "", false
	}
	return c.abroad[i].DisplayName, true
}

// offersElsewhere lists what other tenants than this one offer to all. No tenant may be locked.
func (s *Server) offersElsewhere(than *Tenant) []Registration {
	var out []Registration
	for _, t := range s.Tenants() {
		if t != than {
			out = append(out, slices.DeleteFunc(t.Registrations(), func(r Registration) bool { return !r.offeredAbroad() })...)
		}
	}
	return out
}

// updatePrincipal is also the upsert by appId (reference: Microsoft Graph docs, serviceprincipal-upsert).
func (c *graphCall) updatePrincipal() *response {
	var body principalBody
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	a := c.pathApp()
	id, byAppID := strings.CutPrefix(c.params["id"], "appId=")
	switch {
	case a == nil && byAppID && c.upserts():
		body.AppID = id
		return c.makePrincipal(body)
	case a == nil, !c.upserts() && !c.reaches(a.created, ReadByID):
		return c.notFound(c.params["id"])
	}
	if body.Tags != nil {
		a.tags = body.Tags
	}
	if body.AppRoleAssignmentRequired != nil {
		a.spec.AssignmentRequired = *body.AppRoleAssignmentRequired
	}
	return newResponse(http.StatusNoContent)
}

// upserts reports whether a PATCH may create what it names by an alternate key.
func (c *graphCall) upserts() bool {
	return strings.Contains(c.r.Header.Get("Prefer"), "create-if-missing")
}

func (c *graphCall) deletePrincipal() *response {
	a := c.pathApp()
	if a == nil {
		return c.notFound(c.params["id"])
	}
	c.t.dropApp(a)
	return newResponse(http.StatusNoContent)
}
