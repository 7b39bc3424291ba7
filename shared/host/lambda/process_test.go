package lambda

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/identity"
)

func TestSignInNeedsACredential(t *testing.T) {
	_, err := (&Process{unidentified: errors.New("set AZURE_CLIENT_ID")}).SignIn()
	require.ErrorAs(t, err, &config.Problems{})
	assert.Contains(t, err.Error(), "AZURE_CLIENT_ID")
}

func TestSignInWarnsOfASecret(t *testing.T) {
	given := map[string]string{"AZURE_CLIENT_ID": "app", "AZURE_CLIENT_SECRET": "canary"}
	source, err := identity.New(identity.Options{Env: func(name string) (string, bool) { v, ok := given[name]; return v, ok }})
	require.NoError(t, err)
	var said bytes.Buffer
	o := host.Options{Log: slog.New(slog.NewTextHandler(&said, nil)), Credential: source.Fresh}
	signIn, err := (&Process{Engines: &host.Engines{Options: o}, source: source}).SignIn()
	require.NoError(t, err)
	assert.NotNil(t, signIn)
	assert.Contains(t, said.String(), source.Method().Warning())
	assert.NotContains(t, said.String(), "canary")
}

// A function follows the references of its own secrets: those of others its role may not read.
func TestAFunctionOpensWithItsOwnSecrets(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, packagedConfig), []byte(`
tenants:
  - alias: contoso
    id: 0550b473-9fd2-4dbb-a058-a1640b4bf458
    activeDirectory: {url: "ldaps://dc1", baseDN: "DC=corp", bindName: u, password: env:AD_PASSWORD}
`), 0o600))
	for function, want := range map[string]string{
		"assignrole": "functions share a PostgreSQL database",
		"revoke":     "tenants[0].activeDirectory.password (line 5): the environment variable AD_PASSWORD is not set",
	} {
		m := newMachine(function, variables("LAMBDA_TASK_ROOT", root), &bytes.Buffer{}, &bytes.Buffer{})
		_, err := m.open(t.Context())
		require.ErrorContains(t, err, want)
		assert.Len(t, err, 1, function)
	}
}
