package lambda

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// response is an answer in payload format 2.0, the same for both senders.
type response = events.LambdaFunctionURLResponse

// maxResponse is the largest body of an answer, in bytes: Lambda takes 6 MB for the whole
// answer (source: AWS Lambda Developer Guide, "Lambda quotas"), in which a body that is
// not text grows by a third.
const maxResponse = 4 << 20

// writer collects an answer.
type writer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header gives the headers to be set.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader fixes the status; the first call counts. An answer to come is no answer here.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
}

// Write collects the body.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// response gives what was collected.
func (w *writer) response() response {
	w.WriteHeader(http.StatusOK)
	if w.body.Len() > maxResponse {
		return plain(http.StatusInternalServerError)
	}
	body := w.body.Bytes()
	if w.header.Get("Content-Type") == "" && len(body) > 0 {
		w.header.Set("Content-Type", http.DetectContentType(body))
	}
	r := response{StatusCode: w.status, Headers: make(map[string]string, len(w.header)), Cookies: w.header.Values("Set-Cookie")}
	for name, values := range w.header {
		if name != "Set-Cookie" {
			r.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	if r.IsBase64Encoded = !utf8.Valid(body); r.IsBase64Encoded {
		r.Body = base64.StdEncoding.EncodeToString(body)
	} else {
		r.Body = string(body)
	}
	return r
}

// plain is an answer that says nothing but its status.
func plain(status int) response {
	return response{
		StatusCode: status, Body: http.StatusText(status) + "\n",
		Headers: map[string]string{"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"},
	}
}
