package secrets_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/secrets/vaulttest"
)

const (
	canary = "canary-Passw0rd-canary"
	key    = "0550b473-9fd2-4dbb-a058-a1640b4bf458/acc-1"
)

func open(t *testing.T, dir string) *secrets.FileVault {
	t.Helper()
	v, err := secrets.OpenFileVault(dir, secrets.Options{})
	require.NoError(t, err)
	return v
}

func making(text string) func() (account.Secret, error) {
	return func() (account.Secret, error) { return account.NewSecret(text), nil }
}

func TestContract(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) vaulttest.Engine {
		dir := t.TempDir()
		return vaulttest.Engine{
			Open: func(t *testing.T) vaulttest.Vault { return open(t, dir) }, Scheme: "file:", MakesOnce: true,
		}
	})
}

// refused checks class, code and silence of an error of the vault.
func refused(t *testing.T, err error, words string) {
	t.Helper()
	require.ErrorContains(t, err, words)
	assert.Equal(t, fault.SecretUnavailable, fault.CodeOf(err))
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
	assert.NotContains(t, err.Error(), canary)
	assert.NotContains(t, err.Error(), "AGE-SECRET-KEY")
}

func TestSealOnceGivesTheSamePasswordAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "vault")
	ref, first, err := open(t, dir).SealOnce(t.Context(), key, making(canary))
	require.NoError(t, err)
	assert.Equal(t, "file:"+key, ref)
	assert.Equal(t, canary, first.Reveal())

	// Another process, after a crash between the seal and the create.
	again := open(t, dir)
	ref2, second, err := again.SealOnce(t.Context(), key, making("another"))
	require.NoError(t, err)
	assert.Equal(t, ref, ref2)
	assert.Equal(t, canary, second.Reveal())
	opened, err := again.Open(t.Context(), ref)
	require.NoError(t, err)
	assert.Equal(t, canary, opened.Reveal())
	assertSealed(t, dir)
}

// assertSealed looks at every file: private, and without the password in clear.
func assertSealed(t *testing.T, dir string) {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s is private", path)
		if d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "canary")
		files = append(files, d.Name())
		return nil
	}))
	assert.ElementsMatch(t, []string{"vault.key", "vault.lock", "acc-1.age"}, files, "nothing half-written is left")
}

func TestVaultKeyFile(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	_, _, err := v.SealOnce(t.Context(), key, making(canary))
	require.NoError(t, err)
	path := filepath.Join(dir, "vault.key")
	saved, err := os.ReadFile(path)
	require.NoError(t, err)

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = secrets.OpenFileVault(dir, secrets.Options{})
	refused(t, err, "chmod 600 "+path)

	require.NoError(t, os.Remove(path))
	_, err = secrets.OpenFileVault(dir, secrets.Options{})
	refused(t, err, "restore it from a backup")

	require.NoError(t, os.WriteFile(path, []byte("AGE-SECRET-KEY-1"+canary), 0o600))
	_, err = secrets.OpenFileVault(dir, secrets.Options{})
	refused(t, err, "does not hold an age key")

	require.NoError(t, os.WriteFile(path, saved, 0o600))
	s, err := open(t, dir).Open(t.Context(), "file:"+key)
	require.NoError(t, err)
	assert.Equal(t, canary, s.Reveal())
}

func TestKeyKeptElsewhere(t *testing.T) {
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "usher.key")
	for range 2 {
		v, err := secrets.OpenFileVault(dir, secrets.Options{KeyFile: path})
		require.NoError(t, err)
		_, s, err := v.SealOnce(t.Context(), key, making(canary))
		require.NoError(t, err)
		assert.Equal(t, canary, s.Reveal())
	}
	assert.NoFileExists(t, filepath.Join(dir, "vault.key"))
}

func TestVaultNeverMakesASecondPasswordOverADamagedOne(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	_, _, err := v.SealOnce(t.Context(), key, making(canary))
	require.NoError(t, err)
	path := filepath.Join(dir, key+".age")
	for _, damage := range []string{"", "age-encryption.org/v1\n", canary} {
		require.NoError(t, os.WriteFile(path, []byte(damage), 0o600))
		_, s, err := v.SealOnce(t.Context(), key, making("another"))
		refused(t, err, "cannot be opened")
		assert.True(t, s.IsZero())
	}
}

func TestVaultSealedWithAnotherKey(t *testing.T) {
	dir := t.TempDir()
	ref, err := open(t, dir).Replace(t.Context(), key, account.NewSecret(canary))
	require.NoError(t, err)
	other, err := secrets.OpenFileVault(dir, secrets.Options{KeyFile: writeOtherKey(t)})
	require.NoError(t, err)
	_, err = other.Open(t.Context(), ref)
	refused(t, err, "sealed with another key")
}

func writeOtherKey(t *testing.T) string {
	dir := t.TempDir()
	open(t, dir)
	return filepath.Join(dir, "vault.key")
}

func TestVaultThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	tenant, _, _ := strings.Cut(key, "/")
	require.NoError(t, os.WriteFile(filepath.Join(dir, tenant), nil, 0o600))
	_, s, err := v.SealOnce(t.Context(), key, making(canary))
	refused(t, err, "a sealed password")
	assert.True(t, s.IsZero(), "a password that is not sealed is not given out")
	_, err = v.Replace(t.Context(), key, account.NewSecret(canary))
	refused(t, err, "directory in the vault")

	_, err = secrets.OpenFileVault(filepath.Join(dir, tenant), secrets.Options{})
	refused(t, err, "make the vault's directory")
}

func FuzzOpen(f *testing.F) {
	for _, ref := range []string{"file:" + key, "file:../../etc/passwd", "file:a/b", "kv:a/b", ""} {
		f.Add(ref)
	}
	dir := f.TempDir()
	v, err := secrets.OpenFileVault(filepath.Join(dir, "vault"), secrets.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		if _, err := v.Open(t.Context(), ref); err == nil || !fault.Is(err, fault.SecretUnavailable) {
			t.Fatalf("%q: %v", ref, err)
		}
	})
}
