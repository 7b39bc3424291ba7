package grantconsent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

// People finds reviewers.
type People interface {
	User(ctx context.Context, t account.TenantID, name string) (account.User, error)
	GroupsNamed(ctx context.Context, t account.TenantID, name string) ([]account.Group, error)
}

// merge lays what is asked for over the policy as it is. Reviewers are added.
func merge(now account.ConsentPolicy, asked events.ConsentPolicy, reviewers []account.Reviewer) account.ConsentPolicy {
	want := now
	want.Reviewers = slices.Clone(now.Reviewers)
	for flag, given := range map[*bool]*bool{&want.Enabled: asked.Enabled, &want.Mails: asked.Notify, &want.Reminders: asked.Remind} {
		if given != nil {
			*flag = *given
		}
	}
	if asked.RequestExpiresDays > 0 {
		want.Days = asked.RequestExpiresDays
	}
	for _, r := range reviewers {
		if !slices.Contains(want.Reviewers, r) {
			want.Reviewers = append(want.Reviewers, r)
		}
	}
	return want
}

func (h *Setting) reviewers(ctx context.Context, t account.TenantID, names []string) (all []account.Reviewer, err error) {
	for _, name := range names {
		r, err := h.reviewer(ctx, t, name)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// reviewer finds whom a request names: a user by user principal name, a directory role or
// a group by name, each also by id with its kind before it.
func (h *Setting) reviewer(ctx context.Context, t account.TenantID, text string) (account.Reviewer, error) {
	kind, name, prefixed := strings.Cut(text, ":")
	role, _, known := profile.Role(name)
	if !prefixed {
		kind, name = "", text
		role, _, known = profile.Role(name)
	}
	switch {
	case kind == string(account.ReviewerRole) || kind == "" && known:
		if !known {
			return account.Reviewer{}, fault.Stopf(fault.UnknownRole, "access.consentPolicy.reviewers: Usher knows no directory role %q", name)
		}
		return account.Reviewer{Kind: account.ReviewerRole, ID: role}, nil
	case kind == string(account.ReviewerUser) || kind == "" && strings.Contains(name, "@"):
		return h.user(ctx, t, name)
	case kind == string(account.ReviewerGroup) || kind == "":
		return h.group(ctx, t, name)
	}
	return account.Reviewer{}, fault.Stopf(fault.RequestInvalid, "access.consentPolicy.reviewers: %q begins with none of user:, group: and role:", text)
}

func (h *Setting) user(ctx context.Context, t account.TenantID, name string) (account.Reviewer, error) {
	u, err := h.people.User(ctx, t, name)
	switch {
	case fault.Is(err, fault.UserNotFound):
		return account.Reviewer{}, fault.Stopf(fault.UserNotFound, "access.consentPolicy.reviewers: unable to find a user matching %q: give the whole user principal name", name)
	case err != nil:
		return account.Reviewer{}, fmt.Errorf("look for the reviewer %s: %w", name, err)
	}
	return account.Reviewer{Kind: account.ReviewerUser, ID: u.ObjectID}, nil
}

func (h *Setting) group(ctx context.Context, t account.TenantID, name string) (account.Reviewer, error) {
	found, err := h.people.GroupsNamed(ctx, t, name)
	switch {
	case err != nil:
		return account.Reviewer{}, fmt.Errorf("look for the reviewers %s: %w", name, err)
	case len(found) == 0:
		return account.Reviewer{}, fault.Stopf(fault.GroupNotFound, "access.consentPolicy.reviewers: there is no directory role and no group of exactly the name %q; a user is named by the whole user principal name", name)
	case len(found) > 1:
		return account.Reviewer{}, fault.Stopf(fault.GroupNotFound, "access.consentPolicy.reviewers: %d groups are called %q: name one as group: with its object id", len(found), name)
	}
	return account.Reviewer{Kind: account.ReviewerGroup, ID: found[0].ObjectID}, nil
}
