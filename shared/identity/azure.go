package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher365/usher/shared/fault"
)

// managedCredential is the managed identity itself.
func (c chooser) managedCredential() (*azidentity.ManagedIdentityCredential, error) {
	o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: c.client}
	if id := c.get(varManagedID); id != "" {
		o.ID = azidentity.ClientID(id)
	}
	inner, err := azidentity.NewManagedIdentityCredential(o)
	if err != nil {
		return nil, fmt.Errorf("the managed identity cannot be used: %w", err)
	}
	return inner, nil
}

// federatedManaged lets the managed identity sign in as an application that trusts it,
// in every tenant (source: Microsoft Entra, "Configure an application to trust a
// managed identity").
func (c chooser) federatedManaged(id string) (maker, error) {
	inner, err := c.managedCredential()
	if err != nil {
		return nil, err
	}
	return c.asserting(id, func(ctx context.Context) (string, time.Time, error) {
		t, err := inner.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{tokenExchange + "/.default"}})
		if err != nil {
			return "", time.Time{}, c.ofManaged(ctx, err)
		}
		return t.Token, t.ExpiresOn, nil
	}), nil
}

// managed is the managed identity without an application: it exists in one tenant.
func (c chooser) managed() (maker, error) {
	home := c.get(varTenantID)
	if home == "" {
		return nil, fmt.Errorf("%s is not set: a managed identity alone signs in to its own tenant, whose id this is; for other tenants set %s to an application that trusts it", varTenantID, varClientID)
	}
	inner, err := c.managedCredential()
	if err != nil {
		return nil, err
	}
	return func(tenant string, fresh bool) (azcore.TokenCredential, error) {
		if !strings.EqualFold(tenant, home) {
			return nil, fault.Stopf(fault.CredentialInvalid, "tenant %s is not the home of the managed identity, which is %s: set %s to an application that trusts the identity and has the tenant's consent", tenant, home, varClientID)
		}
		return &managed{inner: inner, chooser: c, fresh: fresh, seen: map[string]bool{}}, nil
	}, nil
}

// managed is a credential whose failures are classified. azidentity keeps the tokens of
// managed identities for the whole process, so a fresh one passes that cache once for
// each resource. Azure keeps them too, for up to a day, and nothing passes that.
type managed struct {
	inner   azcore.TokenCredential
	chooser chooser
	fresh   bool

	mu   sync.Mutex
	seen map[string]bool
}

// GetToken asks the managed identity for a token (azcore.TokenCredential).
func (m *managed) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	resource := strings.Join(o.Scopes, " ")
	if m.fresh && !m.seen[resource] && o.Claims == "" {
		// Claims pass the cache, whatever they are (source: MSAL for Go, managedidentity.WithClaims).
		o.Claims = fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, m.chooser.Now().Unix())
	}
	t, err := m.inner.GetToken(ctx, o)
	if err != nil {
		return azcore.AccessToken{}, m.chooser.ofManaged(ctx, err)
	}
	m.seen[resource] = true
	return t, nil
}

// ofManaged classifies an answer of the end point of managed identities (source: Azure
// App Service, "REST endpoint reference"; Microsoft Entra, "Error handling" of managed
// identities on virtual machines, which has 404 and 410 tried again).
func (c chooser) ofManaged(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask for the managed identity: %w", ctx.Err())
	}
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || failed.RawResponse == nil {
		return fault.Retry(fault.Unreachable, 0, fmt.Errorf("no answer from the end point of managed identities (%s): %w", varManaged, err))
	}
	status := failed.RawResponse.StatusCode
	said := &refusal{text: fmt.Sprintf("the end point of managed identities answers with status %d%s", status, message(failed.RawResponse)), cause: err}
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Retry(fault.Throttled, fault.ParseRetryAfter(failed.RawResponse.Header.Get("Retry-After"), c.Now()), said)
	case status >= http.StatusInternalServerError, status == http.StatusNotFound, status == http.StatusGone:
		return fault.Retry(fault.ServiceUnavailable, 0, said)
	}
	return fault.Stopf(fault.WorkloadIdentityMissing, "check that the app has a managed identity, and that %s is the client id of one of them or is not set: %w", varManagedID, said)
}

// longestMessage is how much of a foreign text is shown, in bytes.
const longestMessage = 300

// message is the end point's own text, which holds no token.
func message(resp *http.Response) string {
	body, err := runtime.Payload(resp)
	var said struct{ Message string }
	if err != nil || json.Unmarshal(body, &said) != nil || said.Message == "" {
		return ""
	}
	if len(said.Message) > longestMessage {
		said.Message = strings.ToValidUTF8(said.Message[:longestMessage], "") + "…"
	}
	return fmt.Sprintf(" and says: %q", said.Message)
}
