package fitness

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
)

// Evaluate says what would keep the account from signing in and doing its job, worst
// first. It always ends with a word on whether an application would be the better choice.
func Evaluate(f Facts, n Needs) []Finding {
	if n.AppIdentity == AppOnly {
		return []Finding{appIdentity(n, nil)}
	}
	var found []Finding
	for _, look := range []func(Facts, Needs) []Finding{
		signIn, domain, securityDefaults, conditionalAccess, perUserMFA, mandatoryMFA, legacy, licences, missing,
	} {
		found = append(found, look(f, n)...)
	}
	found = append(found, appIdentity(n, found))
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return found
}

func rank(s Severity) int { return slices.Index([]Severity{Blocking, Warning, Note}, s) }

// severity is Blocking where nobody can answer a second factor, otherwise a warning.
func (n Needs) severity() Severity {
	if n.Unattended {
		return Blocking
	}
	return Warning
}

const (
	useApp = "let the product sign in as an application, which no rule about second factors concerns"
	enrol  = "let whoever uses the account register a second factor at the first sign-in"
)

// answer is the remedy for a second factor that cannot be waived.
func (n Needs) answer(otherwise string) string {
	if n.Unattended {
		return otherwise
	}
	return enrol
}

func signIn(f Facts, _ Needs) []Finding {
	if f.Account.ObjectID == "" || f.Account.Enabled {
		return nil
	}
	where := "enable it in Entra"
	if f.Account.Synced {
		where = "enable it in on-premises Active Directory, and wait for the sync"
	}
	return []Finding{{Code: SignInBlocked, Severity: Blocking,
		Text: fmt.Sprintf("Sign-in of %s is blocked.", f.Account.UserPrincipalName), Remedy: where + ", or choose another account"}}
}

func domain(f Facts, n Needs) []Finding {
	name := domainOf(f.Account.UserPrincipalName)
	i := slices.IndexFunc(f.Domains, func(d account.Domain) bool { return strings.EqualFold(d.Name, name) })
	initial := "use the tenant's initial onmicrosoft.com domain"
	for _, d := range f.Domains {
		if d.Initial {
			initial = "use the domain " + d.Name
		}
	}
	switch {
	case len(f.Domains) == 0 || name == "":
		return nil
	case i < 0 || !f.Domains[i].Verified:
		return []Finding{{Code: DomainNotVerified, Severity: Blocking,
			Text: fmt.Sprintf("%s is no verified domain of the tenant.", name), Remedy: initial + ", or verify this one"}}
	case !f.Domains[i].Federated:
		return nil
	case f.Account.Synced:
		return []Finding{{Code: DomainFederated, Severity: n.severity(),
			Text:   fmt.Sprintf("The domain %s is federated: the sign-in goes through its identity provider, with that one's rules, and fails when it is away.", name),
			Remedy: "ask who runs the identity provider whether this account may sign in there without a second factor, or " + initial}}
	}
	return []Finding{{Code: DomainFederated, Severity: Blocking,
		Text:   fmt.Sprintf("The domain %s is federated: its identity provider does not know an account that is made in Entra, and the password set there is never asked for.", name),
		Remedy: initial}}
}

// securityDefaults concern every account, and exclude none (reference: Microsoft Entra,
// Security defaults).
func securityDefaults(f Facts, n Needs) []Finding {
	if !f.SecurityDefaults {
		return nil
	}
	text := "The tenant's security defaults are on: every account has to register a second factor"
	if len(n.Roles)+len(f.Account.Roles) > 0 {
		text += ", administrators are asked for it at their sign-ins"
	}
	return []Finding{{Code: SecurityDefaults, Severity: n.severity(), Text: text + ", and no account can be excluded.",
		Remedy: n.answer(useApp + "; or replace the security defaults by Conditional Access policies, which can exclude an account (Entra ID P1)")}}
}

