package config

import (
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/address"
)

// HandOver is the page where people take passwords from one-time links.
type HandOver struct {
	// Address is where they reach it, https and with a path of its own; empty means that
	// there is no page.
	Address string
	// Life is how long a link works; zero means a day.
	Life time.Duration
}

// rawDelivery is a tenant's way to hand passwords over, as written.
type rawDelivery struct {
	method     setting
	recipients []setting
}

// taken are the first parts of paths that the HTTP server answers otherwise.
var taken = []string{"", "api", "v1", "webhooks", "consent", "healthz", "readyz", "metrics"}

// maxLinkLife is the longest life of a one-time link.
const maxLinkLife = 7 * 24 * time.Hour

func (b *builder) handover() HandOver {
	h := HandOver{Address: strings.TrimRight(b.or("handover.address", ""), "/")}
	if s, given := b.values["handover.life"]; given && s.value != "" {
		life, err := time.ParseDuration(s.value)
		if err != nil || life < time.Minute || life > maxLinkLife {
			b.problems.add(s.where, "%q is not a time between 1m and 168h, such as 24h", s.value)
		}
		h.Life = life
	}
	at := b.values["handover.address"]
	if h.Address == "" {
		return h
	}
	u, err := address.Secure(h.Address)
	switch {
	case err != nil:
		b.problems.add(at.where, "%v (passwords travel there)", err)
	case slices.Contains(taken, firstPart(u.Path)):
		b.problems.add(at.where, "needs a path of its own, such as /handover")
	}
	return h
}

func firstPart(path string) string {
	part, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return part
}

func (b *builder) delivery(d rawDelivery) account.Delivery {
	found := account.Delivery{Method: account.DeliveryMethod(d.method.value), Recipients: b.filled(d.recipients)}
	switch byAge := found.Method == account.DeliverByAge; {
	case found.Method != "" && found.Method != account.DeliverToVault && !found.Leaves():
		b.problems.add(d.method.where, "%q is none of vault, age and link", found.Method)
	case byAge && len(found.Recipients) == 0:
		b.problems.add(d.method.where, "age needs recipients: public keys of age or SSH")
	case !byAge && len(found.Recipients) > 0:
		b.problems.add(d.recipients[0].where, "recipients go with method age only")
	}
	return found
}

// passwordPlaces takes the places of passwords that requests may bring. Each ends at a slash,
// so that prod/ does not open prod-other.
func (b *builder) passwordPlaces(given []setting) []string {
	for _, s := range given {
		scheme, rest, _ := strings.Cut(s.value, ":")
		known := slices.Contains([]string{inSecretsManager, inKeyVault, inDirectory}, scheme+":")
		switch {
		case !known || rest == "" || !strings.HasSuffix(rest, "/") || strings.Contains(rest, ".."):
			b.problems.add(s.where, "is not the beginning of a reference up to a slash, such as aws-secretsmanager:usher-passwords/ or azure-keyvault:https://NAME.vault.azure.net/secrets/")
		case scheme+":" == inDirectory && (!strings.HasPrefix(rest, "/") || b.values["serviceBus.namespace"].value+b.values["serviceBus.connectionString"].value != ""):
			b.problems.add(s.where, "file:/DIR/ is for one process on one machine, with a whole path")
		}
	}
	return b.filled(given)
}
