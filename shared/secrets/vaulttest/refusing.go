package vaulttest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/secrets/sealed"
)

func discards(t *testing.T, e Engine) {
	v := e.Open(t)
	ref, _ := seal(t, e, v, key, canary)
	other, _ := seal(t, e, v, tenant+"/acc-2", canary)
	for range 2 {
		require.NoError(t, v.Discard(t.Context(), ref), "a second time is no failure")
		_, err := e.Open(t).Open(t.Context(), ref)
		require.ErrorIs(t, err, sealed.ErrNotSealed)
		assert.Equal(t, fault.SecretUnavailable, fault.CodeOf(err))
	}
	s, err := v.Open(t.Context(), other)
	require.NoError(t, err)
	assert.Equal(t, canary, s.Reveal(), "the neighbour is untouched")
}

// A key may be sealed again once its password was thrown away, if only after some time.
func sealsAgain(t *testing.T, e Engine) {
	v := e.Open(t)
	for _, text := range []string{"first-" + canary, "second-" + canary, "third-" + canary} {
		ref, s := seal(t, e, v, key, text)
		require.Equal(t, text, s, "no discarded password comes back")
		require.NoError(t, v.Discard(t.Context(), ref))
	}
	again(t, e, func() error {
		_, err := v.Replace(t.Context(), key, account.NewSecret("fourth-"+canary))
		return err
	})
	_, s := seal(t, e, v, key, "never-"+canary)
	require.Equal(t, "fourth-"+canary, s)
}

func sealsTogetherAgain(t *testing.T, e Engine) {
	v := e.Open(t)
	ref, _ := seal(t, e, v, key, "discarded")
	require.NoError(t, v.Discard(t.Context(), ref))
	assert.NotEqual(t, "discarded", race(t, e, key))
}

// forGood checks a refusal that no retry cures.
func forGood(t *testing.T, err error, what string) {
	t.Helper()
	require.Error(t, err, what)
	assert.Equal(t, fault.SecretUnavailable, fault.CodeOf(err), what)
	assert.Equal(t, fault.Permanent, fault.ClassOf(err), what)
	assert.NotContains(t, err.Error(), canary)
}

func refusesKeys(t *testing.T, e Engine) {
	v := e.Open(t)
	for _, bad := range []string{"", "a", "/a", "a/", "../a", "a/..", "a/../b", "a/b/c", "a\\b/c", "a/b\x00", ".hidden/a", "a/.writing-1", "a/" + long + "4", "a /b"} {
		_, s, err := v.SealOnce(t.Context(), bad, making(canary))
		forGood(t, err, bad)
		assert.True(t, s.IsZero())
		_, err = v.Replace(t.Context(), bad, account.NewSecret(canary))
		forGood(t, err, bad)
	}
}

func refusesReferences(t *testing.T, e Engine) {
	v := e.Open(t)
	ref, _ := seal(t, e, v, key, canary)
	bare := strings.TrimPrefix(ref, e.Scheme)
	for _, bad := range []string{"", key, bare, "other:" + bare, e.Scheme, e.Scheme + "../../etc/passwd", e.Scheme + "\x00", ref + "/..", ref + "\n", "x" + ref} {
		_, err := v.Open(t.Context(), bad)
		forGood(t, err, bad)
		forGood(t, v.Discard(t.Context(), bad), bad)
	}
}

func createFails(t *testing.T, e Engine) {
	v := e.Open(t)
	broken := errors.New("no random bytes")
	_, s, err := v.SealOnce(t.Context(), key, func() (account.Secret, error) { return account.Secret{}, broken })
	require.ErrorIs(t, err, broken)
	assert.True(t, s.IsZero())
	_, _, err = v.SealOnce(t.Context(), key, making(""))
	require.ErrorIs(t, err, sealed.ErrEmpty)
	_, err = v.Replace(t.Context(), key, account.Secret{})
	require.ErrorIs(t, err, sealed.ErrEmpty)
	_, text := seal(t, e, v, key, canary)
	assert.Equal(t, canary, text, "nothing was sealed before")
}

func heedsContext(t *testing.T, e Engine) {
	v := e.Open(t)
	ref, _ := seal(t, e, v, key, canary)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, s, err := v.SealOnce(ctx, key, making(canary))
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, s.IsZero())
	_, err = v.Replace(ctx, key, account.NewSecret(canary))
	require.ErrorIs(t, err, context.Canceled)
	_, err = v.Open(ctx, ref)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, v.Discard(ctx, ref), context.Canceled)
}

// each runs every operation and hands over its error.
func each(t *testing.T, v Vault, ref string, check func(operation string, err error)) {
	t.Helper()
	_, s, err := v.SealOnce(t.Context(), key, making(canary))
	assert.True(t, s.IsZero(), "a password that may not be sealed is not given out")
	check("SealOnce", err)
	_, s, err = v.SealOnce(t.Context(), tenant+"/new", making(canary))
	assert.True(t, s.IsZero(), "a password that may not be sealed is not given out")
	check("SealOnce of a new key", err)
	_, err = v.Replace(t.Context(), key, account.NewSecret(canary))
	check("Replace", err)
	_, err = v.Open(t.Context(), ref)
	check("Open", err)
	check("Discard", v.Discard(t.Context(), ref))
}

func classifies(t *testing.T, e Engine) {
	if e.Service == nil {
		return
	}
	v := e.Open(t)
	ref, _ := seal(t, e, v, key, canary)
	passes := func(operation string, err error) {
		require.Error(t, err, operation)
		assert.Equal(t, fault.SecretUnavailable, fault.CodeOf(err), "%s: %v", operation, err)
		assert.Equal(t, fault.Transient, fault.ClassOf(err), "%s: %v", operation, err)
		assert.NotErrorIs(t, err, sealed.ErrNotSealed, operation)
	}
	e.Service.Throttle()
	each(t, v, ref, passes)
	e.Service.Heal()
	e.Service.Down()
	each(t, v, ref, passes)
	each(t, e.Open(t), ref, passes)
	e.Service.Heal()
	e.Service.Deny()
	each(t, v, ref, func(operation string, err error) { forGood(t, err, operation) })
	e.Service.Heal()
	_, s := seal(t, e, v, key, "another")
	assert.Equal(t, canary, s, "nothing of it changed anything")
}

func survivesLostAnswers(t *testing.T, e Engine) {
	if e.Service == nil {
		return
	}
	v := e.Open(t)
	e.Service.LoseWrites()
	_, s, err := v.SealOnce(t.Context(), key, making(canary))
	require.Error(t, err)
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
	assert.True(t, s.IsZero())
	e.Service.Heal()
	_, text := seal(t, e, v, key, "another")
	assert.Equal(t, canary, text, "what was sealed is found, though the answer was lost")
}
