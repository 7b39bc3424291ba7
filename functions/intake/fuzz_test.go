package intake_test

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/webhook"
)

func seeds(f *testing.F) (bodies [][]byte) {
	f.Helper()
	names, err := fs.Glob(samples.Files, "*.json")
	require.NoError(f, err)
	for _, name := range names {
		body, err := samples.Files.ReadFile(name)
		require.NoError(f, err)
		bodies = append(bodies, body)
	}
	return append(bodies, []byte(`{`), []byte(`null`), []byte("\x00\xff"), []byte(`{"ticket":{"system":"s","id":"\u0000"},"tenant":{"alias":"contoso"},"action":"onboard"}`))
}

// FuzzUnsigned posts whatever the fuzzer finds without a valid signature: it is
// never more than a 4xx, and nothing is written.
func FuzzUnsigned(f *testing.F) {
	for _, body := range seeds(f) {
		f.Add("msg_1", "1795289400", "v1,ihNuR2wQ7con6RlBLwgKY34MazZrZb1Y/Ok0ne5oamA=", body)
	}
	f.Add("", "-1", "v1a,x v1,y", []byte{})
	d := openDoor(f)
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		d.t = t
		r := httptest.NewRequest(http.MethodPost, intake.Path, strings.NewReader(string(body)))
		r.Header = http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		require.GreaterOrEqual(t, w.Code, 400)
		require.Less(t, w.Code, 500)
		require.Empty(t, d.sent.take())
		require.Empty(t, d.requests())
	})
}

// FuzzSigned posts whatever the fuzzer finds from a sender we trust: the answer is
// always 200 (or 413), and says in its status what became of it.
func FuzzSigned(f *testing.F) {
	for _, body := range seeds(f) {
		f.Add(body)
	}
	d := openDoor(f)
	n := 0
	f.Fuzz(func(t *testing.T, body []byte) {
		n++
		d.t = t
		r := httptest.NewRequest(http.MethodPost, intake.Path, strings.NewReader(string(body)))
		maps.Copy(r.Header, webhook.Sign(secret(t, good), fmt.Sprint("msg_", n), d.now, body))
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		if len(body) > intake.MaxBody {
			require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
			return
		}
		require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
		require.Regexp(t, `^\{"status":"(accepted|parked|refused)"`, w.Body.String())
	})
}
