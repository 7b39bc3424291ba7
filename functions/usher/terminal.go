package main

import (
	"os"

	"golang.org/x/term"

	"github.com/usher365/usher/functions/usher/timeline"
)

// terminal finds out whether stdout is a terminal and how wide it is. Colour only goes
// to a terminal, and not there when NO_COLOR is set (no-color.org) or TERM is dumb.
func (p *program) terminal() {
	f, ok := p.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return
	}
	kind, _ := p.env("TERM")
	p.live = kind != "dumb"
	noColour, _ := p.env("NO_COLOR")
	p.look = timeline.Look{Colour: p.live && noColour == ""}
	p.measure(f)
}

// measure follows a window whose size is changed.
func (p *program) measure(f *os.File) {
	if width, height, err := term.GetSize(int(f.Fd())); err == nil {
		p.look.Width, p.height = width, height
	}
}
