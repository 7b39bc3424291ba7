package entra

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/signin"
)

// signIn is a tenant's credential whose failures are classified, and which can be made
// to pass its cache once.
type signIn struct {
	tenant account.TenantID
	inner  azcore.TokenCredential
	now    func() time.Time

	mu    sync.Mutex
	renew bool
}

// GetToken asks the credential for a token (azcore.TokenCredential).
func (s *signIn) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renew && o.Claims == "" {
		// A claims challenge is the one thing that passes the credential's cache
		// (reference: Microsoft identity platform, claims challenges).
		o.Claims = fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, s.now().Unix())
	}
	t, err := s.inner.GetToken(ctx, o)
	if err != nil {
		return azcore.AccessToken{}, signInFault(ctx, s.tenant, err)
	}
	s.renew = false
	return t, nil
}

// signInFault classifies a failed request for a token and names the tenant.
func signInFault(ctx context.Context, tenant account.TenantID, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // the sign-in library keeps no cause
	}
	f, ok := errors.AsType[*fault.Error](signin.Classify(err))
	if !ok {
		return err
	}
	return &fault.Error{Class: f.Class, Code: f.Code, After: f.After, Err: fmt.Errorf("tenant %s: %w", tenant, f.Err)}
}

// unusableCredential is for a credential that cannot even be made.
func unusableCredential(tenant account.TenantID, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return fault.Stop(fault.CredentialInvalid, fmt.Errorf("credential for tenant %s: check the AZURE_* settings: %w", tenant, err))
}

// Identity is who we are in a tenant, as our own token for Graph says. It was frozen
// when the token was issued; call Forget first to see a new grant.
type Identity struct {
	TenantID account.TenantID
	// AppID is the application (client) id.
	AppID string
	// ObjectID is our service principal's object id in this tenant.
	ObjectID string
	// Roles are the application permissions granted, such as User.ReadWrite.All.
	Roles []string
	// DirectoryRoles are template ids of the directory roles we hold.
	DirectoryRoles []string
}

// Identity reads our own token for Graph in a tenant, without checking its signature:
// it is for showing, not for deciding.
func (c *Client) Identity(ctx context.Context, t account.TenantID) (Identity, error) {
	var who Identity
	err := c.run(ctx, t, call{doing: "read our own identity"}, func(s *session) error {
		// The same options as the pipeline's, so that it is the same token.
		tok, err := s.signIn.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.opts.Scope}, EnableCAE: true})
		if err != nil {
			return err
		}
		who, err = identityOf(tok.Token)
		return err
	})
	return who, err
}

// identityOf reads the claims of an application's access token (reference: Microsoft
// identity platform, access token claims reference).
func identityOf(jwt string) (Identity, error) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return Identity{}, errIncomplete("a token that is no JSON web token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Identity{}, errIncomplete("a token whose claims are not base64")
	}
	var claims struct {
		TID, AppID, AZP, OID string
		Roles, WIDs          []string
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Identity{}, errIncomplete("a token whose claims are not JSON")
	}
	return Identity{
		TenantID:       account.TenantID(claims.TID),
		AppID:          cmp.Or(claims.AppID, claims.AZP),
		ObjectID:       claims.OID,
		Roles:          claims.Roles,
		DirectoryRoles: claims.WIDs,
	}, nil
}
