package checks

import (
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/events/schemas"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/schema"
)

// shown is a block of JSON in Markdown; sampled names a sample request.
var (
	shown   = regexp.MustCompile("(?ms)^```json\n(.*?)^```$")
	sampled = regexp.MustCompile(`(?:on|off)board-[a-z0-9-]+\.json`)
)

// What a guide shows as the request to send can be sent: it fits the schema, and names a profile that there is.
func TestTheRequestsOfTheGuidesAreValid(t *testing.T) {
	request, err := schema.Compile("request", []byte(schemas.Request))
	require.NoError(t, err)
	for _, f := range files(t) {
		if path.Dir(f) != "docs/guides" || path.Base(f) == "README.md" {
			continue
		}
		text := read(t, f)
		blocks := shown.FindAllStringSubmatch(text, -1)
		assert.NotEmpty(t, blocks, "%s shows no request", f)
		for _, block := range blocks {
			require.NoError(t, request.Check([]byte(block[1])), f)
			var r events.Request
			require.NoError(t, json.Unmarshal([]byte(block[1]), &r), f)
			_, err := fs.Stat(profile.Builtin(), r.Profile+".yaml")
			assert.NoError(t, err, f)
			assert.Contains(t, text, "`"+r.Profile+"`", "%s is about another profile", f)
		}
		for _, name := range sampled.FindAllString(text, -1) {
			_, err := samples.Files.Open(name)
			assert.NoError(t, err, f)
		}
	}
}
