package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/usher365/usher/shared/step"
)

// journal is where a process writes what happens: one line for each delivery, and counts.
type journal struct {
	*slog.Logger
	observe step.Observer
	metrics http.Handler
	close   func() error
}

func newJournal(w io.Writer) journal {
	log := slog.New(slog.NewJSONHandler(w, nil))
	return journal{Logger: log, close: func() error { return nil }, observe: func(ctx context.Context, l step.Line) {
		log.InfoContext(ctx, "delivery", "line", l)
	}}
}

// logStderr is for a process that serves.
func (p *program) logStderr() journal { return newJournal(p.stderr) }

// logName is the log of commands that show something else on the terminal.
const logName = "usher.log"

// logFile is for a command that works in this process.
func (p *program) logFile(dir string) (journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return journal{}, fmt.Errorf("use the data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, logName), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return journal{}, fmt.Errorf("open the log: %w", err)
	}
	j := newJournal(f)
	j.close = f.Close
	return j, nil
}
