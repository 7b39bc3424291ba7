package policy

import "fmt"

// Limits bound how many Global Administrators a tenant has. Two to eight is the SCuBA
// baseline for Microsoft Entra ID (MS.AAD.7.1).
type Limits struct {
	Min int `yaml:"min" json:"min"`
	Max int `yaml:"max" json:"max"`
}

// Limits bound the number of Global Administrators of a tenant, by its alias.
func (p Policy) Limits(alias string) Limits { return p.For(alias).Administrators }

// MayAdd says why one more Global Administrator must not be made, where the tenant has
// the given number of them; nil when it may. A service account does not make up for a
// missing administrator, because it is to go again: so there must be Min before it.
func (l Limits) MayAdd(holders int) error {
	switch {
	case holders < l.Min:
		return fmt.Errorf("the tenant has %d Global Administrators and should have %d before a service account becomes one, or it could not be taken away again", holders, l.Min)
	case holders >= l.Max:
		return fmt.Errorf("the tenant has %d Global Administrators, and %d is the most it should have", holders, l.Max)
	}
	return nil
}

// Exceeded says that a tenant has too many Global Administrators, where it has the given
// number beside one that was just made; nil when it has not: two may be made at once.
func (l Limits) Exceeded(others int) error {
	if others >= l.Max {
		return fmt.Errorf("the tenant has %d Global Administrators now, others were made at the same time, and %d is the most it should have", others+1, l.Max)
	}
	return nil
}

// MayRemove says why one Global Administrator must not be taken away, where the tenant
// has the given number of them with this one; nil when it may. Nothing ever takes the
// last one away, not even the zero Limits.
func (l Limits) MayRemove(holders int) error {
	least := max(l.Min, 1)
	if left := holders - 1; left < least {
		return fmt.Errorf("%d Global Administrators would be left to the tenant, and it should have %d: make another one first", max(left, 0), least)
	}
	return nil
}

// limits checks the numbers of a file.
func (bad *problems) limits(l Limits) {
	if l.Min < 1 || l.Max <= l.Min {
		bad.add("globalAdministrators: min is %d and max is %d: use at least 1, and a max above min", l.Min, l.Max)
	}
}
