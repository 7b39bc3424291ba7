package entra

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/usher365/usher/shared/account"
)

// pageSize is the largest page of users that Graph gives (reference: Microsoft Graph, List users).
const pageSize = 999

// UserPage reads a page of the accounts of a tenant, with their licences, in Graph's
// order: the first for an empty cursor, and then the one for the cursor that came with
// the page before, which may be long ago and in another process. An empty next is the
// end; until then never conclude that an account is gone. A cursor is Graph's next link:
// it holds no secret, and is followed below our endpoint only. The transient fault
// ListingExpired says that Graph has forgotten it, so begin again.
func (c *Client) UserPage(ctx context.Context, t account.TenantID, cursor string) (page []account.User, next string, err error) {
	call := call{doing: "list users", permission: "User.Read.All", unhurried: true}
	path := fmt.Sprintf("/users?$top=%d&$select=%s", pageSize, strings.Join(userFields, ","))
	return readPage(ctx, c, t, call, path, cursor, wireUser.user)
}

// Domains lists a tenant's domains (reference: Microsoft Graph, List domains).
func (c *Client) Domains(ctx context.Context, t account.TenantID) ([]account.Domain, error) {
	return collect(pages(ctx, c, t, call{doing: "list domains", permission: "Domain.Read.All"}, "/domains", wireDomain.domain))
}

// wireUser is a user as Graph writes it.
type wireUser struct {
	ID                string
	UserPrincipalName string
	Mail              string
	DisplayName       string
	AccountEnabled    bool
	Synced            bool   `json:"onPremisesSyncEnabled"`
	ImmutableID       string `json:"onPremisesImmutableId"`
	Marks             struct {
		ExtensionAttribute15 string
	} `json:"onPremisesExtensionAttributes"`
	AssignedLicenses []struct {
		SkuID string `json:"skuId"`
	}
	DeletedDateTime time.Time
}

func (w wireUser) key() string { return w.ID }

func (w wireUser) user() account.User {
	u := account.User{
		ObjectID: w.ID, UserPrincipalName: w.UserPrincipalName, Mail: w.Mail, DisplayName: w.DisplayName,
		Enabled: w.AccountEnabled, Stamp: w.Marks.ExtensionAttribute15, Synced: w.Synced, ImmutableID: w.ImmutableID, DeletedAt: w.DeletedDateTime,
	}
	for _, l := range w.AssignedLicenses {
		u.Licenses = append(u.Licenses, l.SkuID)
	}
	return u
}

// wireAssignment is a unifiedRoleAssignment as Graph writes it.
type wireAssignment struct {
	ID               string
	RoleDefinitionID string `json:"roleDefinitionId"`
	PrincipalID      string `json:"principalId"`
	DirectoryScopeID string `json:"directoryScopeId"`
}

func (w wireAssignment) key() string { return w.ID }

func (w wireAssignment) assignment() account.RoleAssignment {
	return account.RoleAssignment{ID: w.ID, RoleID: w.RoleDefinitionID, PrincipalID: w.PrincipalID, Scope: w.DirectoryScopeID}
}

// wireDomain is a domain as Graph writes it; its id is its name.
type wireDomain struct {
	ID                 string
	AuthenticationType string
	IsInitial          bool
	IsVerified         bool
}

func (w wireDomain) key() string { return w.ID }

func (w wireDomain) domain() account.Domain {
	return account.Domain{Name: w.ID, Initial: w.IsInitial, Verified: w.IsVerified, Federated: w.AuthenticationType == "Federated"}
}

// keyed is an object of a list; an object without an id is a damaged answer.
type keyed interface{ key() string }

// pages streams a list, following next links.
func pages[W keyed, T any](ctx context.Context, c *Client, t account.TenantID, call call, path string, convert func(W) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor, more := "", true; more; more = cursor != "" {
			var page []T
			var err error
			if page, cursor, err = readPage(ctx, c, t, call, path, cursor, convert); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// readPage reads the first page of a list, or the one at a cursor, to its end before it
// gives any object, so that a page that breaks off is repeated without giving anything twice.
func readPage[W keyed, T any](ctx context.Context, c *Client, t account.TenantID, call call, path, cursor string, convert func(W) T) (page []T, next string, err error) {
	address := cmp.Or(cursor, c.base.String()+path)
	call.goesOn = cursor != ""
	err = c.run(ctx, t, call, func(s *session) (err error) {
		page, next, err = fetchPage(ctx, s, call, address, convert)
		if _, broken := errors.AsType[*misread](err); broken {
			page, next, err = fetchPage(ctx, s, call, address, convert)
		}
		return err
	})
	if err == nil && next == address {
		err = classify(ctx, call, errIncomplete("a next link to the same page"))
	}
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

func fetchPage[W keyed, T any](ctx context.Context, s *session, call call, address string, convert func(W) T) ([]T, string, error) {
	if call.paced {
		s = s.patient()
	}
	req, err := s.request(ctx, http.MethodGet, address)
	if err != nil {
		return nil, "", err
	}
	if call.unhurried {
		// Gives way to other work when the tenant is near its limits (reference:
		// Microsoft Graph, service-specific throttling limits, "Identity and access").
		req.Raw().Header.Set("x-ms-throttle-priority", "low")
	}
	runtime.SkipBodyDownload(req)
	resp, err := s.send(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	page := make([]T, 0, pageSize)
	next, err := decodePage(resp.Body, func(w W) { page = append(page, convert(w)) })
	if err != nil {
		return nil, "", notUnderstood(resp, err)
	}
	return page, next, nil
}

// decodePage reads {"value":[…],"@odata.nextLink":"…"} object by object and returns
// the next link, empty on the last page. The list must be there, and the text must
// end after it: half a listing must not look like a small tenant.
func decodePage[W keyed](r io.Reader, each func(W)) (next string, err error) {
	dec := json.NewDecoder(r)
	if err := expect(dec, '{'); err != nil {
		return "", err
	}
	seen := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return "", err
		}
		switch name {
		case "value":
			if seen {
				return "", errors.New("two lists in one page")
			}
			seen, err = true, decodeList(dec, each)
		case "@odata.nextLink":
			err = dec.Decode(&next)
		default:
			err = dec.Decode(new(json.RawMessage))
		}
		if err != nil {
			return "", err
		}
	}
	if err := expect(dec, '}'); err != nil {
		return "", err
	}
	if !seen {
		return "", errors.New("a page without a list")
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", errors.New("text after the end of the page")
	}
	return next, nil
}

func decodeList[W keyed](dec *json.Decoder, each func(W)) error {
	if err := expect(dec, '['); err != nil {
		return err
	}
	for dec.More() {
		var w W
		if err := dec.Decode(&w); err != nil {
			return err
		}
		if w.key() == "" {
			return errors.New("an object without an id")
		}
		each(w)
	}
	return expect(dec, ']')
}

func expect(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%v where %v was expected", got, want)
	}
	return nil
}

func collect[T any](items iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// queryEscape escapes a query value; Graph is safest with %20 for a space.
func queryEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
