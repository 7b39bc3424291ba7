package keyvaultfake

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// state is where a secret is in its life.
type state int

const (
	active state = iota
	deleting
	deleted
	recovering
)

// secret is one secret with its versions, the current one last.
type secret struct {
	name     string
	versions []*version
	state    state
	// until is when deleting or recovering ends, or a deleted secret is purged.
	until time.Time
}

type version struct {
	id, value, contentType string
	created                int64
	enabled                bool
}

// retention is how long a deleted secret keeps its name (source: "Azure Key Vault
// soft-delete overview", default).
const retention = 90 * 24 * time.Hour

// pageSize is the service's for lists.
const pageSize = 25

type result = map[string]any

// request is the body of a set or an update.
type request struct {
	Value       *string
	ContentType string
	Attributes  struct{ Enabled *bool }
}

var nameForm = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)

func (s *Server) call(r *http.Request, body []byte) (result, *refusal) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	var given request
	switch {
	case r.URL.Query().Get("api-version") == "":
		return nil, &refusal{http.StatusBadRequest, "BadParameter", "", "The api-version query parameter is missing."}
	case len(parts) < 2 || !nameForm.MatchString(parts[1]):
		return nil, &refusal{http.StatusBadRequest, "BadParameter", "", "The request URI contains an invalid name."}
	case len(body) > 0 && json.Unmarshal(body, &given) != nil:
		return nil, &refusal{http.StatusBadRequest, "BadParameter", "", "The request body is not valid JSON."}
	}
	// Object identifiers are compared without regard to case.
	found := s.secrets[strings.ToLower(parts[1])]
	if found != nil && s.live(found) {
		found = nil
	}
	what := r.Method + " " + parts[0]
	switch {
	case what == "PUT secrets" && len(parts) == 2:
		return s.set(found, parts[1], given)
	case what == "GET deletedsecrets" && found != nil && found.state == deleted:
		return found.deletedAs(), nil
	case what == "POST deletedsecrets" && found != nil && found.state == deleted && len(parts) == 3 && parts[2] == "recover":
		s.change(found, recovering)
		return found.last().properties(found.name), nil
	case parts[0] == "secrets" && len(parts) == 3 && parts[2] == "versions" && (found == nil || found.state != active) && !s.options.VersionsNotFound:
		return result{"value": []any{}, "nextLink": nil}, nil
	case found == nil || found.state != active || parts[0] != "secrets":
		return nil, absent(parts[1])
	}
	return s.callActive(what, found, parts, given, r.URL.Query())
}

func (s *Server) callActive(what string, found *secret, parts []string, given request, query url.Values) (result, *refusal) {
	if what == "DELETE secrets" && len(parts) == 2 {
		s.change(found, deleting)
		return found.deletedAs(), nil
	}
	if len(parts) == 3 && parts[2] == "versions" {
		return found.page(query), nil
	}
	v := found.last()
	if len(parts) == 3 {
		v = found.version(parts[2])
	}
	switch {
	case v == nil:
		return nil, absent(parts[1])
	case what == "PATCH secrets":
		if given.Attributes.Enabled != nil {
			v.enabled = *given.Attributes.Enabled
		}
		return v.properties(found.name), nil
	case !v.enabled:
		return nil, &refusal{http.StatusForbidden, "Forbidden", "SecretDisabled", "Operation get is not allowed on a disabled secret."}
	}
	return v.whole(found.name), nil
}

func absent(name string) *refusal {
	return &refusal{http.StatusNotFound, "SecretNotFound", "", "A secret with (name/id) " + name + " was not found in this key vault."}
}

// change begins a deletion or a recovery.
func (s *Server) change(found *secret, to state) {
	found.state, found.until = to, s.options.Now().Add(s.options.Transition)
	s.live(found)
}

// live lets time pass for a secret, and reports whether it is purged.
func (s *Server) live(found *secret) (purged bool) {
	now := s.options.Now()
	if found.state == active || now.Before(found.until) {
		return false
	}
	switch found.state {
	case recovering:
		found.state = active
	case deleting:
		found.state, found.until = deleted, found.until.Add(retention)
		return s.live(found)
	case deleted:
		delete(s.secrets, strings.ToLower(found.name))
		return true
	}
	return false
}

