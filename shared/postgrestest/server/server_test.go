package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewestRelease(t *testing.T) {
	require.Greater(t, release("/usr/lib/postgresql/15/bin/initdb"), release("/usr/lib/postgresql/9.6/bin/initdb"))
	require.Zero(t, release("/usr/lib/postgresql/new/bin/initdb"))
}
