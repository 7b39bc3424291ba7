package bundle

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestZip(t *testing.T) {
	var one, two bytes.Buffer
	require.NoError(t, Zip(&one, []byte("binary"), []byte("tenants: []\n")))
	require.NoError(t, Zip(&two, []byte("binary"), []byte("tenants: []\n")))
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
	require.NoError(t, Zip(&one, []byte("binary"), nil))
	r, err = zip.NewReader(bytes.NewReader(one.Bytes()), int64(one.Len()))
	require.NoError(t, err)
	assert.Len(t, r.File, 1)
}
