package schemas_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/events"
)

// TestAsyncAPITellsWhatTravels holds asyncapi.yaml against the functions and the schemas there are.
func TestAsyncAPITellsWhatTravels(t *testing.T) {
	text, err := os.ReadFile("../asyncapi.yaml")
	require.NoError(t, err)
	var doc struct {
		Channels map[string]struct {
			Address  *string
			Messages map[string]struct {
				Ref string `yaml:"$ref"`
			}
		}
		Operations map[string]struct {
			Channel struct {
				Ref string `yaml:"$ref"`
			}
		}
		Components struct{ Messages map[string]any }
	}
	require.NoError(t, yaml.Unmarshal(text, &doc))
	channels := slices.Collect(maps.Keys(doc.Channels))
	assert.ElementsMatch(t, append(events.Functions(), "webhook", "callback"), channels)
	used := map[string]bool{}
	for _, o := range doc.Operations {
		used[strings.TrimPrefix(o.Channel.Ref, "#/channels/")] = true
	}
	for name, channel := range doc.Channels {
		assert.True(t, used[name], "channel %s has no operation", name)
		if slices.Contains(events.Functions(), name) {
			assert.Equal(t, name, *channel.Address, "a queue is called as its function")
		}
		for _, m := range channel.Messages {
			assert.Contains(t, doc.Components.Messages, strings.TrimPrefix(m.Ref, "#/components/messages/"))
		}
	}
	for _, file := range regexp.MustCompile(`schemas/\S+\.json`).FindAllString(string(text), -1) {
		assert.FileExists(t, "../"+file)
	}
}
