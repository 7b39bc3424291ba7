package tenantfake

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

var applicationFilters = map[string]filterable{"appId": basic, "displayName": basic, "id": basic, "uniqueName": basic, "signInAudience": basic, "tags": basic}

// registered finds the path's application by object id, appId='…' or uniqueName='…', as it truly is.
func (c *graphCall) registered() *registration {
	i := slices.IndexFunc(c.t.registrations, func(r *registration) bool {
		return slices.ContainsFunc([]string{r.ID, "appId=" + r.AppID, "uniqueName=" + r.text("uniqueName")}, func(key string) bool {
			return strings.EqualFold(key, c.params["id"])
		})
	})
	if i < 0 {
		return nil
	}
	return c.t.registrations[i]
}

// seenRegistration is registered for a call that reads a replica.
func (c *graphCall) seenRegistration() *registration {
	if r := c.registered(); r != nil && c.reaches(r.Created, ReadByID) {
		return r
	}
	return nil
}

func (c *graphCall) listApplications() *response {
	objects := []map[string]any{}
	for _, r := range c.t.registrations {
		if c.reaches(r.Created, ReadList) {
			objects = append(objects, r.object())
		}
	}
	return c.collection("applications", applicationFilters, objects)
}

func (c *graphCall) readApplication() *response {
	r := c.seenRegistration()
	if r == nil {
		return c.notFound(c.params["id"])
	}
	return c.entity(http.StatusOK, "applications/$entity", pick(r.object(), c.option("select")))
}

// applicationProps reads the body. What only Graph sets is refused.
func (c *graphCall) applicationProps() (map[string]any, *response) {
	var props map[string]any
	if err := json.Unmarshal(c.body, &props); err != nil {
		return nil, c.badRequest(invalidValues)
	}
	delete(props, "@odata.type")
	for _, name := range []string{"id", "appId", "uniqueName", "createdDateTime"} {
		if _, given := props[name]; given {
			return nil, c.badRequest("Property '" + name + "' is read-only and cannot be set.")
		}
	}
	if secrets, _ := props["passwordCredentials"].([]any); len(secrets) > 0 {
		return nil, c.badRequest("Updates to passwordCredentials via PATCH are not supported; use addPassword and removePassword.")
	}
	return props, nil
}

func (c *graphCall) createApplication() *response {
	return c.makeApplication(nil)
}

func (c *graphCall) makeApplication(uniqueName any) *response {
	given, resp := c.applicationProps()
	if resp != nil {
		return resp
	}
	if name, _ := given["displayName"].(string); name == "" {
		return c.badRequest("A value is required for property 'displayName' of resource 'Application'.")
	}
	props := newProps()
	maps.Copy(props, given)
	props["uniqueName"] = uniqueName
	made := &registration{ID: c.s.guid(), AppID: c.s.guid(), Created: c.now, Props: props}
	c.t.registrations = append(c.t.registrations, made)
	return c.entity(http.StatusCreated, "applications/$entity", made.object())
}

// updateApplication is also the upsert by uniqueName, which works on the truth (reference: Microsoft Graph docs, application-upsert).
func (c *graphCall) updateApplication() *response {
	name, byName := strings.CutPrefix(c.params["id"], "uniqueName=")
	r := c.registered()
	switch {
	case r == nil && byName && c.upserts():
		return c.makeApplication(name)
	case r == nil, !c.upserts() && !c.reaches(r.Created, ReadByID):
		return c.notFound(c.params["id"])
	}
	props, resp := c.applicationProps()
	if resp != nil {
		return resp
	}
	maps.Copy(r.Props, props)
	return newResponse(http.StatusNoContent)
}

// deleteApplication takes the service principal and the credentials along.
func (c *graphCall) deleteApplication() *response {
	r := c.seenRegistration()
	if r == nil {
		return c.notFound(c.params["id"])
	}
	if a := c.t.app(r.AppID); a != nil {
		c.t.dropApp(a)
	}
	for _, f := range c.s.FederatedCredentials(r.AppID) {
		c.s.RemoveFederatedCredential(r.AppID, f.ID)
	}
	c.t.registrations = slices.DeleteFunc(c.t.registrations, func(other *registration) bool { return other == r })
	return newResponse(http.StatusNoContent)
}
