package webpage_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/webpage"
)

const templates = `{{define "title"}}T{{end}}{{define "content"}}<p>{{.Text}}</p>{{end}}`

func TestAPageSaysWhereItsFormMayGo(t *testing.T) {
	for _, form := range []string{webpage.NoForm, webpage.FormToItself} {
		w := httptest.NewRecorder()
		require.NoError(t, webpage.New(templates, "", form).Write(w, http.StatusGone, map[string]string{"Text": "<b>"}))
		assert.Equal(t, http.StatusGone, w.Code)
		assert.Contains(t, w.Header().Get("Content-Security-Policy"), "form-action "+form+";")
		assert.Contains(t, w.Body.String(), "<p>&lt;b&gt;</p>")
	}
}

func TestAPageThatCannotBeMadeQuotesNothing(t *testing.T) {
	w := httptest.NewRecorder()
	err := webpage.New(templates, "", webpage.NoForm).Write(w, http.StatusOK, "canary")
	require.ErrorIs(t, err, webpage.ErrNotMade)
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.NotContains(t, w.Body.String()+err.Error(), "canary")
}
