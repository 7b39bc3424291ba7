package tenantfake

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// TokenExchange is the audience that Entra asks for in the tokens of federated identity providers (reference: Microsoft Graph docs,
// federatedIdentityCredential).
const TokenExchange = "api://AzureADTokenExchange"

// FederatedCredential is a federated identity credential: the tokens of one subject of one issuer sign in as the application.
type FederatedCredential struct {
	// ID is the object id. Empty means a new one.
	ID string
	// Name is unique within the application. Empty means the ID.
	Name, Description string
	// Issuer and Subject are compared with the token's iss and sub, upper and lower case being different.
	Issuer, Subject string
	// Audiences holds one value. Empty means TokenExchange.
	Audiences []string
}

// Why a federated identity credential cannot be put on an application; anything else about it is a malformed value.
var (
	ErrFederatedExists  = errors.New("the application has a federated identity credential of this name, or of this issuer and subject")
	ErrFederatedTooMany = errors.New("an application has at most 20 federated identity credentials")
)

// The limits of federated identity credentials (reference: Microsoft Entra docs, workload identity federation considerations).
const (
	maxFederated     = 20
	maxFederatedText = 600
)

// federations keep the federated identity credentials by application (client) id.
type federations struct {
	mu    sync.Mutex
	byApp map[string][]FederatedCredential
}

// PutFederatedCredential puts a federated identity credential on an application, for all tenants that know it, or replaces the one with the
// same ID. It returns what was put, with its ID.
func (s *Server) PutFederatedCredential(clientID string, f FederatedCredential) (FederatedCredential, error) {
	f.ID = cmp.Or(f.ID, s.guid())
	f.Name = cmp.Or(f.Name, f.ID)
	if len(f.Audiences) == 0 {
		f.Audiences = []string{TokenExchange}
	}
	if err := f.check(); err != nil {
		return f, err
	}
	return f, s.federation.put(strings.ToLower(clientID), f)
}

func (f FederatedCredential) check() error {
	if f.Issuer == "" || f.Subject == "" {
		return errors.New("issuer and subject are required")
	}
	if len(f.Audiences) != 1 {
		return fmt.Errorf("%d audiences: exactly one is allowed", len(f.Audiences))
	}
	for _, text := range []string{f.Issuer, f.Subject, f.Audiences[0]} {
		if len(text) > maxFederatedText {
			return fmt.Errorf("issuer, subject and audience have at most %d characters", maxFederatedText)
		}
	}
	return nil
}

func (r *federations) put(clientID string, f FederatedCredential) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(r.byApp[clientID]), func(o FederatedCredential) bool { return o.ID == f.ID })
	for _, o := range others {
		if o.Name == f.Name || o.Issuer == f.Issuer && o.Subject == f.Subject {
			return ErrFederatedExists
		}
	}
	if len(others) == maxFederated {
		return ErrFederatedTooMany
	}
	r.byApp[clientID] = append(others, f)
	return nil
}

// RemoveFederatedCredential takes a federated identity credential from an application, and reports whether it was there.
func (s *Server) RemoveFederatedCredential(clientID, id string) bool {
	r := &s.federation
	r.mu.Lock()
	defer r.mu.Unlock()
	clientID = strings.ToLower(clientID)
	before := len(r.byApp[clientID])
	r.byApp[clientID] = slices.DeleteFunc(r.byApp[clientID], func(f FederatedCredential) bool { return f.ID == id })
	return len(r.byApp[clientID]) < before
}

// FederatedCredentials returns the federated identity credentials of an application, in the order in which they were put.
func (s *Server) FederatedCredentials(clientID string) []FederatedCredential {
	r := &s.federation
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.byApp[strings.ToLower(clientID)])
}

// register puts the credentials of a specification; the same application is often specified for several tenants.
func (s *Server) register(a App) {
	for _, f := range a.Federated {
		known := slices.ContainsFunc(s.FederatedCredentials(a.ClientID), func(o FederatedCredential) bool {
			return o.Issuer == f.Issuer && o.Subject == f.Subject
		})
		if known {
			continue
		}
		if _, err := s.PutFederatedCredential(a.ClientID, f); err != nil {
			panic(fmt.Errorf("tenantfake: App.Federated of %s: %w", a.ClientID, err))
		}
	}
}

func (r *federations) saved() map[string][]FederatedCredential {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.byApp)
}

// restore puts saved credentials in the place of those of the same applications.
func (r *federations) restore(saved map[string][]FederatedCredential) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(r.byApp, saved)
}
