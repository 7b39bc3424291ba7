package stsfake

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The limits of GetWebIdentityToken (reference: AWS STS API reference). How large a token may be is not documented.
const (
	shortest, standard, longest = 60, 300, 3600 // seconds
	maxAudiences                = 10
	maxPayload                  = 8 << 10
	maxBody                     = 64 << 10
)

// refusal is an error of the service.
type refusal struct {
	status     int
	code, text string
}

func invalid(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, args...)}
}

// request is a GetWebIdentityToken that was understood.
type request struct {
	role      Role
	audiences []string
	algorithm string
	seconds   int
	tags      map[string]string
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	now := s.opts.Now()
	req, refused := s.read(r.Header, string(body))
	if f, ok := s.nextFailure(); ok {
		refused = &refusal{f.Status, f.Code, f.Message}
		if f.Status == 0 {
			refused.code = "connection lost"
		}
	}
	var token string
	if refused == nil {
		token, refused = s.token(req, now)
	}
	s.record(now, req, refused)
	if refused != nil {
		s.refuse(w, refused)
		return
	}
	s.answer(w, http.StatusOK, success{
		Token: token, Expiration: now.Add(time.Duration(req.seconds) * time.Second).UTC().Format(time.RFC3339), RequestID: s.opts.NewID(),
	})
}

func (s *Server) nextFailure() (Failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failures) == 0 {
		return Failure{}, false
	}
	f := s.failures[0]
	s.failures = s.failures[1:]
	return f, true
}

func (s *Server) record(now time.Time, req request, refused *refusal) {
	call := Call{Time: now, Role: req.role.ARN, Audiences: req.audiences, Algorithm: req.algorithm, Seconds: req.seconds}
	if refused != nil {
		call.Code = refused.code
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

// read authenticates the caller and checks the parameters, as far as it comes.
func (s *Server) read(h http.Header, body string) (request, *refusal) {
	var req request
	role, refused := s.caller(h.Get("Authorization"))
	if refused != nil {
		return req, refused
	}
	req.role = role
	form, err := url.ParseQuery(body)
	if err != nil {
		return req, &refusal{http.StatusBadRequest, "MalformedQueryString", "The query string contains a syntax error."}
	}
	if form.Get("Action") != "GetWebIdentityToken" || form.Get("Version") != "2011-06-15" {
		return req, &refusal{http.StatusBadRequest, "InvalidAction", fmt.Sprintf("Could not find operation %s for version %s", form.Get("Action"), form.Get("Version"))}
	}
	return req, req.fill(form)
}

// caller reads the Signature Version 4 header: who signs, for which region and service. The signature itself is not recomputed.
func (s *Server) caller(authorization string) (Role, *refusal) {
	fields, ok := strings.CutPrefix(authorization, "AWS4-HMAC-SHA256 ")
	if !ok {
		return Role{}, &refusal{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	parts := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		parts[name] = value
	}
	scope := strings.Split(parts["Credential"], "/")
	if len(scope) != 5 || parts["SignedHeaders"] == "" || parts["Signature"] == "" {
		return Role{}, &refusal{http.StatusBadRequest, "IncompleteSignature", "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' parameters."}
	}
	if scope[2] != s.opts.Region || scope[3] != "sts" || scope[4] != "aws4_request" {
		return Role{}, &refusal{http.StatusForbidden, "SignatureDoesNotMatch", fmt.Sprintf("Credential should be scoped to a valid region and to service sts, not %s", strings.Join(scope[2:], "/"))}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	role, ok := s.roles[scope[0]]
	if !ok {
		return Role{}, &refusal{http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	return role, nil
}

func (q *request) fill(form url.Values) *refusal {
	q.tags = map[string]string{}
	for i := 1; form.Has(fmt.Sprintf("Audience.member.%d", i)); i++ {
		q.audiences = append(q.audiences, form.Get(fmt.Sprintf("Audience.member.%d", i)))
	}
	for i := 1; form.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
		q.tags[form.Get(fmt.Sprintf("Tags.member.%d.Key", i))] = form.Get(fmt.Sprintf("Tags.member.%d.Value", i))
	}
	if len(q.audiences) == 0 || len(q.audiences) > maxAudiences {
		return invalid("audience: between 1 and %d values are required", maxAudiences)
	}
	if q.algorithm = form.Get("SigningAlgorithm"); q.algorithm != "RS256" {
		return invalid("signingAlgorithm: %q is not one that this service signs with (RS256)", q.algorithm)
	}
	q.seconds = standard
	if text := form.Get("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < shortest || n > longest {
			return invalid("durationSeconds: must be between %d and %d", shortest, longest)
		}
		q.seconds = n
	}
	return nil
}

// token signs the claims that AWS documents for outbound identity federation.
func (s *Server) token(req request, now time.Time) (string, *refusal) {
	s.mu.Lock()
	disabled := s.disabled
	s.mu.Unlock()
	ends := now.Add(time.Duration(req.seconds) * time.Second)
	switch {
	case disabled:
		return "", &refusal{http.StatusForbidden, "OutboundWebIdentityFederationDisabledException", "The outbound web identity federation feature is not enabled for this account."}
	case !req.role.SessionEnds.IsZero() && ends.After(req.role.SessionEnds):
		return "", &refusal{http.StatusForbidden, "SessionDurationEscalationException", "The requested token duration would extend the session beyond its original expiration time."}
	}
	claims := jwt.MapClaims{
		"iss": s.opts.Issuer, "sub": req.role.ARN, "aud": audienceClaim(req.audiences), "jti": s.opts.NewID(), "iat": now.Unix(), "exp": ends.Unix(),
		"https://sts.amazonaws.com/": map[string]any{
			"aws_account": account(req.role.ARN), "source_region": s.opts.Region, "principal_id": req.role.ARN, "request_tags": req.tags,
		},
	}
	if raw, err := json.Marshal(claims); err != nil || len(raw) > maxPayload {
		return "", &refusal{http.StatusBadRequest, "JWTPayloadSizeExceededException", "The requested token payload size exceeds the maximum allowed size."}
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = keyID
	signed, err := token.SignedString(s.opts.Key)
	if err != nil {
		return "", &refusal{http.StatusInternalServerError, "InternalFailure", err.Error()}
	}
	return signed, nil
}

func audienceClaim(audiences []string) any {
	if len(audiences) == 1 {
		return audiences[0]
	}
	return audiences
}

// account is the fifth part of an ARN.
func account(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

type success struct {
	XMLName    xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetWebIdentityTokenResponse"`
	Token      string   `xml:"GetWebIdentityTokenResult>WebIdentityToken"`
	Expiration string   `xml:"GetWebIdentityTokenResult>Expiration"`
	RequestID  string   `xml:"ResponseMetadata>RequestId"`
}

type failure struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func (s *Server) refuse(w http.ResponseWriter, r *refusal) {
	switch {
	case r.status == 0:
		panic(http.ErrAbortHandler)
	case r.code == "":
		http.Error(w, "<html>"+r.text+"</html>", r.status)
		return
	}
	kind := "Sender"
	if r.status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	s.answer(w, r.status, failure{Type: kind, Code: r.code, Message: r.text, RequestID: s.opts.NewID()})
}

func (s *Server) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	if err := xml.NewEncoder(w).Encode(v); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}