func perUserMFA(f Facts, n Needs) []Finding {
	state := strings.ToLower(f.Account.PerUserMFA)
	if state == "" || state == "disabled" {
		return nil
	}
	return []Finding{{Code: PerUserMFA, Severity: n.severity(),
		Text:   fmt.Sprintf("Per-user multifactor authentication of %s is %s.", f.Account.UserPrincipalName, state),
		Remedy: n.answer("set it to disabled for this account, with the owner's agreement; or " + useApp)}}
}

// mandatoryMFA: reference: Microsoft Entra, Planning for mandatory multifactor
// authentication for Azure and other admin portals.
func mandatoryMFA(_ Facts, n Needs) []Finding {
	if !n.AdminPortals {
		return nil
	}
	return []Finding{{Code: MandatoryMFA, Severity: n.severity(),
		Text:   "The product works in an admin portal, where Microsoft asks every user account for a second factor; no setting of the tenant changes that.",
		Remedy: n.answer(useApp + "; otherwise somebody has to answer the second factor")}}
}

func legacy(f Facts, n Needs) []Finding {
	i := slices.IndexFunc(n.Clients, Client.legacy)
	if i < 0 {
		return nil
	}
	found := Finding{Code: LegacyAuthentication, Severity: Warning,
		Text:   fmt.Sprintf("The product signs in with %s, which cannot answer a second factor and which Exchange Online refuses in most cases.", n.Clients[i].words()),
		Remedy: "ask the vendor for a version that uses modern authentication"}
	if f.SecurityDefaults {
		found.Severity = Blocking
		found.Text += " The tenant's security defaults block it."
	}
	return []Finding{found}
}

func licences(f Facts, n Needs) (found []Finding) {
	for _, p := range n.Plans {
		if slices.ContainsFunc(p.AnyOf, func(name string) bool { return contains(f.Account.Plans, name) }) {
			continue
		}
		found = append(found, Finding{Code: LicenceMissing, Severity: Blocking,
			Text:   fmt.Sprintf("The account has no licence for %s.", p.For),
			Remedy: "assign it a licence that includes " + strings.Join(p.AnyOf, " or ")})
	}
	return found
}

func missing(f Facts, _ Needs) (found []Finding) {
	for _, m := range f.Missing {
		found = append(found, Finding{Code: NotRead, Severity: Warning,
			Text:   fmt.Sprintf("Nobody looked at %s: %s.", m.Part, strings.TrimSuffix(m.Why, ".")),
			Remedy: "grant the permission and look again, or check it by hand"})
	}
	return found
}

// aboutSignIn are the findings that an application would not meet.
var aboutSignIn = []Code{SecurityDefaults, ConditionalAccess, PerUserMFA, MandatoryMFA, LegacyAuthentication, DomainFederated}

func appIdentity(n Needs, found []Finding) Finding {
	inTheWay := slices.ContainsFunc(found, func(f Finding) bool { return f.Severity == Blocking && slices.Contains(aboutSignIn, f.Code) })
	f := Finding{Code: UseAppIdentity, Severity: Note}
	switch n.AppIdentity {
	case AppOnly:
		f.Text = "The product signs in as an application: no account with a password is needed, and rules about second factors do not concern it."
	case AppAccepted:
		if inTheWay {
			f.Severity = Warning
		}
		f.Text, f.Remedy = "The product can sign in as an application, which is the better choice: it has no password that people could use, and its rights are its own.", useApp
	case AppRefused:
		f.Text = "An application would be the better choice than an account with a password, but the product does not offer it."
		if inTheWay {
			f.Remedy = "ask the vendor when it will; until then, exclude the account where that is possible, and write down why"
		}
	default:
		f.Text, f.Remedy = "An application would be the better choice than an account with a password, if the product can sign in as one.", "ask the vendor"
	}
	return f
}

// contains compares without case: ids and names of Entra have none.
func contains(list []string, wanted string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, wanted) })
}
