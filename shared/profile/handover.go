package profile

import (
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Delivery says how the password is handed over where a request does not say it.
type Delivery struct {
	// Method is vault, age or link. Empty means what the tenant's configuration says.
	Method account.DeliveryMethod `yaml:"method,omitempty" json:"method,omitempty"`
	// Recipients are public keys of age or SSH.
	Recipients []string `yaml:"recipients,omitempty" json:"recipients,omitempty"`
	// Keep leaves a copy in the vault when the password was handed over.
	Keep bool `yaml:"keep,omitempty" json:"keep,omitempty"`
}

// Rotation says how long a password is good.
type Rotation struct {
	// Days after which it is set anew and handed over again. Zero means never.
	Days int `yaml:"days" json:"days"`
}

// olderLink is the word that requests had for a link at first.
const olderLink = "oneTimeLink"

// DeliveryOf says how a password is handed over: as asked, else as the profile, else as
// the tenant's configuration says, else it stays in the vault. asked may be nil. Whether
// the keys are keys is for intake to see.
func DeliveryOf(p Profile, asked *events.Delivery, t account.Tenant) (account.Delivery, error) {
	d := t.Delivery
	if p.Delivery.Method != "" {
		d = account.Delivery(p.Delivery)
	}
	if asked != nil {
		given := account.Delivery{Method: account.DeliveryMethod(asked.Method), Recipients: asked.Recipients, Keep: p.Delivery.Keep}
		if asked.Method == olderLink {
			given.Method = account.DeliverByLink
		}
		if given.Method == account.DeliverByAge && len(given.Recipients) == 0 && d.Method == account.DeliverByAge {
			given.Recipients = d.Recipients
		}
		d = given
	}
	if d.Method == "" {
		d.Method = account.DeliverToVault
	}
	return d, checkDelivery(d)
}

func checkDelivery(d account.Delivery) error {
	switch {
	case d.Method == account.DeliverByAge && len(d.Recipients) == 0:
		return fault.Stopf(fault.RequestInvalid, "delivery.recipients: method age needs a public key of age or SSH to seal the password to")
	case d.Method != account.DeliverByAge && len(d.Recipients) > 0:
		return fault.Stopf(fault.RequestInvalid, "delivery.recipients goes with method age, not with %s", d.Method)
	case d.Method != account.DeliverToVault && !d.Leaves():
		return fault.Stopf(fault.RequestInvalid, "delivery.method %q is none of vault, age and link", d.Method)
	}
	return nil
}

// passwordOf puts into the plan where the password comes from and how it is handed over.
func passwordOf(p Profile, req events.Request, t account.Tenant, args *events.CreateArgs, acc *account.Account) error {
	pw := req.Account.Password
	brought := pw != nil && pw.Reference != ""
	if acc.AppID != "" {
		if brought || req.Delivery != nil && req.Delivery.Method != string(account.DeliverToVault) {
			return fault.Stopf(fault.RequestInvalid, "delivery and account.password.reference: an application has no password to hand over")
		}
		return nil
	}
	if acc.Origin == account.Adopted {
		switch {
		case brought:
			return fault.Stopf(fault.RequestInvalid, "account.password.reference: an existing account has a password already, which nobody changes")
		case req.Delivery != nil && req.Delivery.Method != string(account.DeliverToVault):
			return fault.Stopf(fault.RequestInvalid, "delivery.method %s: the password of an existing account is not ours to hand over", req.Delivery.Method)
		}
		return nil
	}
	delivery, err := DeliveryOf(p, req.Delivery, t)
	if err != nil {
		return err
	}
	if brought {
		if req.Delivery != nil && delivery.Leaves() {
			return fault.Stopf(fault.RequestInvalid, "delivery.method %s does not go with account.password.reference: who brings a password has it", delivery.Method)
		}
		if err := checkReference(pw.Reference, t); err != nil {
			return err
		}
		args.PasswordReference, acc.Password.RotateDays = pw.Reference, 0
		return nil
	}
	acc.Delivery, acc.Password.RotateDays = delivery, p.Rotation.Days
	return nil
}

// checkReference takes a reference below one of the places that the tenant's configuration
// allows, so that nobody has Usher read secrets that are not for it.
func checkReference(ref string, t account.Tenant) error {
	for _, prefix := range t.PasswordReferences {
		if rest, below := strings.CutPrefix(ref, prefix); below && rest != "" && !slices.Contains(strings.Split(rest, "/"), "..") {
			return nil
		}
	}
	// The reference is not quoted: it may be a password that somebody put there by mistake.
	return fault.Stopf(fault.RequestInvalid, "account.password.reference lies below none of the places that tenant %s allows (tenants[].passwordReferences)", t.Alias)
}

// handoverSteps are the last of a plan; there is none for a password that stays in the vault.
func handoverSteps(d account.Delivery, upn string) []account.Step {
	if !d.Leaves() {
		return nil
	}
	return []account.Step{newStep(events.StepHandOver, events.HandOver, "Hand over the password of "+upn, events.HandOverArgs{
		Part: events.HandOverDeliver, Method: string(d.Method), Recipients: d.Recipients, Keep: d.Keep,
	})}
}

func handoverPart(name, title string, part events.HandOverPart) account.Step {
	return newStep(name, events.HandOver, title, events.HandOverArgs{Part: part})
}

// RotationOf plans a new password. Only Privileged Authentication Administrators may reset
// the password of somebody who holds an administrator role (Microsoft Graph, users, "Who
// can reset passwords"): it is tried first, for our identity may be one. Where it may not,
// the roles are taken, the password is set, and the roles are given again; where it may,
// those steps find that nothing is to do.
func RotationOf(acc account.Account, d account.Delivery) []account.Step {
	upn := acc.UserPrincipalName
	held := heldRoles(acc)
	var steps []account.Step
	if len(held.Grants) > 0 {
		early := newStep("reset-early", events.HandOver, "Set a new password of "+upn, events.HandOverArgs{Part: events.HandOverReset, Early: true})
		steps = append(steps, early)
		steps = append(steps, revokeForReset(held)...)
	}
	steps = append(steps, handoverPart("reset", "Set a new password of "+upn, events.HandOverReset))
	steps = append(steps, grantSteps(held.Grants, held, nil)...)
	return append(steps, handoverSteps(d, upn)...)
}

// heldRoles is the account with only the directory roles that it has of us, Global
// Administrator first: where that one must not be taken, none is.
func heldRoles(acc account.Account) account.Account {
	var held []account.Grant
	for _, g := range acc.Grants {
		if g.Kind == account.DirectoryRole && g.Ours && g.State != account.GrantTaken && g.State != account.GrantPlanned {
			held = append(held, g)
		}
	}
	slices.SortStableFunc(held, func(a, b account.Grant) int { return rank(a) - rank(b) })
	acc.Grants = held
	return acc
}

func rank(g account.Grant) int {
	if g.Target == account.GlobalAdministrator {
		return 0
	}
	return 1
}

func revokeForReset(acc account.Account) (steps []account.Step) {
	names := namer{}
	for _, g := range acc.Grants {
		steps = append(steps, newStep(names.name("revoke-role-", g.Name), events.Revoke, "Take "+g.Name+" for a moment",
			events.RevokeArgs{Part: events.RevokeRole, Target: g.Target, Name: g.Name, ForReset: true}))
	}
	return steps
}
