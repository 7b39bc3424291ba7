package identity_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWhatIsKnownAboutOurOwn(t *testing.T) {
	s := source(t, &entra{}, "AZURE_CLIENT_SECRET", canary)
	assert.Equal(t, clientID, s.ClientID())
	assert.True(t, s.HasSecret())
	assert.True(t, s.IsSecret(canary[:3]))
	assert.True(t, s.IsSecret(""), "Graph did not say how it begins")
	assert.False(t, s.IsSecret("~~~"))
	assert.Zero(t, s.CertificateEnds())

	s = source(t, &entra{}, "AZURE_CLIENT_CERTIFICATE_PATH", certificate(t))
	assert.False(t, s.HasSecret())
	assert.False(t, s.IsSecret(""))
	assert.WithinDuration(t, time.Now(), s.CertificateEnds(), 400*24*time.Hour)
	assert.NotZero(t, s.CertificateEnds())
}
