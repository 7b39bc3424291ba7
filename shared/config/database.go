package config

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/usher365/usher/shared/account"
)

// scheme is the beginning of a database's URL; a drive of a Windows path is not one.
var scheme = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+]+):(//)?`) })

// database takes the path of an SQLite file, in the forms people write it, or the URL
// of a PostgreSQL database, which goes together with a Service Bus namespace.
func (b *builder) database() (path string, shared Shared) {
	s := b.values["database"]
	referred := !s.literal && strings.HasPrefix(s.value, "env:") || kept(s.value)
	if referred {
		// What a reference leads to is no part of a problem's text.
		if s.value = b.secret(s); s.value == "" {
			return "", Shared{}
		}
	}
	found := scheme().FindStringSubmatch(s.value)
	if found == nil {
		found = []string{"", "file"}
	}
	switch kind := strings.ToLower(found[1]); {
	case kind == "postgres" || kind == "postgresql":
		shared.Database = account.NewSecret(b.postgres(s, referred))
	case referred:
		b.problems.add(s.where, "does not lead to a URL such as postgres://USER@HOST:5432/NAME; for one field of a JSON secret write aws-secretsmanager:NAME#FIELD")
		return "", Shared{}
	case kind == "sqlite" || kind == "file":
		path = b.sqlite(s, strings.TrimPrefix(s.value, found[0]))
	default:
		b.problems.add(s.where, "%q is not a kind of database known here; write sqlite:PATH or postgres://…", found[1])
		return "", Shared{}
	}
	if password := b.values["databasePassword"]; password.value != "" && !shared.Given() {
		b.problems.add(password.where, "is given without the URL of a PostgreSQL database; set USHER_DATABASE_URL=postgres://…")
	}
	return path, b.serviceBus(shared)
}

func (b *builder) sqlite(s setting, path string) string {
	if s.value != "" && (path == "" || path == ":memory:" || strings.ContainsAny(path, "?#")) {
		b.problems.add(s.where, "must be the path of a file, without parameters: sqlite:PATH")
	}
	return path
}

// postgres gives the URL with its password, which may be a setting of its own, since
// services that rotate a password keep only that. The text is never empty.
func (b *builder) postgres(s setting, referred bool) string {
	u, err := url.Parse(s.value)
	if err != nil || u.Host == "" && u.Query().Get("host") == "" {
		b.problems.add(s.where, "is not a URL such as postgres://USER@HOST:5432/NAME")
		return s.value
	}
	_, has := u.User.Password()
	if has && !s.literal && !referred {
		b.problems.add(s.where, "holds a password; give the URL in USHER_DATABASE_URL or by reference, or the password in databasePassword")
	}
	password := b.values["databasePassword"]
	switch {
	case password.value == "":
		return s.value
	case has || u.User.Username() == "":
		b.problems.add(password.where, "needs a database URL with a user and no password: postgres://USER@HOST:5432/NAME")
		return s.value
	}
	u.User = url.UserPassword(u.User.Username(), b.secret(password))
	return u.String()
}

func (b *builder) serviceBus(shared Shared) Shared {
	namespace, connection := b.values["serviceBus.namespace"], b.values["serviceBus.connectionString"]
	shared.Namespace = namespace.value
	if connection.value != "" {
		shared.ConnectionString = account.NewSecret(b.secret(connection))
	}
	switch given := namespace.value != "" || connection.value != ""; {
	case shared.Given() && !given:
		b.problems.add(b.values["database"].where, "PostgreSQL needs a queue that several processes share: set USHER_SERVICEBUS_NAMESPACE")
	case given && !shared.Given():
		b.problems.add(cmp.Or(namespace.where, connection.where), "Service Bus needs a ledger that several processes share: set USHER_DATABASE_URL=postgres://…")
	}
	return shared
}
