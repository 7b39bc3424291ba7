package account

// ConsentMethod is how an application comes by its permissions.
type ConsentMethod string

const (
	// ConsentDirect gives them without anybody opening a page.
	ConsentDirect ConsentMethod = "direct"
	// ConsentLink has an administrator of the tenant give them on Microsoft's page.
	ConsentLink ConsentMethod = "link"
)

// Known reports whether it is one of the two.
func (m ConsentMethod) Known() bool { return m == ConsentDirect || m == ConsentLink }

// Consents are the tenant's choices about applications.
type Consents struct {
	// Method is how consent is given in this tenant; empty leaves it to the profile.
	Method ConsentMethod
	// Applications are application ids by profile, in place of the profile's own.
	Applications map[string]string
}

// Connection is how an account's applications were consented to.
type Connection struct {
	// ConsentMethod is how the account's consents were planned; empty without any.
	ConsentMethod ConsentMethod `json:",omitempty"`
	// PolicyChange is what was done to the tenant's admin consent request policy; nil for nothing.
	PolicyChange *PolicyChange `json:",omitempty"`
}

// PolicyChange is a tenant's consent policy before Usher set it, and as it was set.
type PolicyChange struct {
	Before, Set ConsentPolicy
	// Over is what Usher had set earlier, when this is not the first change; else nil.
	Over *ConsentPolicy `json:",omitempty"`
}

// Found is the policy that Set was to replace.
func (c PolicyChange) Found() ConsentPolicy {
	if c.Over != nil {
		return *c.Over
	}
	return c.Before
}

// Since gives what somebody changed after Usher set the policy, one line for each setting;
// empty when it is exactly what Usher set, now or earlier.
func (c PolicyChange) Since(now ConsentPolicy) []string {
	if c.Over != nil && len(c.Over.Changes(now)) == 0 {
		return nil
	}
	return c.Set.Changes(now)
}

// ConsentRequestPolicy is the Target of such a grant, and the setting's name in a policy.
const ConsentRequestPolicy = "admin-consent-request-policy"
