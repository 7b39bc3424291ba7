package entra

import (
	"context"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// FreshToken takes a token of a tenant past every cache, to see whether we can still sign
// in there. What was cached is dropped, so a client that works should not be the one that
// is asked.
func (c *Client) FreshToken(ctx context.Context, t account.TenantID) error {
	c.Forget(t)
	_, err := c.Identity(ctx, t)
	return err
}

// Secrets lists the client secrets of an application, by application id, without their
// values. There are none where another tenant is the application's home: its
// registration is only there (reference: Microsoft Graph, Get application).
func (c *Client) Secrets(ctx context.Context, t account.TenantID, appID string) ([]account.ClientSecret, error) {
	call := call{doing: "read the client secrets of application " + appID, objects: []string{appID}, permission: readsApps, missing: fault.IdentityNotFound}
	var w wireApplication
	err := c.run(ctx, t, call, func(s *session) error {
		return s.get(ctx, "/applications"+byKey("appId", appID)+"?$select=id,appId,passwordCredentials", &w)
	})
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	secrets := make([]account.ClientSecret, 0, len(w.PasswordCredentials))
	for _, k := range w.PasswordCredentials {
		secrets = append(secrets, account.ClientSecret{Name: k.DisplayName, Hint: k.Hint, Ends: k.EndDateTime})
	}
	return secrets, nil
}
