package entra

import (
	"context"
	"net/http"
	"net/url"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// FederatedCredential lets the tokens of one subject of one issuer sign in as an
// application (reference: Microsoft Graph, federatedIdentityCredential).
type FederatedCredential struct {
	// ID is Graph's; Name is ours, unique within the application and never changed.
	ID, Name, Description string
	// Issuer and Subject are compared with the token's, upper and lower case being
	// different. No two credentials of an application have the same two.
	Issuer, Subject string
	// Audiences holds exactly one.
	Audiences []string
}

// FederatedCredentials lists the federated credentials of an application, by the
// object id of its registration.
func (c *Client) FederatedCredentials(ctx context.Context, t account.TenantID, application string) ([]FederatedCredential, error) {
	call := call{doing: "list the federated credentials of application " + application, objects: []string{application}, permission: readsApps, missing: fault.IdentityNotFound}
	return collect(pages(ctx, c, t, call, credentialsPath(application), wireFederated.credential))
}

// PutFederatedCredential makes the federated credential of this name, or gives it
// these values. It does not read back.
func (c *Client) PutFederatedCredential(ctx context.Context, t account.TenantID, application string, f FederatedCredential) error {
	call := call{doing: "write the federated credential " + f.Name, objects: []string{application, f.Name}, permission: changesApps, missing: fault.IdentityNotFound}
	body := map[string]any{"issuer": f.Issuer, "subject": f.Subject, "audiences": orEmpty(f.Audiences), "description": f.Description}
	return c.upsert(ctx, t, call, credentialsPath(application)+byKey("name", f.Name), body)
}

// RemoveFederatedCredential takes a federated credential away, by its id. One that is
// gone already is no error.
func (c *Client) RemoveFederatedCredential(ctx context.Context, t account.TenantID, application, id string) error {
	call := call{doing: "remove federated credential " + id, objects: []string{application, id}, permission: changesApps, missing: fault.IdentityNotFound}
	return unlessMissing(c.run(ctx, t, call, func(s *session) error {
		return s.plain(ctx, http.MethodDelete, credentialsPath(application)+"/"+url.PathEscape(id))
	}))
}

func credentialsPath(application string) string {
	return "/applications/" + url.PathEscape(application) + "/federatedIdentityCredentials"
}

type wireFederated struct {
	ID, Name, Description, Issuer, Subject string
	Audiences                              []string
}

func (w wireFederated) key() string                     { return w.ID }
func (w wireFederated) credential() FederatedCredential { return FederatedCredential(w) }

// Grant is an application permission that a service principal holds.
type Grant = account.AppGrant

// Grants lists the application permissions that a service principal holds.
func (c *Client) Grants(ctx context.Context, t account.TenantID, principal string) ([]Grant, error) {
	call := call{doing: "list the permissions of service principal " + principal, objects: []string{principal}, permission: readsApps, missing: fault.IdentityNotFound}
	return collect(pages(ctx, c, t, call, "/servicePrincipals/"+url.PathEscape(principal)+"/appRoleAssignments", wireGrant.grant))
}

// GivePermission grants an application permission of an API to a service principal,
// which is what admin consent does. One that it holds already is no error: the key of
// a grant is these three ids, so there is nothing else it could be. It does not read
// back. IdentityNotFound (waiting) says that the service principal is too new.
func (c *Client) GivePermission(ctx context.Context, t account.TenantID, principal, resource, permission string) error {
	call := call{
		doing: "grant permission " + permission + " to " + principal, objects: []string{principal, resource, permission},
		permission: changesGrant, missing: fault.IdentityNotFound, conflict: fault.RoleConflict,
	}
	return c.giveAppRole(ctx, t, call, principal, resource, permission)
}

// giveAppRole gives a role of an application to a principal: a permission of an API to an
// application, or the use of an application to a user.
func (c *Client) giveAppRole(ctx context.Context, t account.TenantID, call call, principal, resource, role string) error {
	err := c.run(ctx, t, call, func(s *session) error {
		return s.write(ctx, http.MethodPost, grantsPath(resource), map[string]string{
			"principalId": principal, "resourceId": resource, "appRoleId": role,
		})
	})
	return unlessConflict(err, fault.RoleConflict)
}

// WithdrawPermission takes a grant away. One that is gone already is no error.
func (c *Client) WithdrawPermission(ctx context.Context, t account.TenantID, g Grant) error {
	call := call{doing: "withdraw grant " + g.ID, objects: []string{g.ResourceID, g.ID}, permission: changesGrant, missing: fault.IdentityNotFound}
	return unlessMissing(c.run(ctx, t, call, func(s *session) error {
		return s.plain(ctx, http.MethodDelete, grantsPath(g.ResourceID)+"/"+url.PathEscape(g.ID))
	}))
}

func grantsPath(resource string) string {
	return "/servicePrincipals/" + url.PathEscape(resource) + "/appRoleAssignedTo"
}

type wireGrant struct {
	ID           string
	ResourceID   string `json:"resourceId"`
	ResourceName string `json:"resourceDisplayName"`
	AppRoleID    string `json:"appRoleId"`
}

func (w wireGrant) key() string { return w.ID }

func (w wireGrant) grant() Grant {
	return Grant{ID: w.ID, ResourceID: w.ResourceID, ResourceName: w.ResourceName, PermissionID: w.AppRoleID}
}
