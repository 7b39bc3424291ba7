package tenantfake

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// ServeHTTP answers over a real connection. A fault that loses the connection aborts it (http.ErrAbortHandler).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resp, err := s.handle(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	h := w.Header()
	for k, v := range resp.header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.Itoa(len(resp.body)))
	w.WriteHeader(resp.status)
	if _, err := w.Write(resp.body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone; net/http closes the connection
	}
}

// Transport returns a RoundTripper that calls the server directly, in the caller's goroutine, without sockets. Any host name is accepted.
// Lost connections and time-outs are errors of RoundTrip, *net.OpError as from a socket. Authorisation, redirects
// and cookies are the caller's, as with http.Transport.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close() // it has been read; what closing says about it changes nothing
	}
	resp, err := t.s.handle(r)
	if err == nil {
		err = r.Context().Err() // an answer that comes after the deadline is never seen
	}
	if err != nil {
		return nil, err // as it is, for the client to look at its type
	}
	return &http.Response{
		Status:     strconv.Itoa(resp.status) + " " + http.StatusText(resp.status),
		StatusCode: resp.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: resp.header, Body: io.NopCloser(bytes.NewReader(resp.body)),
		ContentLength: int64(len(resp.body)), Request: r,
	}, nil
}
