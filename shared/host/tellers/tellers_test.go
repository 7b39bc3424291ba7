package tellers_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/tellers"
)

// Whoever only takes requests may know the address alone; whoever tells must sign.
func TestACallBackIsSigned(t *testing.T) {
	const address = "https://desk.example.com/a-canary"
	c, err := config.Load("", func(name string) (string, bool) {
		return map[string]string{"USHER_CALLBACK_URL": address}[name], name == "USHER_CALLBACK_URL"
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, address, c.Callback.URL)
	_, err = tellers.New(c.Callback, slog.New(slog.DiscardHandler), time.Now)
	require.ErrorContains(t, err, "needs a secret to sign with; set USHER_CALLBACK_SECRET")
	assert.NotContains(t, err.Error(), "canary")
	_, err = tellers.New(config.Callback{}, slog.New(slog.DiscardHandler), time.Now)
	assert.NoError(t, err, "without an address the log is told")
}
