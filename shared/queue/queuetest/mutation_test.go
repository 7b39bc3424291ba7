package queuetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnUnknownCaseIsAFailure(t *testing.T) {
	require.Len(t, failures(t, "no such rule", nil), 1)
}
