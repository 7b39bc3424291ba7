package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// The calls that administer applications use small structs: the SDK's packages for
// them would make every build minutes longer, and a PATCH here holds what is in the
// struct and nothing else.
//
// What has a key of ours is written by upsert (PATCH with Prefer: create-if-missing),
// so that a repetition after a lost answer cannot make a second one (reference:
// Microsoft Graph, Upsert application, Upsert servicePrincipal, Upsert
// federatedIdentityCredential).

// What the caller needs. A person needs a directory role instead of the permission.
const (
	readsApps    = "Application.Read.All"
	changesApps  = "Application.ReadWrite.All (a person: the directory role Application Administrator)"
	changesGrant = "AppRoleAssignment.ReadWrite.All (a person: the directory role Privileged Role Administrator)"
)

// Application is an app registration.
type Application struct {
	AppSettings
	// ObjectID is the id of the registration, AppID the application (client) id.
	ObjectID, AppID string
	// Secrets and Certificates are what signs in as the application beside its
	// federated credentials.
	Secrets, Certificates []Key
}

// AppSettings is what can be set on an application.
type AppSettings struct {
	DisplayName string
	// SignInAudience says whose tenants may know it: AzureADMyOrg, AzureADMultipleOrgs.
	SignInAudience string
	Tags           []string
	// RedirectURIs are where the browser goes after a consent.
	RedirectURIs []string
	// Asks are the permissions that an administrator is asked to consent to.
	Asks []Asked
}

// Asked is a permission of an API that an application asks for, by ids.
type Asked struct {
	ResourceAppID, PermissionID string
	// Delegated is true for a permission on behalf of a user.
	Delegated bool
}

// Equal reports whether two ask for the same.
func (a Asked) Equal(b Asked) bool {
	return strings.EqualFold(a.ResourceAppID, b.ResourceAppID) && strings.EqualFold(a.PermissionID, b.PermissionID) && a.Delegated == b.Delegated
}

// Key is a client secret or a certificate, without its value.
type Key struct {
	ID, Name string
	// Ends is when it stops working; zero when Graph did not say.
	Ends time.Time
}

const applicationFields = "?$select=id,appId,displayName,signInAudience,tags,web,requiredResourceAccess,passwordCredentials,keyCredentials"

// Application finds an application by its unique name, which no two have and which
// only its upsert can set. It reports false when there is none, or none yet.
func (c *Client) Application(ctx context.Context, t account.TenantID, uniqueName string) (found Application, ok bool, err error) {
	call := call{doing: "read application " + uniqueName, objects: []string{uniqueName}, permission: readsApps, missing: fault.IdentityNotFound}
	var w wireApplication
	err = c.run(ctx, t, call, func(s *session) error {
		if err := s.get(ctx, "/applications"+byKey("uniqueName", uniqueName)+applicationFields, &w); err != nil {
			return err
		}
		if w.ID == "" || w.AppID == "" {
			return errIncomplete("an application without its ids")
		}
		return nil
	})
	if isMissing(err) {
		return found, false, nil
	}
	return w.application(), err == nil, err
}

// PutApplication makes the application with this unique name, or gives it these
// settings, all of them. It does not read back.
func (c *Client) PutApplication(ctx context.Context, t account.TenantID, uniqueName string, set AppSettings) error {
	call := call{doing: "write application " + uniqueName, objects: []string{uniqueName, set.DisplayName}, permission: changesApps, missing: fault.IdentityNotFound}
	return c.upsert(ctx, t, call, "/applications"+byKey("uniqueName", uniqueName), set.wire())
}

// ServicePrincipal is an application as one tenant knows it.
type ServicePrincipal = account.ServicePrincipal

const principalFields = "?$select=id,appId,displayName,accountEnabled,appRoleAssignmentRequired,appRoles,oauth2PermissionScopes"

// ServicePrincipal finds the service principal of an application in a tenant. It
// reports false when there is none, or none yet.
func (c *Client) ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (found ServicePrincipal, ok bool, err error) {
	call := call{doing: "read the service principal of application " + appID, objects: []string{appID}, permission: readsApps, missing: fault.IdentityNotFound}
	var w wirePrincipal
	err = c.run(ctx, t, call, func(s *session) error {
		if err := s.get(ctx, "/servicePrincipals"+byKey("appId", appID)+principalFields, &w); err != nil {
			return err
		}
		if w.ID == "" {
			return errIncomplete("a service principal without an id")
		}
		return nil
	})
	if isMissing(err) {
		return found, false, nil
	}
	return w.principal(), err == nil, err
}

