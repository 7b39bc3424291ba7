package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneFetchesAndTheOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		a := newAssertions(func(context.Context) (string, time.Time, error) {
			time.Sleep(time.Second)
			fetched++
			return strconv.Itoa(fetched), time.Now().Add(5 * time.Minute), nil
		}, time.Now)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				got, err := a.get(t.Context())
				assert.NoError(t, err)
				assert.Equal(t, "1", got)
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := a.get(impatient)
		require.ErrorIs(t, err, context.DeadlineExceeded, "whoever waits may give up")
		all.Wait()

		a.drop("another one")
		time.Sleep(4*time.Minute - time.Nanosecond)
		got, err := a.get(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "1", got, "kept until a minute before its end")
		time.Sleep(time.Nanosecond)
		got, err = a.get(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "2", got)
		a.drop("2")
		got, err = a.get(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "3", got)
	})
}

func TestAFailedFetchIsNotKept(t *testing.T) {
	broken := true
	a := newAssertions(func(context.Context) (string, time.Time, error) {
		if broken {
			return "", time.Time{}, errors.New("away")
		}
		return "token", time.Now().Add(time.Hour), nil
	}, time.Now)
	_, err := a.get(t.Context())
	require.ErrorContains(t, err, "away")
	broken = false
	got, err := a.get(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "token", got)
}

func FuzzClaimsOf(f *testing.F) {
	f.Add("a." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"i","sub":"s"}`)) + ".c")
	f.Add("a.e30.c")
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		issuer, subject := claimsOf(token)
		require.LessOrEqual(t, len(issuer)+len(subject), 3*len(token))
	})
}
