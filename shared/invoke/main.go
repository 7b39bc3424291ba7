// Package invoke is the main of a function's own binary: one invocation. It reads one
// JSON document from standard input, handles it with the real runner and the real
// clients, and writes what became of it to standard output. It keeps nothing: the
// ledger is in memory for the one invocation, and what a queue would carry is part of
// the answer. See docs/decisions/011.
package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/step"
)

// The exit codes; they mean what 'usher help exit-codes' says.
const (
	// ExitOK is done, or to be tried again.
	ExitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitConfig  = 3
	ExitRefused = 5
)

// maxInput bounds the document, in bytes: a sync of some ten thousand accounts.
const maxInput = 64 << 20

// Function is one function's binary.
type Function struct {
	// Name is the name of its folder and queue.
	Name string
	// Does ends the sentence "NAME …" of the help text.
	Does string
	// Input and Output describe the documents in the help text; empty means those of
	// a step.
	Input, Output string
	// Wire makes the clients and gives what handles the document.
	Wire func(*Process) (Handle, error)
}

// Handle handles the document of one invocation. An error says that the document
// could not be handled at all.
type Handle func(ctx context.Context, doc []byte) (Answer, error)

// Answer is what an invocation comes to.
type Answer struct {
	// Body is written to standard output as JSON.
	Body any
	// Exit is the exit code.
	Exit int
}

// Process is what a function is wired from.
type Process struct {
	// Config has at least one tenant.
	Config config.Config
	// Env looks a variable of the environment up.
	Env func(string) (string, bool)
	// Log writes to standard error.
	Log   *slog.Logger
	Now   func() time.Time
	NewID func() string
	// Memory is the ledger of this invocation; Runner works on it.
	Memory *Memory
	Runner *step.Runner

	// line is what the runner told of the delivery.
	line step.Line
}

// Main is the whole main of a function's binary. It ends the process.
func Main(f Function) {
	os.Exit(machine{
		args: os.Args[1:], env: os.LookupEnv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		now: time.Now, random: rand.Float64, newID: uuid.NewString,
	}.run(context.Background(), f))
}

// machine is what a process gets from outside.
type machine struct {
	args           []string
	env            func(string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	random         func() float64
	newID          func() string
}

func (m machine) run(ctx context.Context, f Function) int {
	answer, err := m.invoke(ctx, f)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(m.stdout, f.help())
		return ExitOK
	}
	if err == nil {
		err = write(m.stdout, answer.Body)
	}
	if err == nil {
		return answer.Exit
	}
	fmt.Fprintf(m.stderr, "%s: %v\n", f.Name, err)
	if _, wrong := errors.AsType[config.Problems](err); wrong {
		return exitConfig
	}
	if _, wrong := errors.AsType[badInput](err); wrong {
		fmt.Fprintf(m.stderr, "'%s -h' describes the document; there are samples in events/samples\n", f.Name)
		return exitUsage
	}
	return exitFailed
}

func (m machine) invoke(ctx context.Context, f Function) (Answer, error) {
	if err := m.parse(f); err != nil {
		return Answer{}, err
	}
	p, err := m.process()
	if err != nil {
		return Answer{}, err
	}
	handle, err := f.Wire(p)
	if err != nil {
		return Answer{}, err
	}
	doc, err := m.read(f.Name)
	if err != nil {
		return Answer{}, err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return handle(ctx, doc)
}

func (m machine) parse(f Function) error {
	flags := flag.NewFlagSet(f.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	err := flags.Parse(m.args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return badInput{err}
	case flags.NArg() > 0:
		return badInput{fmt.Errorf("%q is not understood; the document comes on standard input: %s < FILE", flags.Arg(0), f.Name)}
	}
	return nil
}

// process reads the configuration from the environment, and from the file that
// USHER_CONFIG names.
func (m machine) process() (*Process, error) {
	path, _ := m.env("USHER_CONFIG")
	c, err := config.Load(path, m.env)
	if err == nil {
		err = c.Check(config.NeedTenants)
	}
	if _, known := errors.AsType[config.Problems](err); err != nil && !known {
		err = config.Problems{{Where: "USHER_CONFIG", What: err.Error()}}
	}
	if err != nil {
		return nil, err
	}
	p := &Process{
		Config: c, Env: m.env, Log: slog.New(slog.NewJSONHandler(m.stderr, nil)), Now: m.now, NewID: m.newID, Memory: newMemory(m.now),
	}
	p.Runner = step.New(step.Options{
		Ledger: p.Memory, Tenant: p.tenant, Now: m.now, Random: m.random, NewToken: m.newID,
		Compensation: profile.Compensation, Observe: func(_ context.Context, l step.Line) { p.line = l },
	})
	return p, nil
}

// read takes the document. A terminal is refused, for nobody types one.
func (m machine) read(name string) ([]byte, error) {
	if f, ok := m.stdin.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return nil, badInput{fmt.Errorf("nothing comes on standard input; use: %s < FILE", name)}
		}
	}
	doc, err := io.ReadAll(io.LimitReader(m.stdin, maxInput+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read standard input: %w", err)
	case len(doc) == 0:
		return nil, badInput{errors.New("standard input is empty")}
	case len(doc) > maxInput:
		return nil, badInput{fmt.Errorf("the document has more than %d MiB", maxInput>>20)}
	}
	return doc, nil
}

func write(w io.Writer, body any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(body); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// badInput is a wrong argument, or a document that is not an invocation.
type badInput struct{ error }

func (b badInput) Unwrap() error { return b.error }
