package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
)

// client calls the HTTP API: of a running server, or of the handler in this process.
type client struct {
	base  string
	token account.Secret
	http  *http.Client
}

// maxAnswer is the largest answer read, in bytes.
const maxAnswer = 64 << 20

// call sends in as JSON, unless it is nil, and decodes the answer into out, unless that is nil.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write the order: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make the call %s: %w", path, err)
	}
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	status, answer, err := c.send(req)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return problemIn(status, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
}

func (c *client) send(req *http.Request) (int, []byte, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		if cause := context.Cause(req.Context()); cause != nil {
			return 0, nil, cause
		}
		return 0, nil, failed(exitUnreachable, "is 'usher serve' running? DATA/server.json says where it should listen", "the server does not answer: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, failed(exitUnreachable, "", "the server broke off its answer: %w", err)
	}
	return resp.StatusCode, answer, nil
}

// problemIn reads the error in an answer.
func problemIn(status int, answer []byte) error {
	var said struct{ Error *console.Problem }
	if json.Unmarshal(answer, &said) == nil && said.Error != nil && said.Error.Message != "" {
		return said.Error
	}
	return failed(exitFailed, "is this address Usher's?", "the server answers with status %d and no explanation", status)
}

func (c *client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, http.MethodGet, path, query, nil, out)
}

func (c *client) post(ctx context.Context, path string, in, out any) error {
	return c.call(ctx, http.MethodPost, path, nil, in, out)
}

// request gives one request with its timeline.
func (c *client) request(ctx context.Context, id string) (r console.Request, err error) {
	if id == "" {
		return r, errors.New("a request needs an id")
	}
	return r, c.get(ctx, "/api/requests/"+url.PathEscape(id), nil, &r)
}

// pass is a RoundTripper to a handler in this process.
type pass struct{ handler http.Handler }

// RoundTrip answers from memory.
func (p pass) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &answer{header: http.Header{}, status: http.StatusOK}
	p.handler.ServeHTTP(w, r)
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// answer collects what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
