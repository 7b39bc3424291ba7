package tenantfake

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// The federated identity credentials of an application, as Graph shows and changes them. The sign-in reads the same store.

func (f FederatedCredential) object() map[string]any {
	return map[string]any{
		"id": f.ID, "name": f.Name, "description": f.Description, "issuer": f.Issuer, "subject": f.Subject, "audiences": list(f.Audiences),
	}
}

func (c *graphCall) federatedContext() string {
	return "applications('" + c.params["id"] + "')/federatedIdentityCredentials"
}

func (c *graphCall) listFederated() *response {
	r := c.seenRegistration()
	if r == nil {
		return c.notFound(c.params["id"])
	}
	objects := []map[string]any{}
	for _, f := range c.s.FederatedCredentials(r.AppID) {
		objects = append(objects, f.object())
	}
	return c.collection(c.federatedContext(), map[string]filterable{"name": basic, "subject": basic}, objects)
}

// federatedCredential finds the path's credential by id or name='…'.
func (c *graphCall) federatedCredential(r *registration) (FederatedCredential, bool) {
	all := c.s.FederatedCredentials(r.AppID)
	i := slices.IndexFunc(all, func(f FederatedCredential) bool {
		return f.ID == c.params["credential"] || "name="+f.Name == c.params["credential"]
	})
	if i < 0 {
		return FederatedCredential{}, false
	}
	return all[i], true
}

// seenFederated gives the application and the credential of the path, or the answer that
// one of them is not there.
func (c *graphCall) seenFederated() (*registration, FederatedCredential, *response) {
	r := c.seenRegistration()
	if r == nil {
		return nil, FederatedCredential{}, c.notFound(c.params["id"])
	}
	f, ok := c.federatedCredential(r)
	if !ok {
		return nil, FederatedCredential{}, c.notFound(c.params["credential"])
	}
	return r, f, nil
}

func (c *graphCall) readFederated() *response {
	_, f, missing := c.seenFederated()
	if missing != nil {
		return missing
	}
	return c.entity(http.StatusOK, c.federatedContext()+"/$entity", f.object())
}

// federatedBody holds what a request sets; what is nil stays as it was.
type federatedBody struct {
	Name, Description, Issuer, Subject *string
	Audiences                          []string
}

func (b federatedBody) apply(f FederatedCredential) FederatedCredential {
	for to, from := range map[*string]*string{&f.Name: b.Name, &f.Description: b.Description, &f.Issuer: b.Issuer, &f.Subject: b.Subject} {
		if from != nil {
			*to = *from
		}
	}
	if b.Audiences != nil {
		f.Audiences = b.Audiences
	}
	return f
}

// putFederated answers 201 for a new credential and 204 for a changed one.
func (c *graphCall) putFederated(r *registration, f FederatedCredential) *response {
	fresh := f.ID == ""
	f, err := c.s.PutFederatedCredential(r.AppID, f)
	switch {
	case errors.Is(err, ErrFederatedExists):
		return c.fail(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue",
			"FederatedIdentityCredential with name "+f.Name+" already exists, or another has the same issuer and subject.")
	case err != nil:
		return c.badRequest("Invalid value: " + err.Error() + ".")
	case fresh:
		return c.entity(http.StatusCreated, c.federatedContext()+"/$entity", f.object())
	}
	return newResponse(http.StatusNoContent)
}

func (c *graphCall) createFederated() *response {
	var body federatedBody
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	r := c.seenRegistration()
	if r == nil {
		return c.notFound(c.params["id"])
	}
	f := body.apply(FederatedCredential{})
	if f.Name == "" || len(f.Audiences) == 0 {
		return c.badRequest(invalidValues)
	}
	return c.putFederated(r, f)
}

// updateFederated is also the upsert by name (reference: Microsoft Graph docs, federatedidentitycredential-upsert).
func (c *graphCall) updateFederated() *response {
	var body federatedBody
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	r := c.seenRegistration()
	if r == nil {
		return c.notFound(c.params["id"])
	}
	f, found := c.federatedCredential(r)
	name, byName := strings.CutPrefix(c.params["credential"], "name=")
	switch {
	case !found && (!byName || !c.upserts()):
		return c.notFound(c.params["credential"])
	case !found:
		f.Name = name
	case body.Name != nil && *body.Name != f.Name:
		return c.badRequest("Property 'name' cannot be changed.")
	}
	return c.putFederated(r, body.apply(f))
}

func (c *graphCall) deleteFederated() *response {
	r, f, missing := c.seenFederated()
	if missing != nil {
		return missing
	}
	c.s.RemoveFederatedCredential(r.AppID, f.ID)
	return newResponse(http.StatusNoContent)
}
