package timeline

import (
	"fmt"
	"io"
	"strings"
)

// Screen draws lines over the lines it drew before, on a terminal.
type Screen struct {
	w     io.Writer
	lines int
}

// NewScreen makes a screen that begins where the cursor is.
func NewScreen(w io.Writer) *Screen { return &Screen{w: w} }

// Show replaces what was shown, in one write, so that nothing flickers.
func (s *Screen) Show(lines []string) error {
	var b strings.Builder
	if s.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.lines)
	}
	for _, line := range lines {
		b.WriteString("\r" + line + "\x1b[K\n")
	}
	// What stood below the new last line goes too.
	b.WriteString("\x1b[J")
	s.lines = len(lines)
	_, err := io.WriteString(s.w, b.String())
	return err
}
