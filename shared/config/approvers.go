package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/policy"
)

// approversVariable names approvers by their ids alone, separated by commas.
const approversVariable = "USHER_APPROVERS"

// approverTokensVariable gives approvers' own tokens, as ID=TOKEN with commas, in the
// place of those of the file. It is read under the name of a setting, which no file has.
const (
	approverTokensVariable = "USHER_APPROVER_TOKENS"
	approverTokens         = "approverTokens"
)

// minToken is the fewest characters of an approver's token: who guesses it is that person.
const minToken = 32

// ApproverToken proves who an approver is.
type ApproverToken struct {
	// ID is one of the person's ids.
	ID    string
	Token account.Secret
	// Where names the setting.
	Where string
}

// rawApprover is an approver as written.
type rawApprover struct {
	where           string
	id, name, email setting
	also            []setting
	token           setting
}

func (r *reader) readApprover(at string, n *yaml.Node) {
	a := rawApprover{where: where(at, n)}
	r.mapping(map[string]field{
		"id": r.one(&a.id), "name": r.one(&a.name), "email": r.one(&a.email), "also": r.texts(&a.also), "token": r.one(&a.token),
	})(at, n)
	r.approvers = append(r.approvers, a)
}

// people are the approvers. Somebody who would count for two is refused.
func (b *builder) people() (all []policy.Person) {
	for _, a := range b.approvers {
		p := policy.Person{ID: a.id.value, Name: a.name.value, Email: a.email.value, Also: b.filled(a.also)}
		switch {
		case p.ID == "":
			b.problems.add(a.where, "has no id; give what the person signs in with, such as id: ann@contoso.com")
		case p.Name == "":
			b.problems.add(a.where, "has no name; give the person's name as tickets write it")
		case strings.ContainsAny(p.ID, " \t<>"):
			b.problems.add(a.id.where, "%q is not an id; give what the person signs in with, such as ann@contoso.com", p.ID)
		case slices.ContainsFunc(all, p.Resembles):
			b.problems.add(a.where, "may be a person who is listed before, and would count for two")
		default:
			all = append(all, p)
		}
	}
	return all
}

// approverTokens proves the approvers' own tokens, beside the one that all share.
func (b *builder) approverTokens(shared account.Secret) (all []ApproverToken) {
	for _, t := range b.givenTokens() {
		same := func(other ApproverToken) bool { return other.Token.Reveal() == t.Token.Reveal() }
		switch {
		case len(t.Token.Reveal()) < minToken:
			b.problems.add(t.Where, "has fewer than %d characters; make one with: openssl rand -hex 32", minToken)
		case same(ApproverToken{Token: shared}):
			b.problems.add(t.Where, "is the token of the whole API (apiToken, USHER_API_TOKEN), which proves nobody; give the person another")
		case slices.ContainsFunc(all, same):
			b.problems.add(t.Where, "is the token of another approver; each needs one of their own")
		default:
			all = append(all, t)
		}
	}
	return all
}

func (b *builder) givenTokens() (given []ApproverToken) {
	if s, inVariable := b.values[approverTokens]; inVariable {
		return b.listedTokens(s)
	}
	for _, a := range b.approvers {
		if a.token.where == "" {
			continue
		}
		if token := b.secretOf(approverTokens, a.token); token != "" {
			given = append(given, ApproverToken{a.id.value, account.NewSecret(token), a.token.where})
		}
	}
	return given
}

// listedTokens takes ID=TOKEN with commas. Entries are named by their number: one that is
// written the wrong way round has its token before the =.
func (b *builder) listedTokens(s setting) (given []ApproverToken) {
	for i, entry := range strings.FieldsFunc(b.secretOf(approverTokens, s), isSeparator) {
		where := fmt.Sprintf("%s, entry %d", s.where, i+1)
		id, token, _ := strings.Cut(entry, "=")
		if id == "" || token == "" {
			b.problems.add(where, "is not ID=TOKEN")
			continue
		}
		given = append(given, ApproverToken{id, account.NewSecret(token), where})
	}
	return given
}
