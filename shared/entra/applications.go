package entra

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

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

// ServicePrincipal is an application as one tenant knows it, or an API of Microsoft.
type ServicePrincipal struct {
	ObjectID, AppID, DisplayName string
	// Permissions are the ids of the application permissions it offers, by name.
	Permissions map[string]string
}

// ServicePrincipal finds the service principal of an application in a tenant. It
// reports false when there is none, or none yet.
func (c *Client) ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (found ServicePrincipal, ok bool, err error) {
	call := call{doing: "read the service principal of application " + appID, objects: []string{appID}, permission: readsApps, missing: fault.IdentityNotFound}
	var w wirePrincipal
	err = c.run(ctx, t, call, func(s *session) error {
		if err := s.get(ctx, "/servicePrincipals"+byKey("appId", appID)+"?$select=id,appId,displayName,appRoles", &w); err != nil {
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

// PutServicePrincipal makes the service principal of an application of this tenant,
// such that it shows under "Enterprise applications". It does not read back.
//
// IdentityNotFound (waiting) says that the application is too new.
func (c *Client) PutServicePrincipal(ctx context.Context, t account.TenantID, appID string) error {
	call := call{doing: "make the service principal of application " + appID, objects: []string{appID}, permission: changesApps, missing: fault.IdentityNotFound}
	// The tag is what the Entra admin centre lists by.
	tags := map[string]any{"tags": []string{"WindowsAzureActiveDirectoryIntegratedApp"}}
	return c.upsert(ctx, t, call, "/servicePrincipals"+byKey("appId", appID), tags)
}

// upsert writes an object by its alternate key.
func (c *Client) upsert(ctx context.Context, t account.TenantID, call call, path string, body any) error {
	return c.run(ctx, t, call, func(s *session) error {
		return s.write(ctx, http.MethodPatch, path, body)
	})
}

// write sends a body whose answer does not matter beyond its status.
func (s *session) write(ctx context.Context, method, path string, body any) error {
	req, err := s.request(ctx, method, s.base.String()+path)
	if err != nil {
		return err
	}
	if err := runtime.MarshalAsJSON(req, body); err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	if method == http.MethodPatch {
		req.Raw().Header.Set("Prefer", "create-if-missing")
	}
	_, err = s.send(req)
	return err
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
	AppRoles    []struct {
		ID, Value string
	}
}

func (w wirePrincipal) principal() ServicePrincipal {
	p := ServicePrincipal{ObjectID: w.ID, AppID: w.AppID, DisplayName: w.DisplayName, Permissions: map[string]string{}}
	for _, r := range w.AppRoles {
		if r.Value != "" {
			p.Permissions[r.Value] = r.ID
		}
	}
	return p
}
