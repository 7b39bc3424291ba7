// Package create makes (or adopts) the service account, in Entra or, for accounts that
// are synced, in on-premises Active Directory.
package create

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Directory is what this function needs of Entra.
type Directory interface {
	// User finds an account by object id or user principal name; fault.UserNotFound when there is none.
	User(ctx context.Context, t account.TenantID, name string) (account.User, error)
	// UserByImmutableID finds a synced account; fault.UserNotFound when it does not show (yet).
	UserByImmutableID(ctx context.Context, t account.TenantID, immutableID string) (account.User, error)
	// CreateUser makes an account; fault.NameTaken when the name exists.
	CreateUser(ctx context.Context, t account.TenantID, u account.NewUser) (account.User, error)
	// RoleAssignments lists the directory roles a principal holds.
	RoleAssignments(ctx context.Context, t account.TenantID, principal string) ([]account.RoleAssignment, error)
}

// Vault keeps passwords sealed. SealOnce gives back what is sealed under key
// already, so that a retry uses the password of the attempt whose reply was lost.
type Vault interface {
	SealOnce(ctx context.Context, key string, make func() (account.Secret, error)) (ref string, s account.Secret, err error)
	Replace(ctx context.Context, key string, s account.Secret) (ref string, err error)
}

// Passwords makes a password that contains none of the given names.
type Passwords func(avoid ...string) (account.Secret, error)

// Handler makes accounts.
type Handler struct {
	directory  Directory
	vault      Vault
	passwords  Passwords
	onPremises OnPremises
	// references is nil where no password can be brought.
	references References
}

// Policy is how patient the function is: Entra shows a new account within
// seconds, seldom minutes (Microsoft's provider for Terraform waits up to 10). A synced
// account has to wait for Entra Connect.
var Policy = step.Policy{Waits: map[fault.Code]step.Waiting{fault.EntraConnectNotSynced: step.EntraConnect}}

// New makes the handler.
func New(d Directory, v Vault, p Passwords, o OnPremises) *Handler {
	return &Handler{directory: d, vault: v, passwords: p, onPremises: o}
}

// Handle makes or adopts the account. The object id is on record as soon as it is known.
func (h *Handler) Handle(ctx context.Context, t step.Task[events.CreateArgs]) (step.Result, error) {
	switch {
	case t.Args.Adopt:
		return h.adopt(ctx, t)
	case t.Args.AwaitSync:
		return h.awaitSync(ctx, t)
	case t.Args.OnPremises != nil:
		return h.synced(ctx, t)
	}
	if t.Account.ObjectID != "" {
		return h.readBack(ctx, t, t.Account.ObjectID)
	}
	name := t.Args.UserPrincipalName()
	switch found, err := h.directory.User(ctx, t.Tenant.ID, name); {
	case err == nil:
		return h.claim(ctx, t, found)
	case !fault.Is(err, fault.UserNotFound):
		return step.Result{}, fmt.Errorf("look for %s: %w", name, err)
	}
	return h.make(ctx, t)
}

