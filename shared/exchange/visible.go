package exchange

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
)

// visibleAtOnce is how many accounts one Visible call asks about; a filter has a
// limit that is not documented.
const visibleAtOnce = 40

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Visible reports which of the accounts Exchange knows, keyed by the object id as
// given, with one call (Get-User with a filter) for up to 40 accounts. An account
// without a well-formed object id is not asked about and not in the answer.
//
// It is a hint that saves calls, not a verdict. True is certain: the record carried the
// account's object id. False may come from a filter that Exchange reads differently,
// or from a server behind the others. A caller therefore tries the real operation
// after some of those, as package patience does, and on any error.
func (c *Client) Visible(ctx context.Context, tenant account.TenantID, members ...account.Member) (map[string]bool, error) {
	s, err := c.session(tenant)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, m := range members {
		if guid.MatchString(m.ObjectID) {
			seen[m.ObjectID] = false
		}
	}
	asked := make([]string, 0, len(seen))
	for id := range seen {
		asked = append(asked, id)
	}
	slices.Sort(asked)
	for ids := range slices.Chunk(asked, visibleAtOnce) {
		if err := c.look(ctx, s, ids, seen); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

func (c *Client) look(ctx context.Context, s *session, ids []string, seen map[string]bool) error {
	clauses := make([]string, len(ids))
	for i, id := range ids {
		clauses[i] = "ExternalDirectoryObjectId -eq '" + id + "'"
	}
	records, err := c.read(ctx, s, cmdGetUser, parameters{
		"Filter": strings.Join(clauses, " -or "), "ResultSize": everything,
	})
	if err != nil {
		return fmt.Errorf("see which accounts have reached Exchange: %w", err)
	}
	for _, r := range records {
		for _, id := range ids {
			if strings.EqualFold(r.text("ExternalDirectoryObjectId"), id) {
				seen[id] = true
			}
		}
	}
	return nil
}
