package identity_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/identity"
)

func TestMethods(t *testing.T) {
	cert, file := certificate(t), filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("federated-token"), 0o600))
	// From the first to the last choice: each is what is left when those before are taken away.
	app, azure := []string{"AZURE_CLIENT_ID", clientID}, []string{"IDENTITY_ENDPOINT", "http://localhost", "AZURE_TENANT_ID", string(tenantA)}
	choices := []struct {
		method identity.Method
		env    []string
	}{
		{identity.Certificate, []string{"AZURE_CLIENT_CERTIFICATE_PATH", cert}},
		{identity.TokenFile, []string{"AZURE_FEDERATED_TOKEN_FILE", file}},
		{identity.ClientSecret, []string{"AZURE_CLIENT_SECRET", canary}},
		{identity.AWSRole, []string{"AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"}},
		{identity.FederatedManagedIdentity, azure},
	}
	for i, choice := range choices {
		pairs := app
		for _, later := range choices[i:] {
			pairs = append(pairs, later.env...)
		}
		s, err := identity.New(identity.Options{Env: env(pairs...)})
		require.NoError(t, err)
		assert.Equal(t, choice.method, s.Method())
		assert.NotEqual(t, string(choice.method), s.Method().String(), "told in words")
		assert.Equal(t, choice.method == identity.ClientSecret, s.Method().Warning() != "")
	}

	for name, pairs := range map[string][]string{
		"no application":               azure,
		"the identity is no other one": append([]string{"AZURE_CLIENT_ID", clientID, "USHER_MANAGED_IDENTITY_CLIENT_ID", clientID}, azure...),
	} {
		s, err := identity.New(identity.Options{Env: env(pairs...)})
		require.NoError(t, err, name)
		assert.Equal(t, identity.ManagedIdentity, s.Method(), name)
		assert.Contains(t, s.Method().String(), "managed identity")
	}
}
