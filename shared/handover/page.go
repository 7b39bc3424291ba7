package handover

import (
	"context"
	_ "embed"
	"errors"
	"net/http"
	"time"

	"github.com/usher365/usher/shared/webpage"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	page = webpage.New(pageHTML, pageCSS, webpage.FormToItself)
)

// view is what the page shows. Its state decides which part.
type view struct {
	// Show is what the page is: ask, password, revealed, expired, withdrawn, unknown,
	// unavailable or method.
	Show    string
	Account string
	// Expires is when the link stops working, in words.
	Expires string
	// Password is set where Show is password. It is a plain string because a Secret
	// would print as [redacted].
	Password string
}

var statuses = map[string]int{
	"ask": http.StatusOK, "password": http.StatusOK,
	string(Revealed): http.StatusGone, string(Expired): http.StatusGone, string(Withdrawn): http.StatusGone,
	"unknown": http.StatusNotFound, "unavailable": http.StatusServiceUnavailable, "method": http.StatusMethodNotAllowed,
}

// Handler answers the page of every link, below the path of Options.Address. GET and
// HEAD show a button and change nothing, so that scanners may follow a link; POST shows
// the password to one visitor, once. After that, and once the link has ended, the answer
// is 410; a link that was never made, or was made anew, is 404.
//
// It needs a vault and an alarm.
func (l *Links) Handler() (http.Handler, error) {
	if l.o.Vault == nil || l.o.Alarm == nil {
		return nil, errors.New("one-time links: a vault and an alarm are needed to show passwords")
	}
	mux := http.NewServeMux()
	mux.HandleFunc(l.path+"/{key}/{token}", l.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { l.write(w, r, view{Show: "unknown"}) })
	return mux, nil
}

func (l *Links) serve(w http.ResponseWriter, r *http.Request) {
	key, token := r.PathValue("key"), r.PathValue("token")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		l.write(w, r, l.ask(r.Context(), key, token, r.Method == http.MethodGet))
	case http.MethodPost:
		l.reveal(w, r, key, token)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		l.write(w, r, view{Show: "method"})
	}
}

// ask shows what can be had, and takes nothing.
func (l *Links) ask(ctx context.Context, key, token string, alarming bool) view {
	r, stored, err := l.find(ctx, key, token)
	switch now := l.o.Now(); {
	case err != nil:
		return l.unavailable(ctx, key, "read a hand-over", err)
	case stored == nil:
		return view{Show: "unknown"}
	case r.state(now) == Open:
		return view{Show: "ask", Account: r.Account, Expires: inWords(r.ExpiresAt)}
	default:
		return l.over(ctx, key, r, stored, alarming, false)
	}
}

// find gives the record that a link opens, with no bytes when there is none.
func (l *Links) find(ctx context.Context, key, token string) (r record, stored []byte, err error) {
	if !keys().MatchString(key) {
		return record{}, nil, nil
	}
	r, stored, err = l.load(ctx, key)
	if err != nil || stored == nil || !r.opens(token) {
		return record{}, nil, err
	}
	return r, stored, nil
}

// reveal shows the password if nobody was faster.
func (l *Links) reveal(w http.ResponseWriter, r *http.Request, key, token string) {
	taken, v := l.take(r.Context(), key, token)
	sent := l.write(w, r, v)
	if v.Show != "password" {
		return
	}
	ctx, cancel := finishing(r.Context())
	defer cancel()
	if !sent {
		l.alarm(ctx, Alarm{Handover: taken, Reason: NotDelivered, At: l.o.Now(), Pressed: true})
	}
	if l.o.Revealed == nil {
		return
	}
	if err := l.o.Revealed(ctx, taken); err != nil {
		l.failed(ctx, key, "tell of a reveal", err)
	}
}

// finishing gives time for what must be done though the visitor goes away.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}

// take opens the vault first, so that a vault that is away costs no link, and then marks
// the link as used. Only who marks it gets the password. When the store leaves open
// whether it was marked, nobody does.
func (l *Links) take(ctx context.Context, key, token string) (Handover, view) {
	for range swaps {
		r, stored, err := l.find(ctx, key, token)
		switch {
		case err != nil:
			return Handover{}, l.unavailable(ctx, key, "read a hand-over", err)
		case stored == nil:
			return Handover{}, view{Show: "unknown"}
		case r.state(l.o.Now()) != Open:
			return Handover{}, l.over(ctx, key, r, stored, true, true)
		}
		password, err := l.o.Vault.Open(ctx, r.Ref)
		if err == nil && password.IsZero() {
			err = errors.New("the vault holds an empty password")
		}
		if err != nil {
			return Handover{}, l.unavailable(ctx, key, "open the vault", err)
		}
		taken, mine, err := l.mark(ctx, key, r, stored)
		if err != nil {
			return Handover{}, l.unavailable(ctx, key, "mark a hand-over as revealed", err)
		}
		if mine {
			return taken, view{Show: "password", Account: r.Account, Password: password.Reveal()}
		}
	}
	return Handover{}, view{Show: "unavailable"}
}

// mark reports whether it was this call that used the link. Whoever has gone away by now
// leaves it open; from here on it is finished either way.
func (l *Links) mark(ctx context.Context, key string, r record, stored []byte) (Handover, bool, error) {
	if err := ctx.Err(); err != nil {
		return Handover{}, false, err
	}
	ctx, cancel := finishing(ctx)
	defer cancel()
	r.RevealedAt = l.o.Now().UTC()
	mine, err := l.swap(ctx, key, stored, r)
	return r.handover(key, r.RevealedAt), mine, err
}

// over answers a link that has ended, and raises the alarm for one that was used.
func (l *Links) over(ctx context.Context, key string, r record, stored []byte, alarming, pressed bool) view {
	now := l.o.Now().UTC()
	state := r.state(now)
	if state != Revealed || !alarming || !r.AlarmedAt.IsZero() {
		return view{Show: string(state)}
	}
	ctx, cancel := finishing(ctx) // whoever hangs up at once is told of all the same
	defer cancel()
	if l.alarm(ctx, Alarm{Handover: r.handover(key, now), Reason: VisitedAgain, At: now, Pressed: pressed}) {
		r.AlarmedAt = now
		if _, err := l.swap(ctx, key, stored, r); err != nil {
			l.failed(ctx, key, "note an alarm", err)
		}
	}
	return view{Show: string(state)}
}

// alarm reports whether the alarm was taken.
func (l *Links) alarm(ctx context.Context, a Alarm) bool {
	err := l.o.Alarm(ctx, a)
	if err != nil {
		l.failed(ctx, a.Key, "raise an alarm: "+string(a.Reason), err)
	}
	return err == nil
}

// unavailable tells the log why, and the visitor only that it failed.
func (l *Links) unavailable(ctx context.Context, key, doing string, err error) view {
	l.failed(ctx, key, doing, err)
	return view{Show: "unavailable"}
}

func (l *Links) failed(ctx context.Context, key, doing string, err error) {
	l.o.Log.ErrorContext(ctx, "a visit to a hand-over failed", "handover", key, "doing", doing, "error", err)
}

// write answers with the page, and reports whether it went out, as far as the server knows.
func (l *Links) write(w http.ResponseWriter, r *http.Request, v view) bool {
	if v.Show == "unavailable" {
		w.Header().Set("Retry-After", "30")
	}
	err := page.Write(w, statuses[v.Show], v)
	if errors.Is(err, webpage.ErrNotMade) {
		l.o.Log.ErrorContext(r.Context(), "the page of a hand-over cannot be made", "show", v.Show)
	}
	return err == nil
}

func inWords(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04 UTC") }
