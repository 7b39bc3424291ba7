package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
)

// answer has a handler answer one event. A panic is a 500 that says nothing; the log
// says everything.
func answer(ctx context.Context, log *slog.Logger, handler http.Handler, e request) (response, error) {
	r, err := requestOf(ctx, e)
	switch {
	case errors.Is(err, errBody):
		log.WarnContext(ctx, "a request whose body cannot be decoded", "error", err, "remote", e.RequestContext.HTTP.SourceIP)
		return plain(http.StatusBadRequest), nil
	case err != nil:
		return response{}, err
	}
	w := &writer{header: http.Header{}}
	if !served(handler, w, r, log) {
		return plain(http.StatusInternalServerError), nil
	}
	if w.body.Len() > maxResponse {
		log.ErrorContext(ctx, "the answer is larger than AWS Lambda takes", "route", routeOf(r), "bytes", w.body.Len(), "most", maxResponse)
	}
	return w.response(), nil
}

// routeOf says where a request went, for a log. The rest of the path and the query may
// hold what opens something: the token of a one-time link, the code of a consent.
func routeOf(r *http.Request) string {
	first, _, more := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if more {
		first += "/…"
	}
	return r.Method + " /" + first
}

// served reports whether the handler returned.
func served(handler http.Handler, w http.ResponseWriter, r *http.Request, log *slog.Logger) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(r.Context(), "the handler of HTTP panicked", "route", routeOf(r), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			ok = false
		}
	}()
	handler.ServeHTTP(w, r)
	return true
}
