package fullsync

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// settling is how long after the last work on a connection a consent that does not show
// may be on its way through the directory.
const settling = 15 * time.Minute

// connections looks at the consent of every connection, and ends what is told about
// connections that are no more.
func (l *health) connections(ctx context.Context, open map[string]ledger.Notice) error {
	list, err := l.active(ctx)
	if err != nil {
		return err
	}
	ill := false
	apis := map[string]account.ServicePrincipal{}
	for _, c := range list {
		key := l.key(ConsentMissing, c.ID)
		kind, text, err := l.connection(ctx, c, apis)
		switch {
		case err != nil:
			l.cannotSee("the consent of "+c.UserPrincipalName, err)
		case kind == "":
			l.well(key)
		case l.now.Sub(c.TriedAt) < settling:
			l.cannotSee("the consent of "+c.UserPrincipalName, fmt.Errorf("%s, which may only not show yet: the connection was worked on in the last %.0f minutes", text, settling.Minutes()))
		default:
			ill = true
			l.found[key] = l.consentMissing(c, key, text)
		}
	}
	for key, n := range open {
		if _, there := list[n.AccountID]; n.Kind == ConsentMissing && !there {
			l.well(key)
		}
	}
	if !ill {
		return nil
	}
	return l.unchanged(ctx, list)
}

// active are the connections that should work, by id.
func (l *health) active(ctx context.Context) (map[string]account.Account, error) {
	all, err := l.Books.Accounts(ctx, ledger.Filter{Tenant: l.tenant.ID, Limit: -1})
	if err != nil {
		return nil, fmt.Errorf("list the connections of %s: %w", l.tenant.Alias, err)
	}
	list := map[string]account.Account{}
	for _, a := range all {
		if a.AppID != "" && a.State == account.AccountActive {
			list[a.ID] = a
		}
	}
	return list, nil
}

// unchanged forgets the troubles of connections that were worked on while we looked: what
// is missing may have been taken on purpose.
func (l *health) unchanged(ctx context.Context, before map[string]account.Account) error {
	now, err := l.active(ctx)
	if err != nil {
		return err
	}
	for id, c := range before {
		if !reflect.DeepEqual(c.Grants, now[id].Grants) {
			delete(l.found, l.key(ConsentMissing, id))
		}
	}
	return nil
}

func (l *health) consentMissing(c account.Account, key, text string) *ledger.Notice {
	n := &ledger.Notice{
		Key: key, Tenant: c.Tenant, AccountID: c.ID, RequestID: c.RequestID, Kind: ConsentMissing, Mail: l.Operators, By: events.FullSync, RaisedAt: l.now,
		Text: fmt.Sprintf("%s does not work any more: %s. 'usher reconnect %s' asks for it again; to end it, take it back.", c.UserPrincipalName, text, c.UserPrincipalName),
	}
	if c.Owner.Email != "" {
		n.Mail = []string{c.Owner.Email}
	}
	return n
}

// connection says what is wrong with the consent of a connection, and of what kind of
// finding that is; empty when nothing is.
func (l *health) connection(ctx context.Context, c account.Account, apis map[string]account.ServicePrincipal) (kind, text string, err error) {
	wanted := givenTo(c)
	for app, rights := range wanted {
		p, there, err := l.Consents.ServicePrincipal(ctx, l.tenant.ID, app)
		switch {
		case err != nil:
			return "", "", err
		case !there:
			return ApplicationMissing, fmt.Sprintf("application %s is gone from tenant %s", app, l.tenant.Alias), nil
		case p.Disabled:
			return ApplicationDisabled, fmt.Sprintf("%s is switched off in tenant %s (Enterprise applications)", p.DisplayName, l.tenant.Alias), nil
		}
		lacks, err := l.lacks(ctx, p.ObjectID, rights, apis)
		if err != nil {
			return "", "", err
		}
		if len(lacks) > 0 {
			return ConsentMissing, fmt.Sprintf("%s no longer has the permissions %s in tenant %s", p.DisplayName, strings.Join(lacks, ", "), l.tenant.Alias), nil
		}
	}
	return "", "", nil
}

// givenTo are the permissions that a connection was given, by application id.
func givenTo(c account.Account) map[string][]account.AppPermission {
	wanted := map[string][]account.AppPermission{}
	for _, g := range c.Grants {
		if g.State != account.GrantGiven {
			continue
		}
		if g.Kind == account.Application {
			app := strings.ToLower(g.Target)
			wanted[app] = append(wanted[app], []account.AppPermission{}...)
		}
		if app, right, ok := g.Kind.ParseTarget(g.Target); ok {
			app = strings.ToLower(app)
			wanted[app] = append(wanted[app], right)
		}
	}
	return wanted
}

// lacks names the permissions that an application does not hold any more.
func (l *health) lacks(ctx context.Context, principal string, rights []account.AppPermission, apis map[string]account.ServicePrincipal) (names []string, err error) {
	held, err := l.Consents.Grants(ctx, l.tenant.ID, principal)
	if err != nil {
		return nil, err
	}
	var delegated []account.DelegatedGrant
	for _, r := range rights {
		if r.Delegated && delegated == nil {
			if delegated, err = l.Consents.DelegatedGrants(ctx, l.tenant.ID, principal); err != nil {
				return nil, err
			}
		}
		api, known := apis[r.Resource]
		if !known {
			if api, _, err = l.Consents.ServicePrincipal(ctx, l.tenant.ID, r.Resource); err != nil {
				return nil, err
			}
			apis[r.Resource] = api
		}
		if !shows(r, api, held, delegated) {
			names = append(names, r.String())
		}
	}
	return names, nil
}

func shows(r account.AppPermission, api account.ServicePrincipal, held []account.AppGrant, delegated []account.DelegatedGrant) bool {
	for _, d := range delegated {
		if r.Delegated && d.UserID == "" && d.ResourceID == api.ObjectID && d.Holds(r.Name) {
			return true
		}
	}
	for _, g := range held {
		if !r.Delegated && g.Same(account.AppGrant{ResourceID: api.ObjectID, PermissionID: api.Permissions[r.Name]}) {
			return true
		}
	}
	return false
}
