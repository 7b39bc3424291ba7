package account_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
)

func TestASecretIsSeenNowhere(t *testing.T) {
	const text = "canary-text"
	s := account.NewSecret(text)
	type hidden struct {
		Open   account.Secret
		closed account.Secret
		deep   *account.Secret
	}
	v := hidden{s, s, &s}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb+verb+verb, s, &s, v)
	}
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("made", "secret", s, "in", v)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("made", "secret", s, "in", v)
	for _, encode := range []func(any) ([]byte, error){json.Marshal, xml.Marshal} {
		b, err := encode(v)
		require.NoError(t, err)
		shown.Write(b)
	}
	assert.NotContains(t, shown.String(), text)
	assert.NotContains(t, shown.String(), fmt.Sprintf("%x", text))
	assert.Contains(t, shown.String(), "[redacted]")
	assert.Equal(t, text, s.Reveal())
	assert.True(t, account.Secret{}.IsZero())
	assert.Empty(t, account.Secret{}.Reveal())
}
