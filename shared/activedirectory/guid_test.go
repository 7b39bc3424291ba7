package activedirectory

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGUID(t *testing.T) {
	// The example of [MS-DTYP], and its bytes by the rule there.
	const text = "6b29fc40-ca47-1067-b31d-00dd010662da"
	g, err := ParseGUID(strings.ToUpper(text))
	require.NoError(t, err)
	assert.Equal(t, GUID{0x40, 0xfc, 0x29, 0x6b, 0x47, 0xca, 0x67, 0x10, 0xb3, 0x1d, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda}, g)
	assert.Equal(t, text, g.String())
	assert.Equal(t, "QPwpa0fKZxCzHQDdAQZi2g==", g.ImmutableID())
	assert.Equal(t, `\40\fc\29\6b\47\ca\67\10\b3\1d\00\dd\01\06\62\da`, g.filter())
	assert.False(t, g.IsZero())
	assert.True(t, GUID{}.IsZero())
}

func TestWhatIsNoGUID(t *testing.T) {
	for _, text := range []string{"", "{6b29fc40-ca47-1067-b31d-00dd010662da}", "6b29fc40ca471067b31d00dd010662da", "6b29fc40-ca47-1067-b31d-00dd010662d", "6b29fc4-0ca47-1067-b31d-00dd010662da", "6b29fc40-ca47-1067-b31d-00dd010662dx"} {
		_, err := ParseGUID(text)
		assert.Error(t, err, text)
	}
}

// A GUID is written in one way only, and its bytes are what Entra has in base64.
func FuzzGUID(f *testing.F) {
	for _, text := range []string{"6b29fc40-ca47-1067-b31d-00dd010662da", "00000000-0000-0000-0000-000000000000", "----", "", "6b29fc40ca47-1067-b31d-00dd010662da-"} {
		f.Add(text, []byte(text))
	}
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		if g, err := ParseGUID(text); err == nil {
			require.Equal(t, strings.ToLower(text), g.String())
		}
		var g GUID
		copy(g[:], raw)
		again, err := ParseGUID(g.String())
		require.NoError(t, err)
		require.Equal(t, g, again)
		stored, err := base64.StdEncoding.DecodeString(g.ImmutableID())
		require.NoError(t, err)
		require.Equal(t, g[:], stored)
	})
}