// enterpriseApp is the tag that the Entra admin centre lists by.
const enterpriseApp = "WindowsAzureActiveDirectoryIntegratedApp"

// PutServicePrincipal makes the service principal of an application of this tenant,
// such that it shows under "Enterprise applications". It does not read back.
//
// IdentityNotFound (waiting) says that the application is too new.
func (c *Client) PutServicePrincipal(ctx context.Context, t account.TenantID, appID string) error {
	call := call{doing: "make the service principal of application " + appID, objects: []string{appID}, permission: changesApps, missing: fault.IdentityNotFound}
	tags := map[string]any{"tags": []string{enterpriseApp}}
	return c.upsert(ctx, t, call, "/servicePrincipals"+byKey("appId", appID), tags)
}

// MakeServicePrincipal makes the service principal of an application whose home may be
// another tenant, such as a vendor's. One that is there already is no error and stays
// as it is: an application has one in a tenant, so it can be no other. It does not
// read back.
//
// ApplicationUnknown (permanent) says that no tenant has such an application, or that
// its owner does not offer it to others.
func (c *Client) MakeServicePrincipal(ctx context.Context, t account.TenantID, appID string) error {
	call := call{
		doing: "make the service principal of application " + appID, objects: []string{appID},
		permission: changesApps, conflict: fault.ConsentNotVisible,
	}
	err := c.run(ctx, t, call, func(s *session) error {
		return s.write(ctx, http.MethodPost, "/servicePrincipals", map[string]any{"appId": appID, "tags": []string{enterpriseApp}})
	})
	if refused, ok := errors.AsType[*refusal](err); ok && refused.status == http.StatusBadRequest && fault.Is(err, fault.IdentityNotFound) {
		return fault.Stop(fault.ApplicationUnknown, fmt.Errorf("%s: %w: no tenant offers an application of this id: check it with the vendor", call.doing, refused))
	}
	return unlessConflict(err, fault.ConsentNotVisible)
}

// unlessConflict turns "there already" into success, for what can be no other than ours.
func unlessConflict(err error, conflict fault.Code) error {
	if fault.Is(err, conflict) {
		return nil
	}
	return err
}

// RemoveServicePrincipal deletes a service principal by its object id, and with it
// everything that was granted to it in the tenant. One that is gone already is no error.
func (c *Client) RemoveServicePrincipal(ctx context.Context, t account.TenantID, principal string) error {
	call := call{doing: "delete service principal " + principal, objects: []string{principal}, permission: changesApps, missing: fault.IdentityNotFound}
	return unlessMissing(c.run(ctx, t, call, func(s *session) error {
		return s.plain(ctx, http.MethodDelete, "/servicePrincipals/"+url.PathEscape(principal))
	}))
}

// upsert writes an object by its alternate key.
func (c *Client) upsert(ctx context.Context, t account.TenantID, call call, path string, body any) error {
	return c.run(ctx, t, call, func(s *session) error {
		req, err := s.encode(ctx, http.MethodPatch, path, body)
		if err != nil {
			return err
		}
		req.Raw().Header.Set("Prefer", "create-if-missing")
		_, err = s.send(req)
		return err
	})
}

// write sends a body whose answer does not matter beyond its status.
func (s *session) write(ctx context.Context, method, path string, body any) error {
	req, err := s.encode(ctx, method, path, body)
	if err != nil {
		return err
	}
	_, err = s.send(req)
	return err
}

func (s *session) encode(ctx context.Context, method, path string, body any) (*policy.Request, error) {
	req, err := s.request(ctx, method, s.base.String()+path)
	if err != nil {
		return nil, err
	}
	if err := runtime.MarshalAsJSON(req, body); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return req, nil
}

// byKey addresses an object by an alternate key.
func byKey(key, value string) string {
	return "(" + key + "='" + url.PathEscape(strings.ReplaceAll(value, "'", "''")) + "')"
}

// wireApplication is an application as Graph writes it.
type wireApplication struct {
	ID             string
	AppID          string `json:"appId"`
	DisplayName    string
	SignInAudience string
	Tags           []string
	Web            struct {
		RedirectURIs []string `json:"redirectUris"`
	}
	RequiredResourceAccess []wireAccess
	PasswordCredentials    []wireKey
	KeyCredentials         []wireKey
}

