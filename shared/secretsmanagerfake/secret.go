package secretsmanagerfake

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// secret is one secret with its versions, the current one last.
type secret struct {
	name, arn string
	versions  []version
	// deleteAt is when it is gone, zero while it is not deleted; recoverable until then or not at all.
	deleteAt    time.Time
	recoverable bool
}

type version struct {
	id, text string
	binary   []byte
	created  time.Time
}

func (v version) same(o version) bool {
	return v.text == o.text && string(v.binary) == string(o.binary)
}

// request has the members of every operation's input.
type request struct {
	Name, SecretId, ClientRequestToken, SecretString, VersionId string
	SecretBinary                                                []byte
	ForceDeleteWithoutRecovery                                  bool
	RecoveryWindowInDays                                        *int
}

type result = map[string]any

func (s *Server) call(operation, region string, body []byte) (result, *refusal) {
	var r request
	if json.Unmarshal(body, &r) != nil {
		return nil, refuse("SerializationException", "")
	}
	s.expire()
	if operation == "CreateSecret" {
		return s.create(r)
	}
	found := s.find(r.SecretId)
	if operation == "DeleteSecret" && r.ForceDeleteWithoutRecovery {
		return s.delete(found, r)
	}
	if found == nil || region != s.options.Region {
		return nil, refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
	switch {
	case operation == "RestoreSecret" && found.recoverable:
		found.deleteAt = time.Time{}
		return result{"ARN": found.arn, "Name": found.name}, nil
	case !found.deleteAt.IsZero():
		return nil, refuse("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	case operation == "GetSecretValue":
		return found.get(r)
	case operation == "PutSecretValue":
		return s.put(found, r)
	case operation == "DeleteSecret":
		return s.delete(found, r)
	}
	return nil, refuse("UnknownOperationException", "")
}

// expire forgets what is deleted for good.
func (s *Server) expire() {
	for name, found := range s.secrets {
		if !found.deleteAt.IsZero() && !s.options.Now().Before(found.deleteAt) {
			delete(s.secrets, name)
		}
	}
}

// find takes a name, a complete ARN, or one without the six characters at its end.
func (s *Server) find(id string) *secret {
	if found := s.secrets[id]; found != nil {
		return found
	}
	for _, found := range s.secrets {
		if id == found.arn || id == found.arn[:len(found.arn)-len("-123456")] {
			return found
		}
	}
	return nil
}

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)
	tokenForm = regexp.MustCompile(`^.{32,64}$`)
)

func (s *Server) create(r request) (result, *refusal) {
	if !nameForm.MatchString(r.Name) {
		return nil, refuse("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	v, no := s.version(r)
	if no != nil {
		return nil, no
	}
	switch found := s.secrets[r.Name]; {
	case found == nil:
	case !found.deleteAt.IsZero():
		return nil, refuse("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
	case found.versions[0].id != v.id || !found.versions[0].same(v):
		return nil, refuse("ResourceExistsException", "The operation failed because the secret "+r.Name+" already exists.")
	default:
		return found.described(v), nil
	}
	return s.add(r.Name, v).described(v), nil
}

func (s *Server) add(name string, v version) *secret {
	s.made++
	added := &secret{name: name, versions: []version{v}}
	added.arn = fmt.Sprintf("arn:aws:secretsmanager:%s:123456789012:secret:%s-%06d", s.options.Region, name, s.made)
	s.secrets[name] = added
	return added
}

func (s *Server) version(r request) (version, *refusal) {
	switch {
	case !tokenForm.MatchString(r.ClientRequestToken):
		return version{}, refuse("InvalidParameterException", "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	case (r.SecretString == "") == (r.SecretBinary == nil):
		return version{}, refuse("InvalidParameterException", "You must provide either SecretString or SecretBinary.")
	}
	return version{r.ClientRequestToken, r.SecretString, r.SecretBinary, s.options.Now()}, nil
}

func (s *Server) put(found *secret, r request) (result, *refusal) {
	v, no := s.version(r)
	if no != nil {
		return nil, no
	}
	for _, old := range found.versions {
		if old.id == v.id && !old.same(v) {
			return nil, refuse("ResourceExistsException", "You can't use ClientRequestToken "+v.id+" because that value is already in use for a version of secret "+found.arn+".")
		}
		if old.id == v.id {
			return found.described(v), nil
		}
	}
	found.versions = append(found.versions, v)
	return found.described(v), nil
}

func (found *secret) described(v version) result {
	return result{"ARN": found.arn, "Name": found.name, "VersionId": v.id, "VersionStages": []string{"AWSCURRENT"}}
}

func (found *secret) get(r request) (result, *refusal) {
	for i := len(found.versions) - 1; i >= 0; i-- {
		v := found.versions[i]
		if r.VersionId != "" && r.VersionId != v.id {
			continue
		}
		answer := found.described(v)
		answer["CreatedDate"] = float64(v.created.UnixMilli()) / 1000
		if v.binary != nil {
			answer["SecretBinary"] = v.binary
		} else {
			answer["SecretString"] = v.text
		}
		return answer, nil
	}
	return nil, refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: "+r.VersionId)
}

// delete marks a secret. Without recovery, one that is not there is no error.
func (s *Server) delete(found *secret, r request) (result, *refusal) {
	days := 30
	if r.RecoveryWindowInDays != nil {
		days = *r.RecoveryWindowInDays
	}
	if days < 7 || days > 30 || r.ForceDeleteWithoutRecovery && r.RecoveryWindowInDays != nil {
		return nil, refuse("InvalidParameterException", "The parameter RecoveryWindowInDays must be from 7 to 30, and not used with ForceDeleteWithoutRecovery.")
	}
	now := s.options.Now()
	if found == nil {
		return result{"Name": r.SecretId, "DeletionDate": now.Unix()}, nil
	}
	found.recoverable, found.deleteAt = true, now.AddDate(0, 0, days)
	if r.ForceDeleteWithoutRecovery {
		found.recoverable, found.deleteAt = false, now.Add(s.options.Deletion)
	}
	s.expire()
	return result{"ARN": found.arn, "Name": found.name, "DeletionDate": found.deleteAt.Unix()}, nil
}

// Add puts a secret there as an administrator does, and gives its ARN.
func (s *Server) Add(name, text string) (arn string) {
	return s.addVersion(name, version{text: text})
}

// AddBinary is Add of a secret that is no text.
func (s *Server) AddBinary(name string, value []byte) (arn string) {
	return s.addVersion(name, version{binary: value})
}

func (s *Server) addVersion(name string, v version) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.id, v.created = strings.Repeat("0", 32), s.options.Now()
	return s.add(name, v).arn
}

// ScheduleDeletion marks a secret as an administrator does, with the default recovery window of 30 days.
func (s *Server) ScheduleDeletion(name string) {
	s.administer("DeleteSecret", name)
}

// Restore takes the mark away again.
func (s *Server) Restore(name string) {
	s.administer("RestoreSecret", name)
}

func (s *Server) administer(operation, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := json.Marshal(request{SecretId: name})
	if err != nil {
		panic(err) // a struct of texts
	}
	if _, no := s.call(operation, s.options.Region, body); no != nil {
		panic("secretsmanagerfake: " + no.message)
	}
}
