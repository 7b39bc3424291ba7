package identity_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/stsfake"
	"github.com/usher365/usher/shared/tenantfake"
)

// How often AWS is asked: 1,000 requests for a token, spread over two hours and three tenants.
func TestHowOftenAWSIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := stsfake.New(stsfake.Options{Key: stsKey()})
		sts.SetRole(accessKey, stsfake.Role{ARN: roleARN})
		entra := tenantfake.New(tenantfake.Options{Issuers: sts.Transport()})
		tenants := []account.TenantID{tenantA, tenantB, "33333333-3333-3333-3333-333333333333"}
		for _, id := range tenants {
			entra.AddTenant(tenantfake.TenantSpec{ID: string(id), InitialDomain: string(id) + ".onmicrosoft.com", Apps: []tenantfake.App{{ClientID: clientID}}})
		}
		_, err := entra.PutFederatedCredential(clientID, tenantfake.FederatedCredential{Issuer: sts.Issuer(), Subject: roleARN})
		require.NoError(t, err)
		tokens := 0
		entra.Subscribe(func(c tenantfake.Call) {
			if c.Method == http.MethodPost {
				tokens++
			}
		})
		s, err := identity.New(identity.Options{
			Env: env(onLambda...), AuthorityHost: authority, Transport: &http.Client{Transport: entra.Transport()},
			AWS: func(context.Context) (aws.Config, error) {
				return aws.Config{Region: "eu-west-1", Credentials: roleCredentials, HTTPClient: &http.Client{Transport: sts.Transport()}}, nil
			},
		})
		require.NoError(t, err)

		const requests, span = 1000, 2 * time.Hour
		for i := range requests {
			credential, err := s.Credential(tenants[i%len(tenants)])
			require.NoError(t, err)
			_, err = ask(t, credential, []string{graph, exchange}[i/len(tenants)%2])
			require.NoError(t, err)
			time.Sleep(span / requests)
		}
		t.Logf("%d requests for a token: %d calls of the token endpoint, %d of AWS STS", requests, tokens, len(sts.Calls()))
		assert.Equal(t, 3*2*3, tokens, "tenants, scopes, and an hour's tokens renewed before their end")
		assert.Len(t, sts.Calls(), 3, "one for each round, whatever the number of tenants and scopes")
	})
}
