package consents

import (
	"context"
	_ "embed"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/webpage"
)

//go:embed page.html
var pageHTML string

var page = webpage.New(pageHTML, "", webpage.NoForm)

// unavailable is shown when our own books could not be reached.
const unavailable consent.Outcome = "unavailable"

var statuses = map[consent.Outcome]int{
	consent.Claimed: http.StatusOK, consent.Declined: http.StatusOK, consent.OtherTenant: http.StatusOK,
	consent.Unknown: http.StatusNotFound, consent.UsedTwice: http.StatusGone, consent.Replaced: http.StatusGone,
	consent.Expired: http.StatusGone, unavailable: http.StatusServiceUnavailable,
}

// view is what the page shows: the outcome says which part.
type view struct{ Show, Request string }

// Mount puts the call-back on a server, outside the bearer token; nothing where no public
// address is configured.
func (f *Office) Mount(mux *http.ServeMux) {
	if f.Config.PublicAddress == "" {
		return
	}
	// With GET the server would take HEAD too, with which a preview could use a link up.
	mux.HandleFunc("GET "+config.CallBackPath, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		f.write(w, r, f.take(r.Context(), r.URL.RawQuery))
	})
}

// maxQuery bounds what is read of an answer, far above what Microsoft's page sends.
const maxQuery = 16 << 10

// take judges an answer and writes down one that counts. Whoever hangs up at once has
// answered all the same.
func (f *Office) take(ctx context.Context, raw string) consent.Verdict {
	if len(raw) > maxQuery {
		return consent.Verdict{Outcome: consent.Unknown}
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return consent.Verdict{Outcome: consent.Unknown} // the error would quote what was sent
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 25*time.Second)
	defer cancel()
	v, err := f.links.Judge(ctx, q)
	if err != nil {
		f.Log.ErrorContext(ctx, "an answer to a consent link could not be taken", "error", err)
		return consent.Verdict{Outcome: unavailable}
	}
	if !v.Counts() {
		return v
	}
	if err := f.heed(ctx, v); err != nil {
		f.Log.ErrorContext(ctx, "an answer to a consent link is found later", "request", v.Link.Request, "error", err)
	}
	return v
}

func (f *Office) write(w http.ResponseWriter, r *http.Request, v consent.Verdict) {
	switch err := page.Write(w, statuses[v.Outcome], view{string(v.Outcome), v.Link.Request}); {
	case errors.Is(err, webpage.ErrNotMade):
		f.Log.ErrorContext(r.Context(), "the page of a consent cannot be made", "show", v.Outcome)
	case err != nil:
		f.Log.DebugContext(r.Context(), "the page of a consent did not arrive", "error", err)
	}
}
