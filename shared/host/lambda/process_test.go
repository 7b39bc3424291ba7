package lambda

import (
	"bytes"
	"errors"
	"log/slog"
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
