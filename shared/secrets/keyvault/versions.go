package keyvault

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// version is one enabled version of a secret. Its time is the service's, in whole seconds.
type version struct {
	id      string
	created time.Time
}

// order puts older versions first. Those of one second have an order too, if an
// arbitrary one: what counts is that everybody sees the same.
func order(a, b version) int {
	return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id))
}

// position finds a version in a list, -1 when it is not there.
func position(found []version, one version) int {
	return slices.IndexFunc(found, func(v version) bool { return v.id == one.id })
}

// settleTime is how long after its creation a version may still be preceded by one
// that nobody has seen: the second that both share, and a margin for the clocks of the
// service's machines.
const settleTime = 2 * time.Second

// maxLooks bounds the waiting for versions to settle.
const maxLooks = 5

// versions lists the enabled versions of a secret in their order, and tells the
// service's time. A secret that does not exist has none.
func (v *Vault) versions(ctx context.Context, name string) (found []version, now time.Time, err error) {
	var answer *http.Response
	pager := v.client.NewListSecretPropertiesVersionsPager(name, nil)
	for pager.More() {
		limited, cancel := context.WithTimeout(policy.WithCaptureResponse(ctx, &answer), callTimeout)
		page, err := pager.NextPage(limited)
		cancel()
		err = classify(ctx, "list the versions of", name, err)
		if statusOf(err) == http.StatusNotFound {
			return nil, serverTime(answer), nil
		}
		if err != nil {
			return nil, time.Time{}, err
		}
		// The time of the first page: what the list lacks came after it.
		if now.IsZero() {
			now = serverTime(answer)
		}
		for _, item := range page.Value {
			if one, enabled := versionOf(item.ID, item.Attributes); enabled {
				found = append(found, one)
			}
		}
	}
	slices.SortFunc(found, order)
	return found, now, nil
}

func versionOf(id *azsecrets.ID, a *azsecrets.SecretAttributes) (one version, enabled bool) {
	if id == nil || a == nil || a.Created == nil {
		return version{}, false
	}
	return version{id.Version(), *a.Created}, a.Enabled == nil || *a.Enabled
}

// settled lists the enabled versions when it is certain which is the first: no version
// can come any more that precedes ours, or the first one where ours is zero.
func (v *Vault) settled(ctx context.Context, name string, ours version) ([]version, error) {
	for range maxLooks {
		found, now, err := v.versions(ctx, name)
		if err != nil || len(found) == 0 && ours.id == "" {
			return nil, err
		}
		last := ours
		if ours.id == "" {
			last = found[0]
		}
		wait := last.created.Add(settleTime).Sub(now)
		if wait <= 0 && (ours.id == "" || position(found, ours) >= 0) {
			return found, nil
		}
		if err := v.sleep(ctx, min(max(wait, time.Second), settleTime)); err != nil {
			return nil, sealed.Unavailable("wait for the versions of %s to settle: %w", name, err)
		}
	}
	return nil, sealed.Unavailable("the versions of %s do not settle; somebody discards it, or Key Vault is behind", name)
}

// set adds a version. A name that waits for the end of its soft-deletion is recovered first.
func (v *Vault) set(ctx context.Context, name string, s account.Secret) (one version, err error) {
	if s.IsZero() {
		return version{}, sealed.Refused("%w", sealed.ErrEmpty)
	}
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := v.client.SetSecret(limited, name, azsecrets.SetSecretParameters{Value: to.Ptr(s.Reveal()), ContentType: to.Ptr(sealed.Description)}, nil)
	err = classify(ctx, "set", name, err)
	if innerOf(err) == innerDeleted {
		return version{}, v.recover(ctx, name)
	}
	if err != nil {
		return version{}, err
	}
	one, enabled := versionOf(answer.ID, answer.Attributes)
	if !enabled {
		return version{}, sealed.Unavailable("Key Vault set %s and does not say as which version", name)
	}
	return one, nil
}

// recover takes a name back that Discard deleted: all its versions are disabled. What a
// person deleted stays deleted until that person recovers or purges it. It always gives
// an error, for a recovery takes the service some seconds.
func (v *Vault) recover(ctx context.Context, name string) error {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	gone, err := v.client.GetDeletedSecret(limited, name, nil)
	if err := meanwhile(classify(ctx, "look at the deleted", name, err)); err != nil {
		return err
	}
	if _, enabled := versionOf(gone.ID, gone.Attributes); enabled {
		return sealed.Unavailable("the secret %s was deleted, though not by Usher; recover it (az keyvault secret recover), or purge it", name)
	}
	_, err = v.client.RecoverDeletedSecret(limited, name, nil)
	if err := meanwhile(classify(ctx, "recover", name, err)); err != nil {
		return err
	}
	return sealed.UnavailableFor(settleTime, "the name %s was discarded before and is being recovered", name)
}

// meanwhile makes a 404 about what was there a moment ago something that passes:
// another process recovers or discards it.
func meanwhile(err error) error {
	if statusOf(err) == http.StatusNotFound {
		return sealed.Unavailable("another process recovers or discards it at this moment: %w", errors.Unwrap(err))
	}
	return err
}

func (v *Vault) value(ctx context.Context, name, id string) (account.Secret, error) {
	s, err := fetch(ctx, v.client, name, id)
	return s, meanwhile(err)
}

// fetch gets the text of a version; an empty one means the current.
func fetch(ctx context.Context, c *azsecrets.Client, name, id string) (account.Secret, error) {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := c.GetSecret(limited, name, id, nil)
	if err := classify(ctx, "get", name, err); err != nil {
		return account.Secret{}, err
	}
	if answer.Value == nil || *answer.Value == "" {
		return account.Secret{}, sealed.Refused("the secret %s holds no text", name)
	}
	return account.NewSecret(*answer.Value), nil
}

func (v *Vault) disable(ctx context.Context, name, id string) error {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := v.client.UpdateSecretProperties(limited, name, id, azsecrets.UpdateSecretPropertiesParameters{
		SecretAttributes: &azsecrets.SecretAttributes{Enabled: to.Ptr(false)},
	}, nil)
	return meanwhile(classify(ctx, "disable a version of", name, err))
}
