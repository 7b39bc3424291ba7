package secrets_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/secrets"
)

func TestPasswordKeepsTheRules(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	seen := map[string]bool{}
	counts := map[rune]int{}
	const many = 5000
	for range many {
		secret, err := secrets.NewPassword(source, "Ann.Lee@contoso.com", "Zoé Ann")
		require.NoError(t, err)
		text := secret.Reveal()
		require.Regexp(t, `^[A-Za-z][A-Za-z0-9._@=-]{30}[A-Za-z0-9]$`, text)
		require.Regexp(t, `[A-Z]`, text)
		require.Regexp(t, `[a-z]`, text)
		require.Regexp(t, `[0-9]`, text)
		require.Regexp(t, `[._@=-]`, text)
		for _, name := range []string{"ann", "lee", "contoso", "com", "zoé"} {
			require.NotContains(t, strings.ToLower(text), name)
		}
		seen[text] = true
		for _, r := range text[1:31] {
			counts[r]++
		}
	}
	assert.Len(t, seen, many, "no password comes twice")
	assert.Len(t, counts, 67, "every character is used")
	for r, n := range counts {
		even := float64(many*30) / 67
		assert.InDelta(t, even, n, even*0.2, "%q", r)
	}
}

func TestPasswordFromCryptoRand(t *testing.T) {
	a, err := secrets.NewPassword(nil)
	require.NoError(t, err)
	b, err := secrets.NewPassword(nil)
	require.NoError(t, err)
	assert.NotEqual(t, a.Reveal(), b.Reveal())
}

func TestPasswordFromBrokenSource(t *testing.T) {
	_, err := secrets.NewPassword(strings.NewReader("ends too early"))
	require.Error(t, err)
	_, err = secrets.NewPassword(bytes.NewReader(bytes.Repeat([]byte{7}, 1<<20)))
	require.ErrorContains(t, err, "does not give random bytes")
}
