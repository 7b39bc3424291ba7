// Package checkfitness looks, before an account is made or changed, whether it would be
// able to sign in and do its job, and says what would stop it. Where that was asked for
// and agreed to, it excludes the account from the Conditional Access policies that catch it.
package checkfitness

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/fitness"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/step"
)

// Tenant is what this function reads.
type Tenant interface {
	// Posture reads what decides about the sign-in of an account, by object id or user
	// principal name, or of the tenant alone for an empty name. What may not be read is
	// in Missing. It gives fault.UserNotFound when there is no such account.
	Posture(ctx context.Context, t account.TenantID, idOrName string) (fitness.Facts, error)
}

// AccessPolicies is what it changes.
type AccessPolicies interface {
	// SetExcluded puts a user, by object id, among those whom a Conditional Access policy
	// excludes, or takes it out, and reads back.
	SetExcluded(ctx context.Context, t account.TenantID, policy, user string, excluded bool) error
}

// Handler checks the fitness of accounts.
type Handler struct {
	tenant   Tenant
	policies AccessPolicies
}

// Policy is how patient the function is. An exclusion for which a permission is missing
// waits until somebody has granted it.
var Policy = step.Policy{Park: func(c fault.Code) bool { return c == fault.PermissionMissing }}

// patience is how long a tenant that cannot be read is asked again; then the work begins
// without the check. It is shorter than that of the policy.
const patience = 10 * time.Minute

// New makes the handler.
func New(t Tenant, p AccessPolicies) *Handler { return &Handler{t, p} }

type task = step.Task[events.CheckFitnessArgs]

// Handle does one part.
func (h *Handler) Handle(ctx context.Context, t task) (step.Result, error) {
	switch t.Args.Part {
	case "", events.FitnessCheck:
		return h.check(ctx, t)
	case events.FitnessExclude:
		return h.exclude(ctx, t)
	}
	return step.Result{}, fault.Stopf(fault.MalformedCommand, "checkfitness knows no part %q", t.Args.Part)
}

// check never fails an onboarding because the tenant could not be read.
func (h *Handler) check(ctx context.Context, t task) (step.Result, error) {
	facts, err := look(ctx, h.tenant, t.Tenant.ID, t.Account.ObjectID, t.Args)
	if err != nil && fault.ClassOf(err) != fault.Permanent && t.Waited() < patience {
		return step.Result{}, fault.NotReady(fault.CodeOf(err), err)
	}
	if err != nil {
		facts.Missing = append(facts.Missing, fitness.Missing{Part: "the tenant", Why: err.Error()})
	}
	findings := fitness.Evaluate(facts, fitness.NeedsOf(t.Args.Needs))
	res := step.Result{Detail: summary(findings), Learn: func(a *account.Account) { a.Fitness = remembered(t.Now, findings) }}
	if f := hopeless(findings, t.Args); f != nil {
		return res, fault.Stopf(fault.DomainFederated, "account.domain: %s %s", f.Text, sentence(f.Remedy))
	}
	res.Park = parked(findings, t.Args)
	return res, nil
}

// Assess is the check alone: it reads the tenant and says what stands in the account's way.
func Assess(ctx context.Context, from Tenant, acc account.Account, a events.CheckFitnessArgs, now time.Time) (account.Fitness, error) {
	facts, err := look(ctx, from, acc.Tenant, acc.ObjectID, a)
	if err != nil {
		return account.Fitness{}, err
	}
	return remembered(now, fitness.Evaluate(facts, fitness.NeedsOf(a.Needs))), nil
}

// look reads the facts about an account: under its object id if that is known, under its
// name if it exists, otherwise those of the tenant.
func look(ctx context.Context, from Tenant, tenant account.TenantID, objectID string, a events.CheckFitnessArgs) (fitness.Facts, error) {
	name := objectID
	if name == "" && a.Existing {
		name = a.UserPrincipalName
	}
	facts, err := from.Posture(ctx, tenant, name)
	if name != "" && fault.Is(err, fault.UserNotFound) {
		facts, err = from.Posture(ctx, tenant, "") // the next step says whether that is a mistake
	}
	if err != nil {
		return fitness.Facts{}, fmt.Errorf("see whether %s could sign in: %w", a.UserPrincipalName, err)
	}
	if facts.Account.ObjectID == "" {
		facts.Account = fitness.Account{UserPrincipalName: a.UserPrincipalName, Synced: a.Synced}
	}
	return facts, nil
}

// hopeless gives the finding that nothing cures after the account is made: an account
// made in Entra cannot sign in under a federated domain, whose provider does not know it.
func hopeless(findings []fitness.Finding, a events.CheckFitnessArgs) *fitness.Finding {
	for _, f := range findings {
		if f.Code == fitness.DomainFederated && f.Severity == fitness.Blocking && !a.Existing && !a.Synced {
			return &f
		}
	}
	return nil
}

// parked says why a person must agree before the work begins; empty when nobody must.
func parked(findings []fitness.Finding, a events.CheckFitnessArgs) string {
	if a.Mode != string(profile.FitnessPark) && a.Mode != string(profile.FitnessExclude) {
		return ""
	}
	var reasons []string
	for _, f := range findings {
		cured := f.Policy != "" && a.Excludes
		if f.Severity == fitness.Blocking && !cured {
			reasons = append(reasons, f.Text)
		}
	}
	if len(reasons) == 0 {
		return ""
	}
	return "the account would not do its job: " + strings.TrimSuffix(strings.Join(reasons, " "), ".")
}

func remembered(at time.Time, findings []fitness.Finding) account.Fitness {
	f := account.Fitness{CheckedAt: at}
	for _, one := range findings {
		f.Findings = append(f.Findings, account.Finding{
			Code: string(one.Code), Severity: string(one.Severity), Policy: one.Policy, Text: one.Text, Remedy: one.Remedy,
		})
	}
	return f
}

// summary says in one line what was found.
func summary(findings []fitness.Finding) string {
	var worth []string
	for _, f := range findings {
		if f.Severity != fitness.Note {
			worth = append(worth, fmt.Sprintf("%s: %s", f.Severity, f.Text))
		}
	}
	if len(worth) == 0 {
		return "Nothing stands in the way"
	}
	return strings.Join(worth, " ")
}

// sentence makes a remedy a sentence of its own.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
