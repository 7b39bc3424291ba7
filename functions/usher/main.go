// Command usher is every function of Usher in one process, and the operator's
// commands. 'usher demo' shows the whole of it; 'usher --help' lists the rest.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/usher365/usher/functions/usher/timeline"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// lookup finds an environment variable, as os.LookupEnv does.
type lookup func(name string) (string, bool)

// program is what every command works with: nothing else is read or written.
type program struct {
	env    lookup
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
	// look is how to draw on stdout; live is true when it is a terminal.
	look timeline.Look
	live bool
	// height is the lines of the terminal; zero when it is not known.
	height int

	// The flags that every command has.
	dataDir     string
	configFile  string
	profilesDir string
	asJSON      bool

	// started is set when a command's own work begins: an error before it is one of usage.
	started bool
}

// run is usher with everything from outside as a parameter. It gives the exit code.
func run(ctx context.Context, args []string, env lookup, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{env: env, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	p.terminal()
	root := p.root()
	root.SetArgs(args)
	return p.report(root.ExecuteContext(ctx))
}
