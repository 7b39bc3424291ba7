// Package crosscheck holds the fake namespace against a second client, Microsoft's for
// JavaScript, which shares no code with the one for Go: see the script run, which
// `make crosscheck` calls.
package crosscheck

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/servicebusfake"
)

// directoryVariable names the directory with the client and the script it runs. Without
// it there is nothing to check.
const directoryVariable = "SERVICEBUS_CROSSCHECK"

func TestTheJavaScriptClientAgrees(t *testing.T) {
	directory := os.Getenv(directoryVariable)
	if directory == "" {
		return
	}
	s := servicebusfake.New(servicebusfake.Options{Queues: map[string]servicebusfake.QueueSettings{
		"q": {DetectDuplicates: true, Lock: 2 * time.Second, MaxDeliveries: 3},
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { assert.NoError(t, s.Serve(l)) }()
	defer func() { require.NoError(t, s.Close()) }()

	node := exec.CommandContext(t.Context(), "node", "crosscheck.mjs")
	node.Dir = directory
	node.Env = append(os.Environ(), fmt.Sprintf("CONNECTION=Endpoint=sb://%s;SharedAccessKeyName=any;SharedAccessKey=c2VjcmV0;UseDevelopmentEmulator=true", l.Addr()))
	out, err := node.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}
