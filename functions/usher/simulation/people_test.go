package simulation

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"time"

	"filippo.io/age/agessh"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/usher365/usher/shared/account"
)

// wish is what a person asks for.
type wish struct {
	// name is the account's, without its domain; that of a connection is its profile's.
	name             string
	request, account map[string]any
	connection       bool
}

// kinds of people, by what they ask for.
var kinds = []func(*person, *wish){
	func(*person, *wish) {},
	func(*person, *wish) {},
	func(_ *person, w *wish) { w.request["profile"] = "kaspersky-quarantine" },
	(*person).ofExisting,
	func(_ *person, w *wish) { w.name = foreign },
	func(_ *person, w *wish) { w.grants("practice-protect-federation", "Global Administrator") },
	func(_ *person, w *wish) { w.grants("sam360", "Service Support Administrator", missingGroup) },
	func(p *person, w *wish) { // perhaps a second request for somebody else's account
		w.name = fmt.Sprint("svc", p.random.upTo(p.number+1, p.number, "whose"))
	},
	func(_ *person, w *wish) { w.request["profile"], w.account["mode"] = "kaspersky-quarantine", "synced" },
	(*person).ofConnection,
	(*person).ofConnection,
}

// wish makes up an onboarding.
func (p *person) wish() *wish {
	w := &wish{name: fmt.Sprint("svc", p.number), account: map[string]any{"mode": "create"}}
	w.request = map[string]any{"profile": "sam360"}
	kinds[p.random.upTo(len(kinds), p.number, "kind")](p, w)
	if !w.connection {
		w.account["userName"] = w.name
	}
	w.request["account"] = w.account
	p.bounded(w)
	p.delivered(w)
	if !w.connection && p.chance(0.3, "second factor") {
		w.account["mfa"] = "excluded"
	}
	p.dress(w.request, "onboard", fmt.Sprint("T", p.number))
	return w
}

// grants asks for one directory role and role groups.
func (w *wish) grants(profile, role string, groups ...string) {
	w.request["profile"] = profile
	w.request["access"] = map[string]any{"directoryRoles": []string{role}, "exchangeRoleGroups": append([]string{}, groups...)}
}

func (p *person) ofExisting(w *wish) {
	w.grants("kaspersky-quarantine", "Security Administrator", "View-Only Organization Management")
	w.name = existing[p.random.upTo(len(existing), p.number, "existing")]
	w.account["mode"] = "existing"
}

// scopes are whom connections are for; nobody chose the first one.
var scopes = []map[string]any{
	nil,
	{"mode": "all"},
	{"mode": "selected", "users": []string{"AdeleV@contoso.com"}},
	{"mode": "selected", "groups": []string{finance}},
	{"mode": "selected", "users": []string{"AdeleV@contoso.com", "DiegoS@contoso.com"}, "groups": []string{finance}, "primaryUser": "AdeleV@contoso.com"},
}

// ofConnection is an application's, which an administrator consents to.
func (p *person) ofConnection(w *wish) {
	w.name = []string{"trendmicro-cas", "mediafly-intelligence"}[p.random.upTo(2, p.number, "vendor")]
	w.connection, w.account = true, map[string]any{"mode": "application"}
	w.request["profile"] = w.name
	if scope := scopes[p.random.upTo(len(scopes), p.number, "scope")]; scope != nil {
		w.request["access"] = map[string]any{"scope": maps.Clone(scope)}
	}
}

// bounded has the account's life end, perhaps while the story lasts.
func (p *person) bounded(w *wish) {
	if p.chance(0.3, "has an end") {
		end := time.Now().Add(time.Hour + p.random.within(4*24*time.Hour, p.number, "end"))
		w.request["lifetime"] = map[string]any{"expiresAt": end.UTC().Format(time.RFC3339)}
	}
}

// delivered has the password of a new account handed over.
func (p *person) delivered(w *wish) {
	if w.connection || w.account["mode"] == "existing" {
		return
	}
	switch p.random.upTo(4, p.number, "delivery") {
	case 0:
		w.request["delivery"] = map[string]any{"method": "age", "recipients": []string{p.key()}}
	case 1:
		w.request["delivery"] = map[string]any{"method": "link"}
	}
}

// key gives the person's public key.
func (p *person) key() string {
	seed := sha256.Sum256([]byte(p.random.id(p.number, "key")))
	private := ed25519.NewKeyFromSeed(seed[:])
	public, err := ssh.NewPublicKey(private.Public())
	require.NoError(p, err)
	identity, err := agessh.NewEd25519Identity(private)
	require.NoError(p, err)
	text := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[text] = identity
	return text
}

func (p *person) farewell(w *wish) map[string]any {
	request := map[string]any{"account": map[string]any{"userName": w.name}}
	if w.connection {
		request = map[string]any{"profile": w.name, "account": w.account}
	}
	p.dress(request, "offboard", fmt.Sprint("F", p.number))
	return request
}

// tend is what people do about what they asked for, before they think better of it.
func (p *person) tend(w *wish, answer reply) {
	if p.chance(0.3, "gives the ticketing system a push") {
		p.sleep(12*time.Hour, "until the push")
		p.approve(answer.RequestID)
	}
	if p.chance(0.6, "opens the link") {
		p.open(answer)
	}
	if !w.connection && p.chance(0.3, "rotates") {
		p.sleep(6*time.Hour, "until the rotation")
		p.about(answer, func(u *process, a account.Account) error {
			_, err := u.desk.Rotate(p.ctx, a, "olga", "somebody left the vendor", nil)
			return err
		})
		if p.chance(0.5, "opens the second link") {
			p.open(answer)
		}
	}
	if p.chance(0.3, "extends") {
		p.sleep(time.Hour, "until the extension")
		p.extend(answer)
	}
}

func (p *person) extend(answer reply) {
	until := time.Now().Add(30 * 24 * time.Hour)
	var request account.Request
	p.about(answer, func(u *process, a account.Account) (err error) {
		request, err = u.desk.Extend(p.ctx, a, "olga", "the vendor is needed longer", account.Extension{Until: until})
		return err
	})
	if request.ID != "" {
		p.approve(request.ID)
	}
}

// about orders something about the account of a request.
func (p *person) about(answer reply, order func(*process, account.Account) error) {
	p.insist(func(u *process) error {
		request, err := u.ledger.Request(p.ctx, answer.RequestID)
		if err != nil {
			return err
		}
		a, err := u.ledger.Account(p.ctx, request.AccountID)
		if err != nil {
			return err
		}
		return order(u, a)
	})
}
