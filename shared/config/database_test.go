package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSQLite(t *testing.T) {
	for given, want := range map[string]string{"sqlite:a.db": "a.db", "sqlite:/a.db": "/a.db", "sqlite:///a.db": "/a.db", "file:./a.db": "./a.db",
		"a.db": "a.db", "/srv/a:b.db": "/srv/a:b.db", `C:\usher\a.db`: `C:\usher\a.db`, "SQLite:a.db": "a.db"} {
		c := load(t, "", "USHER_DATABASE_URL", given)
		assert.Equal(t, want, c.DatabasePath(), given)
		assert.False(t, c.Shared.Given())
	}
	for given, want := range map[string]string{
		"mysql://h": "not a kind of database", "sqlite:": "must be the path", "file:a.db?mode=memory": "must be the path", "sqlite::memory:": "must be the path",
	} {
		lines := refused(t, "", "USHER_DATABASE_URL", given)
		require.Len(t, lines, 1)
		assert.Contains(t, lines[0], want)
		assert.Contains(t, lines[0], "USHER_DATABASE_URL: ")
	}
}

func TestPostgreSQL(t *testing.T) {
	const bus, password = "USHER_SERVICEBUS_NAMESPACE", "USHER_DATABASE_PASSWORD"
	for _, given := range []string{"postgres://u:" + canary + "@h:5432/d?sslmode=require", "postgresql://u@h/d", "Postgres://h/d", "postgres:///d?host=/run/postgresql"} {
		c := load(t, "", "USHER_DATABASE_URL", given, bus, "a.servicebus.windows.net")
		assert.Equal(t, given, c.Shared.Database.Reveal())
		assert.True(t, c.Shared.Given())
		assert.Equal(t, "a.servicebus.windows.net", c.Shared.Namespace)
	}
	c := load(t, "database: postgres://u@h/d\nserviceBus: {connectionString: env:BUS}", "BUS", "Endpoint=sb://x", password, "p:/@ w")
	assert.Equal(t, "postgres://u:p%3A%2F%40%20w@h/d", c.Shared.Database.Reveal())
	assert.Equal(t, "Endpoint=sb://x", c.Shared.ConnectionString.Reveal())

	for name, tt := range map[string]struct {
		file string
		env  []string
		want string
	}{
		"no queue":              {"", []string{"USHER_DATABASE_URL", "postgres://h/d"}, "USHER_DATABASE_URL: PostgreSQL needs a queue"},
		"no ledger":             {"", []string{bus, "a"}, bus + ": Service Bus needs a ledger"},
		"no host":               {"", []string{"USHER_DATABASE_URL", "postgres:///" + canary, bus, "a"}, "USHER_DATABASE_URL: is not a URL"},
		"a password in a file":  {"database: postgres://u:" + canary + "@h/d", []string{bus, "a"}, "database (line 1): holds a password"},
		"two passwords":         {"", []string{"USHER_DATABASE_URL", "postgres://u:" + canary + "@h/d", password, canary, bus, "a"}, password + ": needs a database URL with a user and no password"},
		"a password of nobody":  {"", []string{"USHER_DATABASE_URL", "postgres://h/d", password, canary, bus, "a"}, password + ": needs a database URL with a user"},
		"a password of nothing": {"", []string{password, canary}, password + ": is given without the URL"},
		"a password that is not there": {"databasePassword: env:NONE", []string{"USHER_DATABASE_URL", "postgres://u@h/d", bus, "a"},
			"databasePassword (line 1): the environment variable NONE is not set"},
		"a literal connection string":    {"serviceBus: {connectionString: " + canary + "}", []string{"USHER_DATABASE_URL", "postgres://h/d"}, "serviceBus.connectionString (line 1): must be a reference"},
		"a reference to something else":  {"database: aws-secretsmanager:mysql", nil, "database (line 1): does not lead to a URL"},
		"a reference that leads nowhere": {"", []string{"USHER_DATABASE_URL", "aws-secretsmanager:none", bus, "a"}, "USHER_DATABASE_URL: aws-secretsmanager:none cannot be fetched"},
		"a variable that is not set":     {"database: env:NONE", nil, "database (line 1): the environment variable NONE is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := refused(t, tt.file, tt.env...)
			require.Len(t, lines, 1, "%q", lines)
			assert.Contains(t, lines[0], tt.want)
		})
	}
}
