package intake

import (
	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

// Candidate gives the account that a request document would make or change, and what the
// fitness check would be asked about it. Nothing is taken.
func (d *Desk) Candidate(document []byte) (account.Account, events.CheckFitnessArgs, error) {
	var none events.CheckFitnessArgs
	o := order{now: d.Now()}
	if err := d.read(document, &o); err != nil {
		return account.Account{}, none, err
	}
	if o.req.Action == string(account.Offboard) {
		return account.Account{}, none, fault.Stopf(fault.RequestInvalid, "action offboard: an account that goes need not be fit for anything")
	}
	p, err := d.profileOf(o.req)
	if err != nil {
		return account.Account{}, none, err
	}
	planned, err := profile.Plan(p, o.req, o.tenant, o.now)
	if err != nil {
		return account.Account{}, none, err
	}
	acc := planned.Account
	return acc, profile.FitnessArgs(p, o.req, acc, acc.OnPremises.Mastered()), nil
}

// Standing gives what the fitness check would be asked about an account as it is.
func (d *Desk) Standing(acc account.Account) events.CheckFitnessArgs {
	p, _ := d.Profiles.Get(acc.Profile) // of a profile that is gone nothing is known
	args := profile.FitnessArgs(p, events.Request{}, acc, acc.OnPremises.Mastered())
	args.Existing = true
	return args
}

// SignsIn gives what an account needs in order to sign in and do its job. asked is false
// when its profile does not ask for fitness.
func (d *Desk) SignsIn(acc account.Account) (needs events.FitnessNeeds, asked bool) {
	p, _ := d.Profiles.Get(acc.Profile)
	return d.Standing(acc).Needs, p.Fitness.Asked()
}
