package policy

import (
	"cmp"
	"fmt"
	"strings"
)

// Explain says for people what a request needs and why: the text of 'usher policy
// explain'. It ends with a line break.
func Explain(d Decision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", verdict(d))
	if d.Tier.Allows() {
		section(&b, "It needs", d.Needs.sentences())
	}
	var reasons []string
	for _, r := range d.Reasons {
		reasons = append(reasons, fmt.Sprintf("%s: %s; %s", r.Right, r.Tier, r.Why))
	}
	section(&b, "Because of", reasons)
	section(&b, "Missing in the request", d.Unmet)
	var offers []string
	for _, s := range d.Narrower {
		offers = append(offers, fmt.Sprintf("%s (%s) instead of %s: serves when %s", s.Offer, s.Tier, s.Instead, s.When))
	}
	section(&b, "Narrower", offers)
	return b.String()
}

func verdict(d Decision) string {
	switch d.Tier {
	case Automatic:
		return "Automatic: nobody has to agree."
	case OneApprover:
		return "One approver has to agree, who is not the requester."
	case TwoApprovers:
		return "Two different approvers have to agree, neither of them the requester."
	}
	return "Forbidden: nobody can approve this."
}

func section(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, line := range lines {
		fmt.Fprintf(b, "  - %s\n", line)
	}
}

// sentences lists the needs in words, but for the approvers.
func (n Needs) sentences() (all []string) {
	if n.Owner {
		all = append(all, "an owner with a mail address")
	}
	if n.EndDate {
		within := ""
		if n.MaxDays > 0 {
			within = fmt.Sprintf(", at most %d days after the start", n.MaxDays)
		}
		all = append(all, "an end date"+within)
	}
	if n.Alert {
		all = append(all, "an alert when it is given")
	}
	return all
}

// Summary is the decision in one line, for a ticket: what it takes and which right
// asks for it. Empty when nobody has to agree.
func (d Decision) Summary() string {
	if d.Tier == Automatic {
		return ""
	}
	var asked []Right
	for _, r := range d.Reasons {
		if r.Tier == d.Tier {
			asked = append(asked, r.Right)
		}
	}
	what, is, needs := cmp.Or(together(asked), "the request"), " is", " needs "
	if len(asked) > 1 {
		is, needs = " are", " need "
	}
	if !d.Tier.Allows() {
		return what + is + " forbidden by the policy"
	}
	return what + needs + d.Tier.String()
}

// together names rights in one phrase, those of one kind and API with their names in a row.
func together(rights []Right) string {
	type family struct {
		kind Kind
		of   string
	}
	var families []family
	names := map[family][]string{}
	for _, r := range rights {
		f := family{r.Kind, r.of()}
		if names[f] == nil {
			families = append(families, f)
		}
		names[f] = append(names[f], printable(r.Name))
	}
	var phrases []string
	for _, f := range families {
		word := f.kind.word()
		if len(names[f]) > 1 {
			word += "s"
		}
		phrases = append(phrases, word+" "+strings.Join(names[f], ", ")+f.of)
	}
	return strings.Join(phrases, " and ")
}
