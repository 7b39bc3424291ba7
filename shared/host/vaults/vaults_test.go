package vaults_test

import (
	"path/filepath"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host/vaults"
	"github.com/usher365/usher/shared/keyvaultfake"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/secretsmanagerfake"
)

func making(text string) func() (account.Secret, error) {
	return func() (account.Secret, error) { return account.NewSecret(text), nil }
}

func TestADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	v, err := vaults.Open(t.Context(), "file:"+dir, vaults.Options{})
	require.NoError(t, err)
	assert.IsType(t, &secrets.FileVault{}, v)
	assert.FileExists(t, filepath.Join(dir, "vault.key"))
}

func TestSecretsManager(t *testing.T) {
	s := secretsmanagerfake.New(secretsmanagerfake.Options{})
	defer s.Close()
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL_SECRETS_MANAGER": s.URL(),
		"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
	} {
		t.Setenv(name, value)
	}
	v, err := vaults.Open(t.Context(), "aws-secretsmanager:usher", vaults.Options{})
	require.NoError(t, err)
	assert.Empty(t, s.Calls())
	ref, _, err := v.SealOnce(t.Context(), "tenant/acc-1", making("password"))
	require.NoError(t, err)
	assert.Equal(t, "aws-secretsmanager:usher/tenant/acc-1", ref)
}

func TestKeyVault(t *testing.T) {
	s := keyvaultfake.New(keyvaultfake.Options{})
	defer s.Close()
	v, err := vaults.Open(t.Context(), "azure-keyvault:"+keyvaultfake.URL, vaults.Options{
		Credential: func(account.TenantID) (azcore.TokenCredential, error) { return s.Credential(), nil }, Transport: s.Client(),
	})
	require.NoError(t, err)
	_, err = v.Open(t.Context(), "azure-keyvault:https://elsewhere.vault.azure.net/secrets/a")
	require.ErrorContains(t, err, "is not a reference of the vault")
	assert.Empty(t, s.Calls())
}

func TestNoVault(t *testing.T) {
	for address, want := range map[string]string{
		"": "is not the address of a vault", "file:": "is not the address", "/srv/vault": "is not the address", "vault:x": "is not the address",
		"aws-secretsmanager:/": "no beginning for names", "azure-keyvault:https://a.vault.azure.net": "needs a credential",
		"azure-keyvault:a.vault.azure.net": "is not the address of a Key Vault", "file:/dev/null/vault": "make the vault's directory",
	} {
		v, err := vaults.Open(t.Context(), address, vaults.Options{})
		require.ErrorContains(t, err, want, address)
		assert.Nil(t, v)
	}
}
