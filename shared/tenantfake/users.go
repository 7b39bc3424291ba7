package tenantfake

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func (c *graphCall) listUsers() *response { return c.userPage(ReadList, live) }

func (c *graphCall) listDeleted() *response { return c.userPage(ReadList, softDeleted) }

// countUsers answers plain text, as Graph does for $count as a path.
func (c *graphCall) countUsers() *response {
	if !strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual") {
		return c.badRequest("$count is not currently supported.")
	}
	if strings.Contains(c.r.Header.Get("Accept"), "json") {
		return c.fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "A supported MIME type could not be found that matches the acceptable MIME types for the request.")
	}
	keep, resp := c.filter(userFilters)
	if resp != nil {
		return resp
	}
	n := c.countIf(func(rec *userRecord) *User {
		u := live(c.see(rec, ReadList))
		if u == nil || keep != nil && !keep.matches(u.property) {
			return nil
		}
		return u
	})
	resp = newResponse(http.StatusOK)
	resp.header.Set("Content-Type", "text/plain")
	resp.body = []byte(strconv.Itoa(n))
	return resp
}

func (c *graphCall) readUser() *response {
	if c.option("expand") != "" {
		return c.notImplemented()
	}
	props, resp := c.selected()
	if resp != nil {
		return resp
	}
	_, u := c.getUser(c.params["id"])
	if u == nil {
		return c.notFound(c.params["id"])
	}
	return c.entity(http.StatusOK, c.userContext("/$entity"), u.project(props))
}

func (c *graphCall) readDeleted() *response {
	props, resp := c.selected()
	if resp != nil {
		return resp
	}
	_, u := c.deletedUser()
	if u == nil {
		return c.notFound(c.params["id"])
	}
	return c.directoryObject(u, props)
}

// deletedUser finds the path's user in the recycle bin, as this call's replica has it.
func (c *graphCall) deletedUser() (*userRecord, *User) {
	rec := c.t.byID[strings.ToLower(c.params["id"])]
	if rec == nil {
		return nil, nil
	}
	return rec, softDeleted(c.see(rec, ReadByID))
}

// directoryObject answers a user where the declared type is its base type.
func (c *graphCall) directoryObject(u *User, props []string) *response {
	object := u.project(props)
	object["@odata.type"] = "#microsoft.graph.user"
	return c.entity(http.StatusOK, "directoryObjects/$entity", object)
}

// guarded finds the path's user for a sensitive action and refuses the action when the user is out of the app's reach: app-only
// permissions do not suffice against holders of administrator roles.
func (c *graphCall) guarded() (*userRecord, *response) {
	rec, u := c.getUser(c.params["id"])
	if u == nil || live(rec.current()) == nil {
		return nil, c.notFound(c.params["id"])
	}
	if !mayTouch(c.claims.WIDs, c.t.rolesOf(c.now, u.ID)) {
		return nil, c.denied()
	}
	return rec, nil
}

func (c *graphCall) deleteUser() *response {
	rec, resp := c.guarded()
	if resp != nil {
		return resp
	}
	if rec.current().OnPremisesSync {
		return c.mastered()
	}
	c.t.softDelete(c.now, rec)
	return newResponse(http.StatusNoContent)
}

func (c *graphCall) purgeUser() *response {
	rec, u := c.deletedUser()
	if u == nil || softDeleted(rec.current()) == nil {
		return c.notFound(c.params["id"])
	}
	c.t.purge(c.now, rec)
	return newResponse(http.StatusNoContent)
}

// memberships lists the groups of a user; the directory roles, which Graph lists here too, are left out.
func (c *graphCall) memberships() *response {
	_, u := c.getUser(c.params["id"])
	if u == nil {
		return c.notFound(c.params["id"])
	}
	objects := []map[string]any{}
	for _, id := range u.Groups {
		objects = append(objects, map[string]any{"@odata.type": "#microsoft.graph.group", "id": id})
	}
	return c.collection("directoryObjects", nil, objects)
}

// authenticationRequirements is per-user multifactor authentication (reference: Microsoft Graph beta docs, authentication-get).
func (c *graphCall) authenticationRequirements() *response {
	_, u := c.getUser(c.params["id"])
	if u == nil {
		return c.notFound(c.params["id"])
	}
	return c.reply(http.StatusOK, map[string]any{
		"@odata.context": c.context("users('" + u.ID + "')/authentication/requirements"), "perUserMfaState": cmp.Or(u.PerUserMFA, "disabled"),
	})
}

// revokeSessions invalidates the refresh tokens and session cookies of a user.
func (c *graphCall) revokeSessions() *response {
	rec, u := c.getUser(c.params["id"])
	if u == nil || live(rec.current()) == nil {
		return c.notFound(c.params["id"])
	}
	changed := rec.current().clone()
	changed.SessionsValidFrom = c.now.UTC()
	c.t.change(c.now, rec, changed)
	return c.reply(http.StatusOK, map[string]any{"@odata.context": c.context("Edm.Boolean"), "value": true})
}

func (c *graphCall) licenseDetails() *response {
	_, u := c.getUser(c.params["id"])
	if u == nil {
		return c.notFound(c.params["id"])
	}
	objects := []map[string]any{}
	for _, id := range u.Licenses {
		for _, sku := range c.t.spec.SKUs {
			if sku.SkuID == id {
				objects = append(objects, map[string]any{
					"id": u.ID + "_" + id, "skuId": id, "skuPartNumber": sku.PartNumber, "servicePlans": sku.plans(),
				})
			}
		}
	}
	return c.collection("users('"+u.ID+"')/licenseDetails", nil, objects)
}

// restoreUser brings a user back from the recycle bin under its former name, or a new one.
func (c *graphCall) restoreUser() *response {
	rec, u := c.deletedUser()
	if u == nil || softDeleted(rec.current()) == nil {
		return c.notFound(c.params["id"])
	}
	var body struct{ NewUserPrincipalName string }
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	restored := rec.current().clone()
	restored.UserPrincipalName = strings.TrimPrefix(restored.UserPrincipalName, strings.ReplaceAll(restored.ID, "-", ""))
	if body.NewUserPrincipalName != "" {
		restored.UserPrincipalName = body.NewUserPrincipalName
	}
	if resp := c.checkName(restored.UserPrincipalName, restored.ID); resp != nil {
		return resp
	}
	restored.Deleted = time.Time{}
	c.t.restore(c.now, rec, restored)
	return c.directoryObject(rec.current(), defaultProps)
}
