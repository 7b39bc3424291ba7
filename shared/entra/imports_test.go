package entra_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	module   = "github.com/usher365/usher"
	graphSDK = "github.com/microsoftgraph/msgraph-sdk-go"
)

// The SDK adds 24 MB to a binary and minutes to a build; its root client doubles the
// latter. Only this package may import it, and never the root.
func TestOnlyThisPackageImportsTheGraphSDK(t *testing.T) {
	out, err := exec.Command("go", "list", "-e", "-test", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"/...").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		importer, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(importer, module+"/shared/entra") {
			continue
		}
		for imported := range strings.FieldsSeq(imports) {
			assert.Falsef(t, strings.HasPrefix(imported, graphSDK), "%s imports %s", importer, imported)
		}
	}

	out, err = exec.Command("go", "list", "-deps", module+"/shared/entra").Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	assert.Contains(t, deps, graphSDK+"/models")
	assert.NotContains(t, deps, graphSDK, "the root client")
	assert.NotContains(t, deps, graphSDK+"-core", "the SDK's own middleware")
}
