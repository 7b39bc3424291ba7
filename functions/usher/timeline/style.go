package timeline

import (
	"strings"
	"unicode/utf8"

	"github.com/usher365/usher/shared/account"
)

// Look says how to draw.
type Look struct {
	// Width is the columns of the terminal. Zero means 80.
	Width int
	// Colour uses the terminal's own colours (SGR codes).
	Colour bool
}

func (l Look) width() int {
	if l.Width <= 0 {
		return 80
	}
	return l.Width
}

// The colours used: the terminal decides what they look like.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (l Look) paint(colour, text string) string {
	if !l.Colour || colour == "" || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// Bold, Dim, Good and Bad emphasise text outside of a timeline in the same look.
func (l Look) Bold(text string) string { return l.paint(bold, text) }

// Dim makes text step back.
func (l Look) Dim(text string) string { return l.paint(dim, text) }

// Good is for what was reached.
func (l Look) Good(text string) string { return l.paint(green, text) }

// Bad is for what went wrong.
func (l Look) Bad(text string) string { return l.paint(red, text) }

// mark is how a state shows at the start of its line.
type mark struct{ glyph, colour string }

var marks = map[account.StepState]mark{
	account.StepPending:  {"○", dim},
	account.StepRunning:  {"●", cyan},
	account.StepWaiting:  {"◌", yellow},
	account.StepRetrying: {"↻", yellow},
	account.StepDone:     {"✔", green},
	account.StepFailed:   {"✘", red},
	account.StepSkipped:  {"–", dim},
}

// fit cuts text to n columns, with an ellipsis where something is missing.
func fit(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	if n < 1 {
		return ""
	}
	return string([]rune(text)[:n-1]) + "…"
}

// pad cuts or fills text to exactly n columns.
func pad(text string, n int) string {
	text = fit(text, n)
	return text + strings.Repeat(" ", n-utf8.RuneCountInString(text))
}

func (l Look) barWidth() int { return min(widestBar, l.width()/3) }

// bar draws how much of the whole is reached, on n columns.
func (l Look) bar(reached, whole float64, n int, colour string) string {
	full := 0
	if whole > 0 {
		full = int(min(max(reached/whole, 0), 1) * float64(n))
	}
	return l.paint(colour, strings.Repeat("━", full)) + l.paint(dim, strings.Repeat("─", n-full))
}

// wrap breaks text into lines of at most n columns, at spaces.
func wrap(text string, n int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > n {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += fit(word, n)
	}
	if line == "" {
		return lines
	}
	return append(lines, line)
}
