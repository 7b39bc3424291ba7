package address_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/address"
)

func TestSecure(t *testing.T) {
	for _, text := range []string{
		"https://usher.example.com", "https://usher.example.com:8443/path/", "http://localhost:8080", "http://LOCALHOST", "http://127.0.0.1:1/x", "http://[::1]:8080",
	} {
		u, err := address.Secure(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, u.String())
	}
	for text, want := range map[string]error{
		"": address.ErrForm, "usher.example.com": address.ErrForm, "https://": address.ErrForm, "https://:8443": address.ErrForm, "https://a b": address.ErrForm,
		"https://me@usher.example.com": address.ErrForm, "https://usher.example.com/?x=1": address.ErrForm, "https://usher.example.com/#x": address.ErrForm,
		"https://usher.example.com/{x}": address.ErrForm, "mailto:me@example.com": address.ErrForm,
		"http://usher.example.com": address.ErrClear, "ftp://localhost": address.ErrClear, "//localhost": address.ErrClear, "http://localhost.example.com": address.ErrClear,
	} {
		_, err := address.Secure(text)
		require.ErrorIs(t, err, want, text)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"localhost.example.com": false, "127.0.0.1.example.com": false, "10.0.0.1": false, "0.0.0.0": false, "": false,
	} {
		assert.Equal(t, want, address.Loopback(host), host)
	}
}
