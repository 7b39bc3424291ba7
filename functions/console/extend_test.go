package console_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
)

func TestExtend(t *testing.T) {
	a := newAPI(t)
	body := `{"by":"Jane","reason":"renewed","until":"2026-11-21T19:30:00Z"}`
	assert.Equal(t, http.StatusOK, a.call("POST", "/api/accounts/ac-1/extend", body, nil))
	assert.Equal(t, []any{"ac-1", "Jane", "renewed", account.Extension{Until: now}}, a.desk.orders)
	for body, want := range map[string]int{
		`{"reason":"r","forever":true}`:                 http.StatusBadRequest,
		`{"by":"Jane","forever":true}`:                  http.StatusBadRequest,
		`{"by":"Jane","reason":"r"}`:                    http.StatusBadRequest,
		`{"by":"Jane","reason":"r","until":"tomorrow"}`: http.StatusBadRequest,
		`{"by":"Jane","reason":"r","for-ever":true}`:    http.StatusBadRequest,
	} {
		assert.Equal(t, want, a.call("POST", "/api/accounts/ac-1/extend", body, nil), body)
	}
	var f failure
	a.call("POST", "/api/accounts/ac-1/extend", `{"by":"Jane","reason":"r","until":"2027"}`, &f)
	assert.Equal(t, `the body is not as expected: "2027" is no time such as 2027-06-30T00:00:00Z`, f.Error.Message)
	assert.Equal(t, http.StatusNotFound, a.call("POST", "/api/accounts/nobody/extend", body, nil))
	assert.Len(t, a.desk.orders, 4)
}
