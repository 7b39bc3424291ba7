package parts

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/config"
)

func TestProfiles(t *testing.T) {
	c, err := Profiles("")
	require.NoError(t, err)
	assert.Contains(t, c.Names(), "sam360")
	_, err = Profiles("/nowhere")
	require.ErrorAs(t, err, &config.Problems{})
}
