// Package timeline draws how a request stands: as a picture that is drawn again and
// again on a terminal, or as one plain line for each thing that changed. Drawing is
// pure; the request, the time and the look are given.
package timeline

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// View is what is drawn.
type View struct {
	Request console.Request
	Now     time.Time
	// Usual is how long the wait for Exchange usually takes; it is the length of the
	// wait's bar. Zero draws no bar.
	Usual time.Duration
}

// The columns of a step's line after its title.
const (
	stateWidth = 9
	triesWidth = 8
	timeWidth  = 12
	minTitle   = 16
	maxTitle   = 58
	indent     = "      "
	widestBar  = 30
)

// Draw gives the lines of the picture, each at most as wide as the look.
func Draw(v View, l Look) []string {
	title := v.titleWidth(l)
	var lines []string
	for _, s := range v.Request.Steps {
		lines = append(lines, v.step(s, title, l))
		lines = append(lines, v.explain(s, l)...)
	}
	return append(lines, "", v.progress(l))
}

func (v View) titleWidth(l Look) int {
	longest := minTitle
	for _, s := range v.Request.Steps {
		longest = max(longest, utf8.RuneCountInString(s.Title))
	}
	room := l.width() - 4 - 2 - stateWidth - 1 - triesWidth - timeWidth
	return max(minTitle, min(longest, maxTitle, room))
}

func (v View) step(s console.Step, title int, l Look) string {
	m := marks[s.State]
	text := pad(s.Title, title)
	if s.State == account.StepPending || s.State == account.StepSkipped {
		text = l.Dim(text)
	}
	line := "  " + l.paint(m.colour, m.glyph) + " " + text + "  " + l.paint(m.colour, pad(string(s.State), stateWidth))
	if s.Attempts == 0 {
		return line
	}
	return line + " " + pad(tries(s.Attempts), triesWidth) + fmt.Sprintf("%*s", timeWidth, console.Span(v.waited(s)))
}

// explain says under a step what it waits for, or why it failed and what to do.
func (v View) explain(s console.Step, l Look) (lines []string) {
	room := l.width() - len(indent)
	say := func(text string, colour string) {
		for _, line := range wrap(text, room) {
			lines = append(lines, indent+l.paint(colour, line))
		}
	}
	switch s.State {
	case account.StepWaiting, account.StepRetrying:
		if s.State == account.StepRetrying {
			say(s.Fault, dim)
		} else {
			say(meaning(s.FaultCode), dim)
		}
		lines = append(lines, indent+v.wait(s, l))
	case account.StepFailed:
		say(s.Fault, red)
		say(s.Remedy, "")
	case account.StepDone:
		say(s.Detail, dim)
	}
	return lines
}

// wait draws how long a wait lasts already and when it is tried again.
func (v View) wait(s console.Step, l Look) string {
	next := "next try in " + console.Span(s.NextTry.Sub(v.Now))
	if !s.NextTry.After(v.Now) {
		next = "next try now"
	}
	if s.StartedAt.IsZero() {
		return "starts in " + console.Span(s.NextTry.Sub(v.Now))
	}
	waited := v.waited(s)
	if v.Usual == 0 || s.FaultCode != string(fault.ExchangeNotReplicated) {
		return "waited " + console.Span(waited) + " · " + next
	}
	text := fmt.Sprintf("  %s of about %s · %s", console.Span(waited), console.Span(v.Usual), next)
	bar := l.barWidth()
	return l.bar(waited.Seconds(), v.Usual.Seconds(), bar, yellow) + fit(text, l.width()-len(indent)-bar)
}

// progress draws how much of the request is done.
func (v View) progress(l Look) string {
	finished, all := 0, len(v.Request.Steps)
	last := v.Request.CreatedAt
	for _, s := range v.Request.Steps {
		if s.State.Finished() {
			finished++
		}
		if s.FinishedAt.After(last) {
			last = s.FinishedAt
		}
	}
	if !v.Request.Over {
		last = v.Now
	}
	colour := green
	if v.Request.State == account.Failed || v.Request.State == account.Undoing || v.Request.State == account.Refused {
		colour = red
	}
	return "  " + l.bar(float64(finished), float64(all), l.barWidth()+4, colour) +
		fmt.Sprintf("  %d of %d steps · %s · ", finished, all, console.Span(last.Sub(v.Request.CreatedAt))) +
		l.paint(colourOf(v.Request.State), string(v.Request.State))
}

func colourOf(s account.State) string {
	switch s {
	case account.Succeeded:
		return green
	case account.Failed, account.Refused, account.Undoing:
		return red
	case account.Waits, account.Parked:
		return yellow
	}
	return ""
}

func (v View) waited(s console.Step) time.Duration {
	if s.StartedAt.IsZero() {
		return 0
	}
	if !s.FinishedAt.IsZero() {
		return s.FinishedAt.Sub(s.StartedAt)
	}
	return max(0, v.Now.Sub(s.StartedAt))
}

func tries(n int) string {
	if n == 1 {
		return "1 try"
	}
	return fmt.Sprintf("%d tries", n)
}

// meaning is what a fault code says in words.
func meaning(code string) string {
	for _, m := range fault.Meanings() {
		if string(m.Code) == code {
			return m.What
		}
	}
	return code
}
