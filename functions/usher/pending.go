package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/functions/console"
)

// showPending says what a parked request needs, and from whom.
func (p *program) showPending(r console.Request) error {
	if r.Pending == nil {
		return nil
	}
	return p.printf("\n%s\n%s\n", p.look.Bold("What it waits for"), strings.Join(pendingLines(r), "\n"))
}

func pendingLines(r console.Request) []string {
	w := r.Pending
	lines := []string{w.Why}
	for _, reason := range w.Reasons {
		lines = append(lines, fmt.Sprintf("%s: %s; %s", reason.Right, reason.Tier, reason.Why))
	}
	for _, a := range w.Counted {
		lines = append(lines, fmt.Sprintf("approved by %s on %s %s, which counts until %s", a.By, date(a.At), a.How(), date(w.Until)))
	}
	for _, a := range w.Void {
		lines = append(lines, fmt.Sprintf("the approval by %s of %s does not count: %s", a.By, date(a.At), a.Why))
	}
	for _, who := range w.MayApprove {
		if slices.Contains(w.WithToken, who.ID) {
			lines = append(lines, fmt.Sprintf("%s may agree, with their own token: usher approve %s", who.Name, r.ID))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s may agree: usher approve %s --by %s", who.Name, r.ID, who.ID))
	}
	for _, s := range w.Narrower {
		lines = append(lines, fmt.Sprintf("narrower: %s (%s) instead of %s serves when %s", s.Offer, s.Tier, s.Instead, s.When))
	}
	if w.Digest != "" {
		lines = append(lines, "digest "+w.Digest)
	}
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	return lines
}
