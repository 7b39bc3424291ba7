package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/shared/account"
)

// serverFile is where a running server says how it is reached.
const serverFile = "server.json"

// server is what serverFile holds; it is readable by its owner only.
type server struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	PID   int    `json:"pid"`
}

func (s server) write(dir string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, serverFile), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("say in the data directory how the server is reached: %w", err)
	}
	return nil
}

// reachable turns a listening address into one that can be called from this machine.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return "http://" + net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + a.String()
}

// session is what an operator's command works with: the API of a running server, or
// the same API in this process where no server uses the data directory, or where the
// engines are shared.
type session struct {
	client
	program *program
	// local is the application in this process; nil when a server runs. Where the engines
	// are shared, others do the work that it orders.
	local *app.App
	// stop ends the work in this process and gives its error.
	stop func() error
	// close gives back what the session holds.
	close func() error
}

// with opens a session on an existing ledger, and closes it after do.
func (p *program) with(ctx context.Context, do func(*session) error) error {
	return p.within(ctx, false, do)
}

func (p *program) within(ctx context.Context, mayBegin bool, do func(*session) error) (err error) {
	s, err := p.connect(ctx, mayBegin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop(), s.close()) }()
	return do(s)
}

// connect finds the server of the data directory, or opens the directory itself.
func (p *program) connect(ctx context.Context, mayBegin bool) (*session, error) {
	c, err := p.load()
	if err != nil {
		return nil, err
	}
	nothing := func() error { return nil }
	if s, ok := running(ctx, c.Data); !c.Shared.Given() && ok {
		return &session{program: p, client: client{s.URL, account.NewSecret(s.Token), &http.Client{Timeout: time.Minute}}, stop: nothing, close: nothing}, nil
	}
	if _, err := os.Stat(c.DatabasePath()); errors.Is(err, fs.ErrNotExist) && !mayBegin && !c.Shared.Given() {
		return nil, failed(exitConfig, "start one with 'usher serve', or name another data directory with --data",
			"no server runs and there is no ledger in %s", c.Data)
	}
	return p.inside(ctx, app.Options{})
}

// running reads serverFile and asks the server whether it is there. A file that was
// left behind by a killed process counts for nothing.
func running(ctx context.Context, dir string) (s server, ok bool) {
	b, err := os.ReadFile(filepath.Join(dir, serverFile))
	if err != nil || json.Unmarshal(b, &s) != nil {
		return s, false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/healthz", nil)
	if err != nil {
		return s, false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, false
	}
	return s, resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// inside opens the application in this process. Its API is called in memory, with a
// token that nobody else knows.
func (p *program) inside(ctx context.Context, o app.Options) (*session, error) {
	settings, err := p.settings("", embedded.Options{})
	if err != nil {
		return nil, err
	}
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	settings.APIToken = account.NewSecret(token)
	log, closeLog, err := logFile(settings.Data)
	if err != nil {
		return nil, errors.Join(err, settings.close())
	}
	o.Engines.Log = log
	a, err := settings.open(ctx, o)
	if err != nil {
		return nil, errors.Join(err, closeLog(), settings.close())
	}
	return &session{
		program: p, local: a, stop: func() error { return nil },
		client: client{"http://usher.local", settings.APIToken, &http.Client{Transport: pass{a.Handler()}}},
		close:  func() error { return errors.Join(a.Close(), closeLog(), settings.close()) },
	}, nil
}

// alone reports whether the work is this process's to do.
func (s *session) alone() bool { return s.local != nil && !s.local.Config.Shared.Given() }

// work starts the functions in this process, where no server runs them.
func (s *session) work(ctx context.Context) error {
	if err := s.learn(ctx); err != nil || !s.alone() {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.local.Work(ctx) }()
	s.stop = func() error { cancel(); return <-done }
	return nil
}

// learn finds out the tenants' domains in this process, where no server knows them.
func (s *session) learn(ctx context.Context) error {
	if s.local == nil {
		return nil
	}
	return errors.Join(s.local.RecallDomains(ctx), s.local.LearnDomains(ctx))
}

// enough ends the show of a request in this process when nothing will happen soon.
func (s *session) enough(r console.Request) bool { return s.alone() && s.program.waitsLong(r) }
