// Package keyvault keeps sealed passwords in Azure Key Vault, and fetches secret
// settings from there. It keeps nothing itself: every answer is the service's.
package keyvault

import (
	"context"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// Scheme begins the references of this package.
const Scheme = "azure-keyvault:"

// callTimeout bounds one call with its sign-in. Key Vault answers within a second.
const callTimeout = 15 * time.Second

// Options of a Vault or a Resolver.
type Options struct {
	// Credential gives the credential of a tenant; it is asked for the one that the
	// vault's challenge names. Required.
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Transport sends the requests. Nil means azcore's own.
	Transport policy.Transporter
	// Attempts is how often a call is tried in place, with pauses of up to a few
	// seconds. Zero means once: whoever works from a queue comes again anyway.
	Attempts int
	// Sleep waits, or gives the error of a context that ended. Nil means real time.
	Sleep func(ctx context.Context, d time.Duration) error
}

// signIn is a credential of whatever tenant is asked for.
type signIn func(account.TenantID) (azcore.TokenCredential, error)

// GetToken gets a token of the tenant's credential.
func (s signIn) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	credential, err := s(account.TenantID(o.TenantID))
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return credential.GetToken(ctx, o)
}

// pause waits in real time.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// clientOf makes the client of a vault, which checks that a challenge names the domain
// the vault is in, so that no token goes anywhere else.
func clientOf(vault string, o Options) (*azsecrets.Client, error) {
	if o.Credential == nil {
		return nil, sealed.Refused("Azure Key Vault needs a credential to sign in with (AZURE_CLIENT_ID and its companions)")
	}
	retry := policy.RetryOptions{MaxRetries: -1}
	if o.Attempts > 1 {
		retry.MaxRetries, retry.MaxRetryDelay = int32(o.Attempts-1), 5*time.Second
	}
	client, err := azsecrets.NewClient(vault, signIn(o.Credential), &azsecrets.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: o.Transport, Retry: retry, Telemetry: policy.TelemetryOptions{ApplicationID: "usher"},
	}})
	if err != nil {
		return nil, sealed.Refused("prepare the client of %s: %w", vault, err)
	}
	return client, nil
}

// vaultURL reads the address of a vault, https://NAME.vault.azure.net.
func vaultURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", sealed.Refused("%q is not the address of a Key Vault, such as https://NAME.vault.azure.net", address)
	}
	return "https://" + u.Host, nil
}
