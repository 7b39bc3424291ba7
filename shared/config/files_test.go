package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/config"
)

// put writes files beside a configuration, and gives its path.
func put(t *testing.T, text string, names ...string) string {
	t.Helper()
	path := write(t, text)
	for _, name := range names {
		name = filepath.Join(filepath.Dir(path), name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte("x"), 0o600))
	}
	return path
}

const domain = "{url: 'ldaps://dc1', baseDN: DC=corp, bindName: u, password: env:P, rootsFile: "

func TestFiles(t *testing.T) {
	path := put(t, `
policy: ./policy.yaml
profiles: profiles/
tenants:
  - {alias: a, id: 11111111-1111-1111-1111-111111111111, activeDirectory: `+domain+`certificates/ca.pem}}
  - {alias: b, id: 22222222-2222-2222-2222-222222222222, activeDirectory: `+domain+`./certificates/ca.pem}}
  - {alias: c, id: 33333333-3333-3333-3333-333333333333}
`, "policy.yaml", "profiles/more.yaml", "profiles/README.md", "profiles/other.yml", "certificates/ca.pem", "certificates/ca.key", "vault/key")
	files, err := config.Files(path)
	require.NoError(t, err)
	assert.Equal(t, []string{"certificates/ca.pem", "policy.yaml", "profiles/more.yaml", "profiles/other.yml"}, files)

	files, err = config.Files(write(t, "cloud: public\n"))
	require.NoError(t, err)
	assert.Empty(t, files)
}

func TestFilesRefused(t *testing.T) {
	_, err := config.Files(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	for text, want := range map[string]string{
		"policy: /etc/usher/policy.yaml": `policy (line 1): "/etc/usher/policy.yaml" is not below the directory of the configuration`,
		"policy: ../policy.yaml":         `policy (line 1): "../policy.yaml" is not below`,
		"policy: none.yaml":              "policy (line 1): cannot be packed",
		"policy: empty":                  `policy (line 1): "empty" is not a file`,
		"policies: policy.yaml":          "policies (line 1): is not known",
		"profiles: ../profiles":          "profiles (line 1): \"../profiles\" is not below",
		"profiles: none":                 "profiles (line 1): cannot be packed",
		"profiles: empty":                `profiles (line 1): "empty" holds no profile`,
		"tenants: [{activeDirectory: " + domain + "/etc/ssl/ca.pem}}]": `tenants[0].activeDirectory.rootsFile (line 1): "/etc/ssl/ca.pem" is not below`,
	} {
		_, err := config.Files(put(t, text, "empty/README.md"))
		problems, ok := errors.AsType[config.Problems](err)
		require.True(t, ok, "%s: %v", text, err)
		assert.Len(t, problems, 1, text)
		assert.ErrorContains(t, err, want)
	}
}

// A path in the file is beside the file; one in the environment is where the process runs.
func TestPathsAreBesideTheFile(t *testing.T) {
	path := put(t, "policy: ./p.yaml\nprofiles: more\ntenants: [{alias: a, id: "+tenantID+", activeDirectory: "+domain+"ca.pem}}]\n")
	c, err := config.Load(path, env("P", canary), nil)
	require.NoError(t, err)
	dir := filepath.Dir(path)
	assert.Equal(t, filepath.Join(dir, "p.yaml"), c.Policy)
	assert.Equal(t, filepath.Join(dir, "more"), c.Profiles)
	assert.Equal(t, filepath.Join(dir, "ca.pem"), c.ActiveDirectory[tenantID].RootsFile)

	c, err = config.Load(path, env("P", canary, "USHER_POLICY", "p.yaml", "USHER_PROFILES", "./more"), nil)
	require.NoError(t, err)
	assert.Equal(t, "p.yaml", c.Policy)
	assert.Equal(t, "./more", c.Profiles)
	assert.Equal(t, "/etc/p.yaml", load(t, "policy: /etc/p.yaml").Policy)
}
