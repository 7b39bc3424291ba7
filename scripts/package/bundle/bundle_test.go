package bundle

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestZip(t *testing.T) {
	var one, two bytes.Buffer
	require.NoError(t, Zip(&one, []byte("binary"), File{ConfigName, []byte("tenants: []\n")}))
	require.NoError(t, Zip(&two, []byte("binary"), File{ConfigName, []byte("tenants: []\n")}))
	assert.Equal(t, one.Bytes(), two.Bytes(), "the same content is the same file")
	r, err := zip.NewReader(bytes.NewReader(one.Bytes()), int64(one.Len()))
	require.NoError(t, err)
	require.Len(t, r.File, 2)
	assert.Equal(t, "bootstrap", r.File[0].Name)
	assert.EqualValues(t, 0o755, r.File[0].Mode().Perm(), "AWS Lambda must be able to start it")
	assert.Equal(t, ConfigName, r.File[1].Name)
	f, err := r.File[0].Open()
	require.NoError(t, err)
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, "binary", string(content))
	one.Reset()
	require.NoError(t, Zip(&one, []byte("binary")))
	r, err = zip.NewReader(bytes.NewReader(one.Bytes()), int64(one.Len()))
	require.NoError(t, err)
	assert.Len(t, r.File, 1)
}

func TestTwoFilesOfOneName(t *testing.T) {
	for _, name := range []string{"bootstrap", ConfigName} {
		err := Zip(io.Discard, []byte("binary"), File{ConfigName, nil}, File{name, nil})
		assert.ErrorContains(t, err, name+" is taken")
	}
}

// What the configuration names goes with it, under the paths that it names.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	put("policy.yaml", "policy")
	put("profiles/more.yaml", "profile")
	files, err := Files(put("production.yaml", "policy: ./policy.yaml\nprofiles: profiles\n"))
	require.NoError(t, err)
	assert.Equal(t, []File{
		{ConfigName, []byte("policy: ./policy.yaml\nprofiles: profiles\n")}, {"policy.yaml", []byte("policy")}, {"profiles/more.yaml", []byte("profile")},
	}, files)
	_, err = Files(put("production.yaml", "policy: /etc/policy.yaml\n"))
	require.ErrorContains(t, err, "policy (line 1)")
	_, err = Files(filepath.Join(dir, "none.yaml"))
	require.ErrorContains(t, err, "there is no configuration file")
}
