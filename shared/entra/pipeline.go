package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/usher365/usher/shared/fault"
)

// longestAnswer bounds what is read of one answer. A page of 999 users is under 1 MB.
const longestAnswer = 64 << 20

// defaultTransport is one connection pool for all tenants.
func defaultTransport() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	return &http.Client{Transport: t}
}

// withoutRedirects keeps an answer 302 an answer, so that a token never follows it.
func withoutRedirects(c *http.Client) *http.Client {
	kept := *c
	kept.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &kept
}

// session is what a tenant's calls share: its token, its pipeline and the SDK over it.
type session struct {
	opts     Options
	base     *url.URL
	signIn   *signIn
	pipeline runtime.Pipeline
	sdk      sdk
}

func (c *Client) newSession(in *signIn) (*session, error) {
	s := &session{opts: c.opts, base: c.base, signIn: in}
	bearer := runtime.NewBearerTokenPolicy(in, []string{c.opts.Scope}, nil)
	s.pipeline = runtime.NewPipeline("entra", "v1", runtime.PipelineOptions{PerRetry: []policy.Policy{bearer}}, &policy.ClientOptions{
		Transport: bounded{c.opts.Transport},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	})
	var err error
	s.sdk, err = newSDK(c.base.String(), s)
	return s, err
}

// send is the one way out. It refuses every address that is not below the endpoint,
// and turns every answer that is not a success into an error.
func (s *session) send(req *policy.Request) (*http.Response, error) {
	if err := s.guard(req.Raw().URL); err != nil {
		return nil, err
	}
	ours := s.opts.NewID()
	req.Raw().Header.Set("client-request-id", ours)
	req.Raw().Header.Set("User-Agent", s.opts.UserAgent)
	resp, err := s.pipeline.Do(req)
	if err != nil {
		return nil, notAnswered(err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, readRefusal(resp, ours, s.opts.Now())
	}
	return resp, nil
}

// guard keeps our token at home: a next link, or a mistake, may name another host.
func (s *session) guard(u *url.URL) error {
	if u.Scheme == s.base.Scheme && u.Host == s.base.Host && strings.HasPrefix(u.Path, s.base.Path+"/") {
		return nil
	}
	return fault.Stopf(fault.AnswerNotUnderstood,
		"the address %s is not below the configured Graph endpoint %s, so nothing was sent: check the endpoint, and any proxy that rewrites links", u.Redacted(), s.base)
}

// RoundTrip lets the SDK send through the pipeline, in place of the SDK's own
// middleware, which may resend a damaged body, leaks connections, and sleeps as long
// as Retry-After says. The answer's body is in memory and is valid JSON or empty.
func (s *session) RoundTrip(raw *http.Request) (*http.Response, error) {
	raw = raw.WithContext(policy.WithRetryOptions(raw.Context(), s.retryFor(raw.Method)))
	req, err := runtime.NewRequestFromRequest(raw)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	resp, err := s.send(req)
	if err != nil {
		return nil, err
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return nil, notAnswered(err)
	}
	if len(body) > 0 && !json.Valid(body) {
		return nil, notUnderstood(resp, errors.New("the body is not JSON"))
	}
	resp.Header.Set("Content-Type", "application/json")
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// retryFor repeats what is safe to repeat. A POST that got no answer, or a 5xx, may
// have been carried out; only a throttled one has certainly not.
func (s *session) retryFor(method string) policy.RetryOptions {
	o := policy.RetryOptions{
		MaxRetries:    int32(max(s.opts.Retries, -1)),
		RetryDelay:    s.opts.RetryDelay,
		MaxRetryDelay: s.opts.LongestPause,
		TryTimeout:    s.opts.Timeout,
	}
	if method == http.MethodPost {
		o.ShouldRetry = func(resp *http.Response, err error) bool {
			return err == nil && resp.StatusCode == http.StatusTooManyRequests
		}
	}
	return o
}

// request prepares a call that does not go through the SDK. address is absolute and
// escaped already.
func (s *session) request(ctx context.Context, method, address string) (*policy.Request, error) {
	req, err := runtime.NewRequest(policy.WithRetryOptions(ctx, s.retryFor(method)), method, address)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Raw().Header.Set("Accept", "application/json")
	return req, nil
}

// plain makes a call whose answer does not matter beyond its status.
func (s *session) plain(ctx context.Context, method, path string) error {
	req, err := s.request(ctx, method, s.base.String()+path)
	if err != nil {
		return err
	}
	_, err = s.send(req)
	return err
}

// get reads one object into v.
func (s *session) get(ctx context.Context, path string, v any) error {
	req, err := s.request(ctx, http.MethodGet, s.base.String()+path)
	if err != nil {
		return err
	}
	resp, err := s.send(req)
	if err != nil {
		return err
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return notAnswered(err)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return notUnderstood(resp, err)
	}
	return nil
}

// bounded is a transport whose answers end, with an error, at longestAnswer.
type bounded struct{ policy.Transporter }

// Do sends a request.
func (b bounded) Do(req *http.Request) (*http.Response, error) {
	resp, err := b.Transporter.Do(req)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, longestAnswer)
	return resp, nil
}
