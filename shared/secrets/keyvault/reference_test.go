package keyvault_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/keyvaultfake"
	"github.com/usher365/usher/shared/secrets/keyvault"
)

func TestParseReference(t *testing.T) {
	for ref, want := range map[string]keyvault.Reference{
		"azure-keyvault:https://a.vault.azure.net/secrets/hook":               {Vault: "https://a.vault.azure.net", Name: "hook"},
		"azure-keyvault:https://a.vault.azure.cn/secrets/Hook-1/0123456789ab": {Vault: "https://a.vault.azure.cn", Name: "Hook-1", Version: "0123456789ab"},
		"azure-keyvault:https://a.vault.azure.net:8443/secrets/hook":          {Vault: "https://a.vault.azure.net:8443", Name: "hook"},
	} {
		got, err := keyvault.ParseReference(ref)
		require.NoError(t, err, ref)
		assert.Equal(t, want, got)
		assert.Equal(t, ref, written(got))
	}
	for _, bad := range []string{"", "azure-keyvault:", "https://a.vault.azure.net/secrets/hook", "azure-keyvault:http://a.vault.azure.net/secrets/hook",
		"azure-keyvault:https://a.vault.azure.net/keys/hook", "azure-keyvault:https://a.vault.azure.net/secrets/", "azure-keyvault:https://a.vault.azure.net/secrets/a_b",
		"azure-keyvault:https://u:p@a.vault.azure.net/secrets/a", "azure-keyvault:https://a.vault.azure.net/secrets/a/b/c", "azure-keyvault:https://a.vault.azure.net/secrets/a?x",
		"azure-keyvault:https://a.vault.azure.net/secrets/a\n", "azure-keyvault:https:///secrets/a", "azure-keyvault:https://a.vault.azure.net/secrets/" + strings.Repeat("a", 128)} {
		_, err := keyvault.ParseReference(bad)
		require.Error(t, err, bad)
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	}
}

// written gives the reference as ParseReference takes it.
func written(r keyvault.Reference) string {
	id := keyvault.Scheme + r.Vault + "/secrets/" + r.Name
	if r.Version != "" {
		id += "/" + r.Version
	}
	return id
}

func FuzzParseReference(f *testing.F) {
	for _, ref := range []string{"azure-keyvault:https://a.vault.azure.net/secrets/hook", "azure-keyvault:https://a/secrets/b/c", "aws-secretsmanager:x"} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		r, err := keyvault.ParseReference(ref)
		if err == nil && written(r) != ref {
			t.Fatalf("%q was read as %+v", ref, r)
		}
	})
}

func TestResolve(t *testing.T) {
	s := serve(t, keyvaultfake.Options{})
	r := keyvault.NewResolver(s.options())
	first := s.Add("hook", "first-"+canary)
	s.Add("hook", "second-"+canary)
	const ref = "azure-keyvault:" + keyvaultfake.URL + "/secrets/hook"
	for ref, want := range map[string]string{ref: "second-" + canary, ref + "/" + first: "first-" + canary} {
		got, err := r.Resolve(t.Context(), ref)
		require.NoError(t, err)
		assert.Equal(t, want, got.Reveal())
	}
	assert.Len(t, s.Asked(), 1, "one token serves many references")
	for ref, want := range map[string]string{ref + "x": "404 SecretNotFound", ref + "/" + strings.Repeat("0", 32): "404 SecretNotFound", "env:A": "is not azure-keyvault:"} {
		_, err := r.Resolve(t.Context(), ref)
		require.ErrorContains(t, err, want)
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	}
	s.Add("empty", "")
	_, err := r.Resolve(t.Context(), "azure-keyvault:"+keyvaultfake.URL+"/secrets/empty")
	require.ErrorContains(t, err, "holds no text")
}

// A resolver may try again in place, for a start is not repeated by a queue.
func TestResolveTriesAgain(t *testing.T) {
	s := serve(t, keyvaultfake.Options{})
	s.Fail(keyvaultfake.Broken)
	o := s.options()
	o.Attempts = 2
	_, err := keyvault.NewResolver(o).Resolve(t.Context(), "azure-keyvault:"+keyvaultfake.URL+"/secrets/hook")
	require.ErrorContains(t, err, "500 InternalServerError")
	assert.Len(t, s.Calls(), 2)
}
