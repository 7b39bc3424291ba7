package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/usher365/usher/shared/telemetry"
)

// logStderr is the log of a process that serves: JSON unless a person reads along.
func (p *program) logStderr() *slog.Logger {
	f, ok := p.stderr.(*os.File)
	return telemetry.NewLogger(p.stderr, telemetry.LogOptions{JSON: !ok || !term.IsTerminal(int(f.Fd()))})
}

// logName is the log of commands that show something else on the terminal.
const logName = "usher.log"

// logFile is for a command that works in this process. close it.
func logFile(dir string) (log *slog.Logger, closeLog func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("use the data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, logName), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	return telemetry.NewLogger(f, telemetry.LogOptions{JSON: true}), f.Close, nil
}