type wireAccess struct {
	ResourceAppID  string           `json:"resourceAppId"`
	ResourceAccess []wirePermission `json:"resourceAccess"`
}

// wirePermission is a permission asked for: Role for an application's own, Scope for
// one on behalf of a user.
type wirePermission struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type wireKey struct {
	KeyID       string `json:"keyId"`
	DisplayName string
	// Hint is how a client secret begins.
	Hint        string
	EndDateTime time.Time
}

func (w wireApplication) application() Application {
	a := Application{ObjectID: w.ID, AppID: w.AppID, AppSettings: AppSettings{
		DisplayName: w.DisplayName, SignInAudience: w.SignInAudience, Tags: w.Tags, RedirectURIs: w.Web.RedirectURIs,
	}}
	for _, r := range w.RequiredResourceAccess {
		for _, p := range r.ResourceAccess {
			a.Asks = append(a.Asks, Asked{ResourceAppID: r.ResourceAppID, PermissionID: p.ID, Delegated: p.Type != "Role"})
		}
	}
	a.Secrets, a.Certificates = keysOf(w.PasswordCredentials), keysOf(w.KeyCredentials)
	return a
}

func keysOf(wire []wireKey) (keys []Key) {
	for _, k := range wire {
		keys = append(keys, Key{ID: k.KeyID, Name: k.DisplayName, Ends: k.EndDateTime})
	}
	return keys
}

// wire gives the settings as Graph takes them. A list that is not sent stays as it was,
// so that each is, be it empty.
func (set AppSettings) wire() map[string]any {
	return map[string]any{
		"displayName": set.DisplayName, "signInAudience": set.SignInAudience, "tags": orEmpty(set.Tags),
		"web":                    map[string]any{"redirectUris": orEmpty(set.RedirectURIs)},
		"requiredResourceAccess": accessOf(set.Asks),
	}
}

func orEmpty(list []string) []string { return append([]string{}, list...) }

// accessOf groups permissions by their resource, in the order in which they come.
func accessOf(asks []Asked) []wireAccess {
	groups := []wireAccess{}
	at := map[string]int{}
	for _, a := range asks {
		i, known := at[a.ResourceAppID]
		if !known {
			i = len(groups)
			at[a.ResourceAppID] = i
			groups = append(groups, wireAccess{ResourceAppID: a.ResourceAppID})
		}
		kind := "Role"
		if a.Delegated {
			kind = "Scope"
		}
		groups[i].ResourceAccess = append(groups[i].ResourceAccess, wirePermission{a.PermissionID, kind})
	}
	return groups
}

type wirePrincipal struct {
	ID          string
	AppID       string `json:"appId"`
	DisplayName string
	// AccountEnabled is not sent by every API of Microsoft.
	AccountEnabled            *bool
	AppRoleAssignmentRequired bool
	AppRoles                  []wireOffer
	Scopes                    []wireOffer `json:"oauth2PermissionScopes"`
}

// wireOffer is a permission that an API offers. One with an empty value is no permission.
type wireOffer struct {
	ID, Value          string
	IsEnabled          bool
	AllowedMemberTypes []string
}

// userRole finds the role that users are assigned with.
func userRole(offered []wireOffer) string {
	role := wireOffer{ID: account.NoAppRole}
	for _, o := range offered {
		if o.IsEnabled && slices.Contains(o.AllowedMemberTypes, "User") && (role.ID == account.NoAppRole || o.Value < role.Value) {
			role = o
		}
	}
	return role.ID
}

func offers(wire []wireOffer) map[string]string {
	byName := map[string]string{}
	for _, w := range wire {
		if w.Value != "" {
			byName[w.Value] = w.ID
		}
	}
	return byName
}

func (w wirePrincipal) principal() ServicePrincipal {
	return ServicePrincipal{
		ObjectID: w.ID, AppID: w.AppID, DisplayName: w.DisplayName, Permissions: offers(w.AppRoles), Scopes: offers(w.Scopes),
		Disabled: w.AccountEnabled != nil && !*w.AccountEnabled, AssignmentRequired: w.AppRoleAssignmentRequired, UserRole: userRole(w.AppRoles),
	}
}
