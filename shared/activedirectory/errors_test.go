package activedirectory

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// message is one of LDAP, as far as it takes to answer it.
type message struct {
	ID        int
	Operation asn1.RawValue
}

// answering is a server that lets anybody sign in and refuses all else: for the answers
// that Samba cannot be brought to give, or words otherwise than Windows does.
func answering(t *testing.T, result int, text string) *Client {
	t.Helper()
	donor := httptest.NewTLSServer(nil) // it has a certificate to lend
	t.Cleanup(donor.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: donor.TLS.Certificates})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go refuse(conn, result, text)
		}
	}()
	roots := x509.NewCertPool()
	roots.AddCert(donor.Certificate())
	c, err := New(Options{
		URL: "ldaps://" + listener.Addr().String(), BaseDN: "DC=corp,DC=example", BindDN: "CN=usher",
		Password: account.NewSecret(good), Roots: roots, Timeout: patience,
	})
	require.NoError(t, err)
	return c
}

func refuse(conn net.Conn, result int, text string) {
	defer conn.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		var asked message
		if _, err := asn1.Unmarshal(buffer[:n], &asked); err != nil {
			return
		}
		code, words := asn1.Enumerated(result), text
		if asked.Operation.Tag == 0 { // a bind
			code, words = 0, ""
		}
		answer, err := answerTo(asked, code, words)
		if err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// answerTo gives the answer to a request: the tag is one more, but for a search, whose
// end is two more.
func answerTo(asked message, code asn1.Enumerated, words string) ([]byte, error) {
	var body []byte
	for _, field := range []any{code, []byte{}, []byte(words)} {
		part, err := asn1.Marshal(field)
		if err != nil {
			return nil, err
		}
		body = append(body, part...)
	}
	tag := asked.Operation.Tag + 1
	if asked.Operation.Tag == 3 {
		tag++
	}
	return asn1.Marshal(message{asked.ID, asn1.RawValue{Class: asn1.ClassApplication, Tag: tag, IsCompound: true, Bytes: body}})
}

func TestWhatSambaDoesNotSay(t *testing.T) {
	for _, tt := range []struct {
		result int
		text   string
		class  fault.Class
		code   fault.Code
	}{
		{51, "", fault.Transient, fault.ADBusy},
		{52, "00002024: LdapErr: DSID-0C0", fault.Transient, fault.ADBusy},
		{3, "", fault.Transient, fault.ADBusy},
		{11, "", fault.Transient, fault.ADBusy},
		{10, "0000202B: RefErr: DSID-03100782, data 0, 1 access points", fault.Permanent, fault.ADReferral},
		{50, "00000005: SecErr: DSID-03152492, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0", fault.Permanent, fault.ADPermissionMissing},
		{53, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", fault.Transient, fault.ADPasswordRejected},
		{1, "000004DC: LdapErr: DSID-0C0", fault.Transient, fault.ADRequestRejected},
		{80, good, fault.Transient, fault.ADRequestRejected},
		{53, "\x00\n" + strings.Repeat("ä", 5000), fault.Transient, fault.ADRequestRejected},
	} {
		t.Run(fmt.Sprint(tt.result, " ", tt.code), func(t *testing.T) {
			_, err := answering(t, tt.result, tt.text).FindStamp(t.Context(), "usher:x")
			assertFault(t, tt.class, tt.code, err)
			assert.Less(t, len(err.Error()), 2000)
		})
	}
}

func TestNameThatWindowsKnowsToBeTaken(t *testing.T) {
	r := meaning(adding, 19, "000021C8: AtrErr: DSID-03200BBA, #1: 0: 000021C8: DSID-03200BBA, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 90290 (userPrincipalName)")
	assert.Equal(t, fault.NameTaken, r.code)
	assert.Equal(t, fault.Permanent, r.class)
}

func TestWhySomebodyCannotSignIn(t *testing.T) {
	for number, reason := range map[string]string{"52e": "wrong", "775": "locked out", "532": "password has expired", "0": "does not say", "52E": "wrong"} {
		text := "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data " + number + ", v4563"
		assert.Contains(t, signInReason(text), reason)
	}
	assert.Contains(t, signInReason(""), "does not say")
}

// Whatever a controller says, the error has a meaning, an end, and no secret of ours.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{"0000052D: x", "80090308: data 52e, v1", "", "\x00", good, "0000052d:"} {
		for _, result := range []uint16{1, 10, 19, 32, 49, 53, 68, 200, 205} {
			f.Add(int(signingIn), result, text)
			f.Add(int(adding), result, text)
		}
	}
	s := &session{Client: &Client{bindDN: "CN=usher", password: account.NewSecret("hush-hush")}, secret: account.NewSecret(good)}
	f.Fuzz(func(t *testing.T, doing int, result uint16, text string) {
		if stage(doing) == connecting {
			return
		}
		err := s.fault(stage(doing), &ldap.Error{ResultCode: result, Err: fmt.Errorf("%s", text)})
		require.NotEqual(t, fault.Unexpected, fault.CodeOf(err))
		require.NotContains(t, err.Error(), good)
		require.NotContains(t, err.Error(), "hush-hush")
		require.Less(t, len(err.Error()), 4000)
	})
}
