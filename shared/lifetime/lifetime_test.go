package lifetime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/lifetime"
	"github.com/usher365/usher/shared/policy"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// in gives the time so many days from now.
func in(days int) time.Time { return now.AddDate(0, 0, days) }

func TestOf(t *testing.T) {
	for name, test := range map[string]struct {
		asked    events.Lifetime
		defaults lifetime.Defaults
		want     lifetime.Terms
	}{
		"Nothing":         {events.Lifetime{}, lifetime.Defaults{}, lifetime.Terms{}},
		"TheProfilesDays": {events.Lifetime{}, lifetime.Defaults{Days: 90, ReviewDays: 30}, lifetime.Terms{Expires: in(90), Review: in(30)}},
		"FromTheStart":    {events.Lifetime{StartsAt: in(10)}, lifetime.Defaults{Days: 90, ReviewDays: 30}, lifetime.Terms{Starts: in(10), Expires: in(100), Review: in(40)}},
		"TheRequestWins":  {events.Lifetime{ExpiresAt: in(5), ReviewAt: in(4)}, lifetime.Defaults{Days: 90, ReviewDays: 30}, lifetime.Terms{Expires: in(5), Review: in(4)}},
		"NoReviewInTime":  {events.Lifetime{ExpiresAt: in(30)}, lifetime.Defaults{ReviewDays: 30}, lifetime.Terms{Expires: in(30)}},
		"StartedAlready":  {events.Lifetime{StartsAt: in(-1)}, lifetime.Defaults{Days: 1}, lifetime.Terms{Expires: in(1)}},
		"Zones":           {events.Lifetime{ExpiresAt: in(5).In(time.FixedZone("", 3600))}, lifetime.Defaults{}, lifetime.Terms{Expires: in(5)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := lifetime.Of(test.asked, test.defaults, now)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestOfRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		asked events.Lifetime
		code  fault.Code
		want  []string
	}{
		"Passed":         {events.Lifetime{ExpiresAt: now}, fault.RequestExpired, []string{"lifetime.expiresAt"}},
		"EndBeforeStart": {events.Lifetime{StartsAt: in(3), ExpiresAt: in(3)}, fault.RequestInvalid, []string{"lifetime.startsAt"}},
		"ReviewPassed":   {events.Lifetime{ReviewAt: now}, fault.RequestInvalid, []string{"lifetime.reviewAt 2026-11-22T09:00:00Z has passed"}},
		"ReviewAtStart":  {events.Lifetime{StartsAt: in(3), ReviewAt: in(3)}, fault.RequestInvalid, []string{"not after lifetime.startsAt"}},
		"ReviewAtEnd":    {events.Lifetime{ExpiresAt: in(3), ReviewAt: in(3)}, fault.RequestInvalid, []string{"not before lifetime.expiresAt"}},
		"Both":           {events.Lifetime{ExpiresAt: in(-1), ReviewAt: in(-1)}, fault.RequestExpired, []string{"expiresAt", "reviewAt"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lifetime.Of(test.asked, lifetime.Defaults{}, now)
			assert.True(t, fault.Is(err, test.code), err)
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	assert.Equal(t, 24*time.Hour, lifetime.Terms{Starts: in(1)}.Delay(now))
	assert.Zero(t, lifetime.Terms{Starts: in(-1)}.Delay(now))
	assert.Zero(t, lifetime.Terms{}.Delay(now))
}

func TestExpired(t *testing.T) {
	assert.False(t, lifetime.Terms{}.Expired(now))
	assert.False(t, lifetime.Terms{Expires: now.Add(1)}.Expired(now))
	assert.True(t, lifetime.Terms{Expires: now}.Expired(now))
}

func living(change func(*lifetime.Situation)) lifetime.Situation {
	s := lifetime.Situation{
		Terms: lifetime.Terms{Expires: in(30), Review: in(20)}, State: account.AccountActive,
		Owner: account.Owner{Email: "it@contoso.com"},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func TestExtend(t *testing.T) {
	few := policy.Needs{EndDate: true, MaxDays: 90}
	for name, test := range map[string]struct {
		change func(*lifetime.Situation)
		x      lifetime.Extension
		needs  policy.Needs
		want   lifetime.Terms
	}{
		"Later":         {nil, lifetime.Extension{Until: in(60)}, few, lifetime.Terms{Expires: in(60), Review: in(20)}},
		"AsFarAsItGoes": {nil, lifetime.Extension{Until: in(90)}, few, lifetime.Terms{Expires: in(90), Review: in(20)}},
		"ForEver":       {nil, lifetime.Extension{Forever: true}, policy.Needs{}, lifetime.Terms{Review: in(20)}},
		"Reviewed":      {nil, lifetime.Extension{Review: in(25)}, few, lifetime.Terms{Expires: in(30), Review: in(25)}},
		"Both":          {nil, lifetime.Extension{Until: in(60), Review: in(50)}, few, lifetime.Terms{Expires: in(60), Review: in(50)}},
		"OldReview":     {func(s *lifetime.Situation) { s.Terms.Review = in(-1) }, lifetime.Extension{Until: in(60)}, few, lifetime.Terms{Expires: in(60), Review: in(-1)}},
		"OnHold":        {func(s *lifetime.Situation) { s.Terms.Expires = in(-1) }, lifetime.Extension{Until: in(60)}, few, lifetime.Terms{Expires: in(60), Review: in(20)}},
		"FromTheStart":  {func(s *lifetime.Situation) { s.Terms.Starts = in(10) }, lifetime.Extension{Until: in(100)}, few, lifetime.Terms{Starts: in(10), Expires: in(100), Review: in(20)}},
		"NoEndReviewed": {func(s *lifetime.Situation) { s.Terms.Expires = time.Time{} }, lifetime.Extension{Review: in(400)}, few, lifetime.Terms{Review: in(400)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := lifetime.Extend(living(test.change), test.x, test.needs, now)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestExtendRefuses(t *testing.T) {
	few := policy.Needs{EndDate: true, MaxDays: 90}
	gone := func(s *lifetime.Situation) {
		s.Record = lifetime.Record{Owner: "it@contoso.com", OwnerSeen: true, OwnerGone: in(-3)}
	}
	for name, test := range map[string]struct {
		change func(*lifetime.Situation)
		x      lifetime.Extension
		want   []string
	}{
		"Nothing":       {nil, lifetime.Extension{}, []string{"say until when"}},
		"Leaving":       {func(s *lifetime.Situation) { s.State = account.AccountLeaving }, lifetime.Extension{Until: in(60)}, []string{"is leaving", "usher undo"}},
		"Gone":          {func(s *lifetime.Situation) { s.State = account.AccountGone }, lifetime.Extension{Until: in(60)}, []string{"is gone"}},
		"Earlier":       {nil, lifetime.Extension{Until: in(10), Review: in(5)}, []string{"no later than the end that holds"}},
		"TheSame":       {nil, lifetime.Extension{Until: in(30)}, []string{"usher revoke"}},
		"Passed":        {nil, lifetime.Extension{Until: in(-1)}, []string{"has passed"}},
		"TooLate":       {nil, lifetime.Extension{Until: in(90).Add(1)}, []string{"90 days at a time: 2027-02-20"}},
		"ForEver":       {nil, lifetime.Extension{Forever: true}, []string{"asks for an end date"}},
		"Contradiction": {nil, lifetime.Extension{Forever: true, Until: in(60)}, []string{"for ever"}},
		"NoEnd":         {func(s *lifetime.Situation) { s.Terms.Expires = time.Time{} }, lifetime.Extension{Until: in(60)}, []string{"has no end"}},
		"OwnerGone":     {gone, lifetime.Extension{Until: in(60)}, []string{"it@contoso.com is gone", "name another one"}},
		"LateReview":    {nil, lifetime.Extension{Review: in(30)}, []string{"not before lifetime.expiresAt"}},
		"ExpiredReview": {func(s *lifetime.Situation) { s.Terms.Expires = in(-1) }, lifetime.Extension{Review: in(10)}, []string{"say until when, too"}},
		"Everything": {gone, lifetime.Extension{Until: in(200), Review: in(-1)},
			[]string{"name another one", "90 days at a time", "lifetime.reviewAt"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := living(test.change)
			got, err := lifetime.Extend(s, test.x, few, now)
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			assert.Equal(t, s.Terms, got)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
