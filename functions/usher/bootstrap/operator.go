package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// The ways in which the operator signs in. Usher's own environment is never taken
// without being asked for: it is the identity that is set up here, not one that may.
const (
	// ByCLI asks the Azure CLI for a token of whoever is signed in there.
	ByCLI = "cli"
	// ByToken takes an access token for Microsoft Graph from the variable TokenVariable.
	ByToken = "token"
	// ByEnvironment signs in as an application, by azidentity's AZURE_* variables.
	ByEnvironment = "environment"
)

// TokenVariable holds the access token of ByToken.
const TokenVariable = "USHER_BOOTSTRAP_TOKEN"

// AzureCLI signs in to a tenant as whoever 'az login' signed in.
func AzureCLI(tenant account.TenantID) (azcore.TokenCredential, error) {
	c, err := azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: string(tenant)})
	if err != nil {
		return nil, fmt.Errorf("ask the Azure CLI: %w", err)
	}
	return cli{c, tenant}, nil
}

// cli says what to do when the Azure CLI gives no token.
type cli struct {
	azcore.TokenCredential
	tenant account.TenantID
}

// GetToken asks the Azure CLI (azcore.TokenCredential).
func (c cli) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := c.TokenCredential.GetToken(ctx, o)
	if err != nil {
		return t, fault.Stopf(fault.CredentialInvalid, "the Azure CLI gives no token for the home tenant (az login --allow-no-subscriptions --tenant %s): %w", c.tenant, err)
	}
	return t, nil
}

// Token is a credential that has one access token and cannot renew it.
func Token(value account.Secret) (azcore.TokenCredential, error) {
	if value.IsZero() {
		return nil, errors.New(TokenVariable + " is empty; make a token with: az account get-access-token --resource-type ms-graph --query accessToken --output tsv")
	}
	return token{value}, nil
}

type token struct{ value account.Secret }

// GetToken gives the token; when it ends is for the service to say.
func (t token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: t.value.Reveal(), ExpiresOn: time.Now().Add(time.Hour)}, nil
}
