package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usher365/usher/shared/account"
)

// Approval is one person's word for one request, as it is kept in the ledger.
type Approval = account.Approval

// Case is a parked request as its approvers see it.
type Case struct {
	Decision Decision
	// Digest is the one of the Subject as it is now.
	Digest string
	// Requesters are the texts that name who asked: the ticket's requester, and whoever
	// else sent the request. None of them may approve.
	Requesters []string
	// Approvers may approve, and Life is how long an approval counts: see Rules.
	Approvers []Person
	Life      time.Duration
}

// Standing is how far the approvals of a case have come.
type Standing struct {
	// Granted says that the request may go on.
	Granted bool `json:"granted"`
	// Missing is how many more people have to agree.
	Missing int `json:"missing"`
	// Counted are the approvals that count, the newest first.
	Counted []Approval `json:"counted,omitempty"`
	// Void are those that do not.
	Void []Void `json:"void,omitempty"`
	// Until is when the first of the counted approvals lapses; zero without one.
	Until time.Time `json:"until,omitzero"`
	// MayApprove are the people who may still agree.
	MayApprove []Person `json:"mayApprove,omitempty"`
	// Why says what stands in the way; empty when Granted.
	Why string `json:"why,omitempty"`
}

// Void is an approval that does not count.
type Void struct {
	Approval
	Why string `json:"why"`
}

// Check says why an approval does not count at the given time; nil when it does,
// unless the same person has approved already, which Standing sees.
func (c Case) Check(a Approval, now time.Time) error {
	_, err := c.approver(a, now)
	return err
}

func (c Case) approver(a Approval, now time.Time) (Person, error) {
	i := slices.IndexFunc(c.Approvers, func(p Person) bool { return p.Is(a.By) })
	switch {
	case !c.Decision.Tier.Allows():
		return Person{}, errors.New("the policy forbids what is asked for, whoever approves")
	case i < 0:
		return Person{}, fmt.Errorf("%s is not one of the approvers", printable(a.By))
	case c.Digest == "" || a.Digest != c.Digest:
		return Person{}, errors.New("it was given for another content of the request")
	case a.At.IsZero() || a.At.After(now):
		return Person{}, errors.New("it is dated in the future, or not at all")
	case !now.Before(a.At.Add(c.Life)):
		return Person{}, fmt.Errorf("it lapsed on %s", a.At.Add(c.Life).UTC().Format(time.DateTime))
	}
	return c.Approvers[i], c.refuses(c.Approvers[i])
}

// refuses says why a person may not approve this request.
func (c Case) refuses(p Person) error {
	if len(c.named()) == 0 {
		return errors.New("the request does not say who asks (ticket.requester), so nobody is known to be somebody else")
	}
	if slices.ContainsFunc(c.Requesters, p.MayBe) {
		return fmt.Errorf("%s asked for the request", p.Name)
	}
	return nil
}

// named are the requesters that say anything.
func (c Case) named() []string {
	return slices.DeleteFunc(slices.Clone(c.Requesters), func(r string) bool { return len(namesIn(r)) == 0 })
}

// Standing counts the approvals of a case. It is pure; the order of approvals does not
// matter. Of two approvals by one person the newer counts.
func (c Case) Standing(approvals []Approval, now time.Time) Standing {
	var s Standing
	newest := slices.Clone(approvals)
	slices.SortStableFunc(newest, func(a, b Approval) int { return b.At.Compare(a.At) })
	agreed := map[string]bool{}
	for _, a := range newest {
		p, err := c.approver(a, now)
		if err == nil && agreed[p.ID] {
			err = fmt.Errorf("%s has approved already", p.Name)
		}
		if err != nil {
			s.Void = append(s.Void, Void{a, err.Error()})
			continue
		}
		agreed[p.ID] = true
		s.Counted = append(s.Counted, a)
		s.Until = a.At.Add(c.Life) // the oldest comes last
	}
	s.Missing = max(0, c.Decision.Needs.Approvers-len(s.Counted))
	for _, p := range c.Approvers {
		if !agreed[p.ID] && c.refuses(p) == nil {
			s.MayApprove = append(s.MayApprove, p)
		}
	}
	s.Why = c.obstacle(s)
	s.Granted = s.Why == ""
	return s
}

// obstacle says what stands in the way of a case; empty when nothing does.
func (c Case) obstacle(s Standing) string {
	missing := people(s.Missing)
	switch {
	case !c.Decision.Tier.Allows():
		return "the policy forbids what is asked for"
	case s.Missing == 0:
		return ""
	case len(c.named()) == 0:
		return "the request does not say who asks (ticket.requester): send it again with a name"
	case len(s.MayApprove) < s.Missing:
		return fmt.Sprintf("%s must still agree, and the policy names only %d who may: add approvers", missing, len(s.MayApprove))
	}
	return missing + " must still agree"
}

func people(n int) string {
	words := map[int]string{1: "one person", 2: "two people"}
	return cmp.Or(words[n], fmt.Sprintf("%d people", n))
}
