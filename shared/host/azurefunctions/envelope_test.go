package azurefunctions

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/queue"
)

// samples are envelopes as the host's code writes them.
const samples = "../../../events/samples/azure"

func sample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(samples, name))
	require.NoError(t, err)
	return text
}

const commandID = "req-k5vx2q7m3a6d/create/1"

func TestMessages(t *testing.T) {
	half := time.Date(2026, 11, 21, 19, 40, 0, 517e6, time.UTC)
	subject, correlation := "dev.usher365.create.v1", "req-k5vx2q7m3a6d"
	for name, want := range map[string]queue.Delivery{
		"create.extension5.json": {Message: queue.Message{ID: commandID, Subject: subject, CorrelationID: correlation}, Count: 1, EnqueuedAt: half},
		"create.extension4.json": {Message: queue.Message{ID: commandID, Subject: subject, CorrelationID: correlation}, Count: 2, EnqueuedAt: half},
		"create.object.json":     {Message: queue.Message{ID: commandID, Subject: subject, CorrelationID: correlation}, Count: 1, EnqueuedAt: half.Truncate(time.Second)},
		"create.replayed.json":   {Message: queue.Message{ID: commandID, Subject: subject, CorrelationID: correlation}, Count: 3, EnqueuedAt: half},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := message("create", sample(t, name))
			require.NoError(t, err)
			got := m.Delivery()
			var cmd events.Command
			require.NoError(t, json.Unmarshal(got.Body, &cmd))
			assert.Equal(t, commandID, cmd.ID())
			got.Body, want.Queue = nil, "create"
			assert.Equal(t, want, got)
		})
	}
}

func TestABodyThatIsNotJSON(t *testing.T) {
	m, err := message("create", sample(t, "create.notjson.json"))
	require.NoError(t, err, "what to do with it is the runner's business")
	assert.Equal(t, "somebody's test message", string(m.Body))
	assert.Equal(t, "3f2a1c0d9b", m.MessageID)
}

func TestRefusedEnvelopes(t *testing.T) {
	_, err := message("create", sample(t, "create.batch.json"))
	require.ErrorIs(t, err, errBatch)
	_, err = message("create", sample(t, "timer.json"))
	require.ErrorIs(t, err, errBatch)
	for name, text := range map[string]string{
		"NotJSON": "{", "Array": "[]", "BadCount": `{"Data":{"message":"{}"},"Metadata":{"MessageId":"1","DeliveryCount":"many"}}`,
		"BadProperties": `{"Data":{"message":"{}"},"Metadata":{"MessageId":"1","ApplicationProperties":"text"}}`,
		"OtherBinding":  `{"Data":{"item":"{}"},"Metadata":{"MessageId":"1"}}`,
	} {
		_, err := message("create", []byte(text))
		assert.Error(t, err, name)
	}
}

func TestLateTimers(t *testing.T) {
	assert.False(t, late(sample(t, "timer.json")))
	assert.True(t, late(sample(t, "timer.pastdue.json")))
	assert.False(t, late(nil))
}

// What the host wrote comes out as it went in, encoded once or twice.
func TestUnwrap(t *testing.T) {
	for text, want := range map[string]string{
		`"\"abc\""`: "abc", `"abc"`: "abc", `"1"`: "1", `1`: "1", `{"a":"b"}`: `{"a":"b"}`, `"{\"a\":1}"`: `{"a":1}`,
		`"\"{\\\"a\\\":1}\""`: `{"a":1}`, `null`: "", `"null"`: "", `""`: "", `"\"\\\"x\\\"\""`: `"x"`,
	} {
		assert.Equal(t, want, unwrap(json.RawMessage(text)), text)
	}
}

func FuzzMessage(f *testing.F) {
	files, err := os.ReadDir(samples)
	require.NoError(f, err)
	for _, file := range files {
		f.Add(sample(f, file.Name()))
	}
	f.Fuzz(func(t *testing.T, posted []byte) {
		late(posted)
		m, err := message("create", posted)
		if err != nil {
			return
		}
		d := m.Delivery()
		assert.NotEmpty(t, m.MessageID)
		assert.Equal(t, "create", d.Queue)
	})
}