func (s *Server) set(found *secret, name string, given request) (result, *refusal) {
	if given.Value == nil {
		return nil, &refusal{http.StatusBadRequest, "BadParameter", "", "The property 'value' is required."}
	}
	if found == nil {
		found = &secret{name: name}
		s.secrets[strings.ToLower(name)] = found
	}
	switch found.state {
	case deleting:
		return nil, conflict("ObjectIsBeingDeleted", "Secret "+name+" is currently being deleted.")
	case deleted:
		return nil, conflict("ObjectIsDeletedButRecoverable", "Secret "+name+
			" is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.")
	case recovering:
		return nil, conflict("ObjectIsBeingRecovered", "Secret "+name+" is currently being recovered and cannot be re-created; retry later.")
	}
	s.made++
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(strconv.Itoa(s.made))))[:32]
	v := &version{id, *given.Value, given.ContentType, s.options.Now().Unix(), given.Attributes.Enabled == nil || *given.Attributes.Enabled}
	found.versions = append(found.versions, v)
	return v.whole(found.name), nil
}

func conflict(inner, message string) *refusal {
	return &refusal{http.StatusConflict, "Conflict", inner, message}
}

func (found *secret) last() *version { return found.versions[len(found.versions)-1] }

func (found *secret) version(id string) *version {
	for _, v := range found.versions {
		if strings.EqualFold(v.id, id) {
			return v
		}
	}
	return nil
}

// page lists versions, by id and so in no order of time.
func (found *secret) page(query url.Values) result {
	skip, err := strconv.Atoi(query.Get("$skiptoken"))
	if err != nil {
		skip = 0
	}
	var values []any
	for _, v := range found.versions[skip:min(skip+pageSize, len(found.versions))] {
		values = append(values, v.properties(found.name))
	}
	answer := result{"value": values, "nextLink": nil}
	if next := skip + pageSize; next < len(found.versions) {
		answer["nextLink"] = fmt.Sprintf("%s/secrets/%s/versions?api-version=%s&$skiptoken=%d", URL, found.name, query.Get("api-version"), next)
	}
	return answer
}

func (v *version) properties(name string) result {
	return result{
		"id": URL + "/secrets/" + name + "/" + v.id, "contentType": v.contentType,
		"attributes": result{"enabled": v.enabled, "created": v.created, "updated": v.created, "recoveryLevel": "Recoverable", "recoverableDays": 90},
	}
}

func (v *version) whole(name string) result {
	answer := v.properties(name)
	answer["value"] = v.value
	return answer
}

func (found *secret) deletedAs() result {
	answer := found.last().properties(found.name)
	answer["recoveryId"] = URL + "/deletedsecrets/" + found.name
	answer["deletedDate"], answer["scheduledPurgeDate"] = found.until.Unix(), found.until.Unix()
	return answer
}

// Delete deletes a secret as an administrator does.
func (s *Server) Delete(name string) { s.administer(name, active, deleting) }

// Recover recovers a deleted secret as an administrator does.
func (s *Server) Recover(name string) { s.administer(name, deleted, recovering) }

func (s *Server) administer(name string, from, to state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.secrets[strings.ToLower(name)]
	if found == nil || s.live(found) || found.state != from {
		panic("keyvaultfake: " + name + " is not in the vault, or not in that state")
	}
	s.change(found, to)
}

// Add sets a secret as an administrator does, and gives the version.
func (s *Server) Add(name, value string) (version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, no := s.set(s.secrets[strings.ToLower(name)], name, request{Value: &value}); no != nil {
		panic("keyvaultfake: " + no.message)
	}
	return s.secrets[strings.ToLower(name)].last().id
}

// Enabled gives the values of a secret's versions that are enabled, the oldest first.
func (s *Server) Enabled(name string) (values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.secrets[strings.ToLower(name)].versions {
		if v.enabled {
			values = append(values, v.value)
		}
	}
	return values
}
