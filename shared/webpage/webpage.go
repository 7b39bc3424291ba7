// Package webpage makes the pages that people open from a ticket. A page has no script and
// one style sheet, which is known by its digest; nothing of it is kept, indexed or framed,
// and its address, which holds a secret, is told to nobody.
package webpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
)

var (
	//go:embed shell.html
	shell string
	//go:embed base.css
	base string
)

// headers of every answer, beside the policy of its content.
var headers = map[string]string{
	"Content-Type":                 "text/html; charset=utf-8",
	"Cache-Control":                "no-store",
	"Referrer-Policy":              "no-referrer",
	"X-Frame-Options":              "DENY",
	"X-Content-Type-Options":       "nosniff",
	"X-Robots-Tag":                 "noindex, nofollow, noarchive",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
}

// The forms that a page may have.
const (
	NoForm = "'none'"
	// FormToItself is a form that goes to the page's own address.
	FormToItself = "'self'"
)

// ErrNotMade says that the page could not be made, and 500 was answered. The cause is left
// out: it could quote what the page was to show.
var ErrNotMade = errors.New("the page cannot be made")

// Page is a kind of page.
type Page struct {
	made   *template.Template
	policy string
}

// New makes a page from its templates "title" and "content", and the styles it has beside
// those of every page. form is NoForm or FormToItself. Templates that cannot be read panic:
// they are part of the program.
func New(templates, styles, form string) *Page {
	css := base
	if styles != "" {
		css += "\n" + styles
	}
	digest := sha256.Sum256([]byte(css))
	made := template.Must(template.New("page").Funcs(template.FuncMap{
		"css": func() template.CSS { return template.CSS(css) },
	}).Parse(shell))
	return &Page{
		made: template.Must(made.Parse(templates)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
			"'; form-action " + form + "; base-uri 'none'; frame-ancestors 'none'",
	}
}

// Write answers with the page of a view. It gives ErrNotMade, or why the page did not
// leave whole.
func (p *Page) Write(w http.ResponseWriter, status int, view any) error {
	var body bytes.Buffer
	if err := p.made.Execute(&body, view); err != nil {
		http.Error(w, ErrNotMade.Error(), http.StatusInternalServerError)
		return ErrNotMade
	}
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Security-Policy", p.policy)
	w.WriteHeader(status)
	if _, err := w.Write(body.Bytes()); err != nil {
		return err
	}
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
