package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/webhook"
)

func (p *program) requestCommand() *cobra.Command {
	var file, delivery string
	var wait bool
	var timeout time.Duration
	c := p.command("request -f FILE", "Sign a request and post it to the webhook", "usher request -f events/samples/onboard-sam360.json --wait", exactly(), func(ctx context.Context, _ []string) error {
		body, err := p.document(file)
		if err != nil {
			return err
		}
		body = sentBy(operator(), body)
		return p.within(ctx, true, func(s *session) error {
			if err := s.work(ctx); err != nil {
				return err
			}
			taken, err := p.deliver(ctx, &s.client, body, or(delivery, uuid.NewString()))
			if err != nil {
				return err
			}
			return p.follow(ctx, s, taken, wait, timeout)
		})
	})
	f := c.Flags()
	f.StringVarP(&file, "file", "f", "", "the request document, - for standard input, or the name of a sample that comes along")
	f.StringVar(&delivery, "delivery", "", "the delivery's id; the same id again is taken as a repetition (default: a new one)")
	f.BoolVar(&wait, "wait", false, "stay and show the timeline until the request is over")
	f.DurationVar(&timeout, "timeout", 0, "stop waiting after this time (exit code 6); 0 never does")
	return p.needs(p.listing(c), "file")
}

// follow tells the webhook's answer, and sees the request to its end where that was
// asked for, or where no server would do so.
func (p *program) follow(ctx context.Context, s *session, t taken, wait bool, timeout time.Duration) error {
	refused, wait := t.Status == string(intake.Refused), wait || s.alone()
	if p.asJSON && wait && !refused {
		return p.settle(ctx, s, console.Request{ID: t.RequestID})
	}
	if err := p.list(t, func() error { return p.told(t) }); err != nil {
		return err
	}
	switch {
	case refused:
		return &failure{exitRefused, fmt.Errorf("the request was refused: %s", t.Reason), t.NextAction}
	case !wait:
		return nil
	}
	return p.finish(ctx, s, t.RequestID, timeout)
}

// document reads the request: a file, standard input, or one of the samples.
func (p *program) document(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(p.stdin)
	}
	body, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if sample, found := samples.Files.ReadFile(filepath.Base(file)); found == nil {
			return sample, nil
		}
	}
	if err != nil {
		return nil, failed(exitUsage, "give the path of a request document, - for standard input, or the name of a sample such as onboard-sam360.json", "read the request: %w", err)
	}
	return body, nil
}

// sentBy adds who sends a document, who cannot approve it then. What is no object, or
// says so itself, stays as it is.
func sentBy(who string, document []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(document, &fields) != nil || fields == nil || fields["sentBy"] != nil {
		return document
	}
	name, err := json.Marshal(who)
	if err != nil {
		return document
	}
	fields["sentBy"] = name
	if with, err := json.Marshal(fields); err == nil {
		return with
	}
	return document
}

// taken is the webhook's answer.
type taken struct {
	Status     string     `json:"status"`
	RequestID  string     `json:"requestId,omitempty"`
	Duplicate  bool       `json:"duplicate"`
	Code       fault.Code `json:"code,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	NextAction string     `json:"nextAction,omitempty"`
}

// deliver signs and posts a document.
func (p *program) deliver(ctx context.Context, c *client, body []byte, id string) (t taken, err error) {
	secret, err := p.webhookSecret()
	if err != nil {
		return t, err
	}
	return post(ctx, c, secret, id, p.now(), body)
}

func post(ctx context.Context, c *client, secret webhook.Secret, id string, at time.Time, body []byte) (t taken, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+intake.Path, bytes.NewReader(body))
	if err != nil {
		return t, fmt.Errorf("make the delivery: %w", err)
	}
	req.Header = webhook.Sign(secret, id, at, body)
	req.Header.Set("Content-Type", "application/json")
	status, answer, err := c.send(req)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(answer, &t); err != nil {
		return t, problemIn(status, answer)
	}
	switch status {
	case http.StatusOK:
		return t, nil
	case http.StatusUnauthorized:
		return t, failed(exitConfig, "give the server's own secret in USHER_WEBHOOK_SECRET, and check both clocks", "the server does not accept the signature")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return t, failed(exitUnreachable, "try again in a moment; 'usher doctor' says what is not ready", "the server cannot take the request now (%s)", t.Status)
	}
	return t, failed(exitRefused, "", "the server does not take the request: %s", strings.TrimSpace(t.Status+" "+t.Reason))
}

// webhookSecret is what the server's operator configured, or what it made up for the embedded tenant.
func (p *program) webhookSecret() (webhook.Secret, error) {
	c, err := p.load()
	if err != nil {
		return webhook.Secret{}, err
	}
	if secrets := c.Webhooks.Sources[config.EnvironmentSource]; len(secrets) > 0 {
		return secrets[0], nil
	}
	for _, secrets := range c.Webhooks.Sources {
		return secrets[0], nil
	}
	text, err := os.ReadFile(filepath.Join(c.Data, webhookSecretFile))
	if err != nil {
		return webhook.Secret{}, failed(exitConfig, "set USHER_WEBHOOK_SECRET to the server's secret", "there is no secret to sign the request with")
	}
	return webhook.ParseSecret(strings.TrimSpace(string(text)))
}

func (p *program) told(t taken) error {
	switch {
	case t.Status == string(intake.Refused):
		return nil
	case t.Duplicate:
		return p.printf("Taken before as request %s: the same ticket, action and revision. With another revision, or a higher rerun, it is a new request.\n", t.RequestID)
	case t.Status == string(intake.Parked):
		return p.printf("Parked as request %s: %s.\n", t.RequestID, t.Reason)
	}
	return p.printf("Accepted as request %s.\n", t.RequestID)
}
