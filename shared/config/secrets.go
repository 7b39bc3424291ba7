package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const byReference = "write env:NAME, file:/PATH, aws-secretsmanager:NAME or azure-keyvault:https://VAULT.vault.azure.net/secrets/NAME, never the secret itself"

// The services that keep secrets, by the beginning of references to them. As the
// beginning of a vault's address they say where passwords are sealed.
const (
	inSecretsManager = "aws-secretsmanager:"
	inKeyVault       = "azure-keyvault:"
	// inDirectory is the beginning of a vault's address only.
	inDirectory = "file:"
)

// kept reports whether a text is a reference to a secret that a service keeps.
func kept(text string) bool {
	return strings.HasPrefix(text, inSecretsManager) || strings.HasPrefix(text, inKeyVault)
}

// secretSettings are the settings, beside the webhooks' sources, that may be references.
var secretSettings = []string{"database", "databasePassword", "serviceBus.connectionString", apiToken, approverTokens, callbackSecret, mailPassword}

// fetched is what a resolver gave for a reference.
type fetched struct {
	secret account.Secret
	err    error
}

var errNoResolver = errors.New("this command does not fetch secrets from there; give another reference, or set the environment variable to the secret itself")

// fetch gets every secret that a service keeps and this process uses, all at once. What
// failed is told where the secret is used.
func (b *builder) fetch(resolve Resolver) {
	b.fetched = map[string]fetched{}
	for _, key := range secretSettings {
		b.note(key, b.values[key])
	}
	for _, settings := range b.sources {
		for _, s := range settings {
			b.note(webhookSources, s)
		}
	}
	for _, a := range b.approvers {
		b.note(approverTokens, a.token)
	}
	for _, t := range b.tenants {
		b.note(directoryPassword, t.activeDirectory.values["password"])
	}
	if resolve == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, ref := range b.references() {
		group.Go(func() {
			secret, err := resolve.Resolve(ctx, ref)
			mu.Lock()
			defer mu.Unlock()
			b.fetched[ref] = fetched{secret, err}
		})
	}
	group.Wait()
}

// note remembers a setting's reference to a service, as not fetched yet.
func (b *builder) note(secret string, s setting) {
	if !b.uses(secret) {
		return
	}
	text := s.value
	if name, indirect := strings.CutPrefix(text, "env:"); indirect && !s.literal {
		text = lookup(b.env, name)
	}
	if kept(text) {
		b.fetched[text] = fetched{err: errNoResolver}
	}
}

func (b *builder) references() (refs []string) {
	for ref := range b.fetched {
		refs = append(refs, ref)
	}
	return refs
}

// secret follows a reference. It gives an empty text where there is a problem.
func (b *builder) secret(s setting) string {
	kind, name, _ := strings.Cut(s.value, ":")
	switch {
	case !b.mustRefer(s):
		return ""
	case s.literal || kept(s.value):
		return b.follow(s.where, s.value)
	case kind == "env":
		value := lookup(b.env, name)
		if value == "" {
			b.problems.add(s.where, "the environment variable %s is not set", name)
		}
		return b.follow(s.where, value)
	}
	return b.secretFile(s.where, name)
}

// mustRefer refuses what is no reference, unless the environment gives the secret itself.
func (b *builder) mustRefer(s setting) bool {
	kind, name, _ := strings.Cut(s.value, ":")
	if s.literal || kept(s.value) || kind == "env" && name != "" || kind == "file" && filepath.IsAbs(name) {
		return true
	}
	b.problems.add(s.where, "must be a reference; %s", byReference)
	return false
}

// follow gives the secret itself, or what a service keeps where the text is a reference.
func (b *builder) follow(where, text string) string {
	if !kept(text) {
		return text
	}
	got := b.fetched[text]
	value := strings.TrimSpace(got.secret.Reveal())
	switch f, ours := errors.AsType[*fault.Error](got.err); {
	case ours:
		b.problems.add(where, "%s cannot be fetched: %v", text, f.Err)
	case got.err != nil:
		b.problems.add(where, "%s cannot be fetched: %v", text, got.err)
	case value == "":
		b.problems.add(where, "%s is empty", text)
	default:
		return value
	}
	return ""
}

func (b *builder) secretFile(where, path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		b.problems.add(where, "the secret cannot be read: %v", err)
		return ""
	}
	value := strings.TrimSpace(string(text))
	if value == "" {
		b.problems.add(where, "the file %s is empty", path)
	}
	return value
}

// vault takes the address of a vault as it is written; whoever opens it looks at the rest.
func (b *builder) vault() string {
	s := b.values["vault"]
	for _, scheme := range []string{inDirectory, inSecretsManager, inKeyVault + "https://"} {
		if rest, found := strings.CutPrefix(s.value, scheme); found && rest != "" {
			return s.value
		}
	}
	if s.value != "" {
		b.problems.add(s.where, "%q is no place for passwords; write file:/DIR, aws-secretsmanager:PREFIX or azure-keyvault:https://NAME.vault.azure.net", s.value)
	}
	return s.value
}