// claim takes an account that exists already, if it bears our stamp: the reply of an
// earlier attempt was lost, and the password sealed for that attempt is the account's.
func (h *Handler) claim(ctx context.Context, t step.Task[events.CreateArgs], found account.User) (step.Result, error) {
	if found.Stamp != account.StampOf(t.Account.RequestID) {
		return step.Result{}, fault.Stopf(fault.NameTaken,
			"%s exists in the tenant (object %s) and was not made by this request", found.UserPrincipalName, found.ObjectID)
	}
	ref, _, err := h.seal(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	return step.Result{Detail: "Found as made by an earlier attempt: " + found.ObjectID, Learn: made(t, found.ObjectID, ref)}, nil
}

func (h *Handler) make(ctx context.Context, t step.Task[events.CreateArgs]) (step.Result, error) {
	ref, password, err := h.seal(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	user, err := h.directory.CreateUser(ctx, t.Tenant.ID, newUser(t, password))
	switch {
	case fault.Is(err, fault.NameTaken):
		return h.resolve(ctx, t, err)
	case fault.Is(err, fault.PasswordRejected):
		return step.Result{}, h.replace(ctx, t, err)
	case err != nil:
		return step.Result{}, fmt.Errorf("create %s: %w", t.Args.UserPrincipalName(), err)
	}
	res, err := h.readBack(ctx, t, user.ObjectID)
	res.Learn = made(t, user.ObjectID, ref)
	return res, err
}

// seal puts the password away before the account exists. A password sealed by an
// earlier attempt is used again. One that the requester brings lies in a vault already.
func (h *Handler) seal(ctx context.Context, t step.Task[events.CreateArgs]) (string, account.Secret, error) {
	if t.Args.PasswordReference != "" {
		password, err := h.brought(ctx, t.Args)
		return "", password, err
	}
	ref, password, err := h.vault.SealOnce(ctx, vaultKey(t), func() (account.Secret, error) {
		return h.passwords(avoid(t.Args)...)
	})
	if err != nil {
		return "", account.Secret{}, fmt.Errorf("seal the password of %s: %w", t.Args.UserPrincipalName(), err)
	}
	return ref, password, nil
}

func vaultKey(t step.Task[events.CreateArgs]) string { return string(t.Tenant.ID) + "/" + t.Account.ID }

// resolve looks who has the name: our own account, whose reply was lost, or somebody else's.
func (h *Handler) resolve(ctx context.Context, t step.Task[events.CreateArgs], taken error) (step.Result, error) {
	found, err := h.directory.User(ctx, t.Tenant.ID, t.Args.UserPrincipalName())
	if fault.Is(err, fault.UserNotFound) {
		return step.Result{}, fault.NotReadyf(fault.UserNotReadable, "the name is taken but not readable yet: %w", taken)
	}
	if err != nil {
		return step.Result{}, fmt.Errorf("see who has the name %s: %w", t.Args.UserPrincipalName(), err)
	}
	return h.claim(ctx, t, found)
}

// maxPasswords is how many passwords are tried before a person must look at the tenant's rules.
const maxPasswords = 3

func (h *Handler) replace(ctx context.Context, t step.Task[events.CreateArgs], rejected error) error {
	if t.Step.Failures+1 >= maxPasswords || t.Args.PasswordReference != "" {
		return fault.Stop(fault.CodeOf(rejected), rejected)
	}
	password, err := h.passwords(avoid(t.Args)...)
	if err != nil {
		return err
	}
	if _, err := h.vault.Replace(ctx, vaultKey(t), password); err != nil {
		return fmt.Errorf("seal another password: %w", err)
	}
	return fault.Retry(fault.CodeOf(rejected), 0, rejected)
}

// readBack makes sure that the account can be read under its id; until then the step waits.
func (h *Handler) readBack(ctx context.Context, t step.Task[events.CreateArgs], id string) (step.Result, error) {
	user, err := h.directory.User(ctx, t.Tenant.ID, id)
	if fault.Is(err, fault.UserNotFound) {
		return step.Result{}, fault.NotReadyf(fault.UserNotReadable, "%s was made as %s and does not show yet", t.Args.UserPrincipalName(), id)
	}
	if err != nil {
		return step.Result{}, fmt.Errorf("read back %s: %w", id, err)
	}
	return step.Result{Detail: fmt.Sprintf("Made %s, object %s", user.UserPrincipalName, user.ObjectID)}, nil
}

// adopt takes an existing account, made in Entra or synced from Active Directory, and
// notes the directory roles it has already: those are not ours to take away. Nothing of
// the account is written.
func (h *Handler) adopt(ctx context.Context, t step.Task[events.CreateArgs]) (step.Result, error) {
	user, err := h.directory.User(ctx, t.Tenant.ID, t.Args.UserPrincipalName())
	if err != nil {
		return step.Result{}, fmt.Errorf("find %s to adopt it: %w", t.Args.UserPrincipalName(), err)
	}
	if t.Tenant.Protects(user.ObjectID, user.UserPrincipalName) {
		return step.Result{}, fault.Stopf(fault.AccountProtected, "%s is a protected account of this tenant", user.UserPrincipalName)
	}
	held, err := h.directory.RoleAssignments(ctx, t.Tenant.ID, user.ObjectID)
	if err != nil {
		return step.Result{}, fmt.Errorf("list the roles %s has already: %w", user.UserPrincipalName, err)
	}
	detail := fmt.Sprintf("Adopted %s, object %s", user.UserPrincipalName, user.ObjectID)
	if user.Synced {
		detail += ", which is synced from Active Directory"
	}
	return step.Result{
		Detail: detail,
		Learn:  func(a *account.Account) { a.ObjectID = user.ObjectID; disown(a, held) },
	}, nil
}

// disown marks the roles the account had before us. An adoption is looked at only
// once: after it, a role that shows is one we gave.
func disown(a *account.Account, held []account.RoleAssignment) {
	for _, r := range held {
		if g := a.Grant(account.DirectoryRole, r.RoleID); g != nil && g.State == account.GrantPlanned {
			g.Ours = false
		}
	}
}

func made(t step.Task[events.CreateArgs], objectID, secretRef string) func(*account.Account) {
	return func(a *account.Account) {
		a.ObjectID, a.SecretRef = objectID, secretRef
		a.Password.SetAt, a.Password.SetBy = t.Now, t.Request.ID
	}
}

func avoid(a events.CreateArgs) []string {
	return append(strings.Fields(a.DisplayName), a.UserName, a.GivenName, a.Surname)
}

func newUser(t step.Task[events.CreateArgs], password account.Secret) account.NewUser {
	a := t.Args
	return account.NewUser{
		UserPrincipalName: a.UserPrincipalName(), MailNickname: mailNickname(a.UserName), DisplayName: a.DisplayName,
		GivenName: a.GivenName, Surname: a.Surname, UsageLocation: a.UsageLocation,
		Password: password, PasswordNeverExpires: a.PasswordNeverExpires, Stamp: account.StampOf(t.Account.RequestID),
	}
}

// mailNickname leaves out what a mail alias must not have though a sign-in name may.
func mailNickname(userName string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("'!#^~", r) {
			return -1
		}
		return r
	}, userName)
}
