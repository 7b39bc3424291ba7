package lambda

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// request is an HTTP request in payload format 2.0. An API Gateway HTTP API and a
// Function URL send the same document, but for the stage, which only the former has.
type request = events.APIGatewayV2HTTPRequest

// errNotHTTP refuses an event that is no HTTP request in payload format 2.0.
var errNotHTTP = errors.New("this function answers HTTP requests in payload format 2.0, of an API Gateway HTTP API or a Function URL; the event is something else")

// errBody refuses a body that cannot be decoded.
var errBody = errors.New("the body is not what the event says")

// requestOf makes the request that the sender made. Nothing of it is changed: the
// signature of a webhook is over the very bytes.
func requestOf(ctx context.Context, e request) (*http.Request, error) {
	if e.Version != "2.0" || e.RequestContext.HTTP.Method == "" {
		return nil, errNotHTTP
	}
	body := e.Body
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBody, err)
		}
		body = string(decoded)
	}
	at := target(e)
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, "/", strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotHTTP, err)
	}
	r.URL, r.RequestURI, r.Header = at, at.RequestURI(), headersOf(e)
	r.Host = r.Header.Get("Host")
	if r.Host == "" {
		r.Host = e.RequestContext.DomainName
	}
	r.Header.Del("Host")
	// The port is not told; the form is that of a server of package net/http.
	r.RemoteAddr = net.JoinHostPort(e.RequestContext.HTTP.SourceIP, "0")
	return r, nil
}

// target is the path without the stage, and the query. A path comes encoded from a
// Function URL, and may come decoded from an API Gateway, where it is then taken as it is.
func target(e request) *url.URL {
	path := e.RawPath
	if stage := e.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(path, "/"+stage); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	at, err := url.ParseRequestURI(path)
	if err != nil || at.RawQuery != "" {
		at = &url.URL{Path: path}
	}
	at.RawQuery = e.RawQueryString
	return at
}

// headersOf are the headers, looked up without regard to case. The gateway has joined
// repeated ones with commas, and put the cookies aside.
func headersOf(e request) http.Header {
	h := make(http.Header, len(e.Headers)+1)
	for name, value := range e.Headers {
		h.Add(name, value)
	}
	if len(e.Cookies) > 0 {
		h.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	return h
}
