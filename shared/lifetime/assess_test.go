package lifetime_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/lifetime"
)

// said writes actions shortly: "expiry.near>owner", "delete+30" or "disable".
func said(actions []lifetime.Action) (all []string) {
	for _, a := range actions {
		switch {
		case a.Offboard == nil:
			all = append(all, fmt.Sprintf("%s>%s", a.Notice, a.Audience))
		case a.Offboard.Mode == "disable":
			all = append(all, "disable")
		default:
			all = append(all, fmt.Sprintf("delete+%d", a.Offboard.GraceDays))
		}
	}
	return all
}

func TestAssess(t *testing.T) {
	const near, close, review = "expiry.near>owner", "expiry.close>owner", "review.due>owner"
	expires := func(at time.Time) func(*lifetime.Situation) {
		return func(s *lifetime.Situation) { s.Terms = lifetime.Terms{Expires: at} }
	}
	with := func(changes ...func(*lifetime.Situation)) func(*lifetime.Situation) {
		return func(s *lifetime.Situation) {
			for _, change := range changes {
				change(s)
			}
		}
	}
	hold := func(s *lifetime.Situation) { s.Hold = account.Hold{Reason: "federation"} }
	state := func(as account.AccountState) func(*lifetime.Situation) {
		return func(s *lifetime.Situation) { s.State = as }
	}
	gone := func(days int, seen lifetime.Presence) func(*lifetime.Situation) {
		return func(s *lifetime.Situation) {
			s.Seen, s.Record = seen, lifetime.Record{Owner: "it@contoso.com", OwnerSeen: true, OwnerGone: in(-days)}
			s.Record.Told = []lifetime.Told{{Notice: lifetime.OwnerGone, For: in(-days)}}
		}
	}
	for name, test := range map[string]struct {
		change func(*lifetime.Situation)
		want   []string
		flags  []lifetime.Flag
	}{
		"Quiet":         {nil, nil, nil},
		"NoDates":       {func(s *lifetime.Situation) { s.Terms = lifetime.Terms{} }, nil, nil},
		"FifteenDays":   {expires(in(15)), nil, nil},
		"FourteenDays":  {expires(in(14)), []string{near}, nil},
		"FourDays":      {expires(in(4)), []string{near}, nil},
		"ThreeDays":     {expires(in(3)), []string{close}, nil},
		"LastMoment":    {expires(now.Add(1)), []string{close}, nil},
		"TheEnd":        {expires(now), []string{"delete+0"}, []lifetime.Flag{lifetime.FlagExpired}},
		"WithGrace":     {with(expires(now), func(s *lifetime.Situation) { s.GraceDays = 30 }), []string{"delete+30"}, []lifetime.Flag{lifetime.FlagExpired}},
		"Held":          {with(expires(in(-1)), hold), []string{"expiry.held>owner"}, []lifetime.Flag{lifetime.FlagExpired}},
		"HoldOver":      {with(expires(in(-1)), hold, func(s *lifetime.Situation) { s.Hold.Until = now }), []string{"delete+0"}, []lifetime.Flag{lifetime.FlagExpired}},
		"Leaving":       {with(expires(in(-1)), state(account.AccountLeaving)), nil, nil},
		"Gone":          {with(expires(in(-1)), state(account.AccountGone)), nil, nil},
		"NotBegun":      {with(expires(in(2)), func(s *lifetime.Situation) { s.Terms.Starts = in(1) }), nil, nil},
		"Review":        {func(s *lifetime.Situation) { s.Terms.Review = now }, []string{review}, []lifetime.Flag{lifetime.FlagReview}},
		"ReviewAndEnd":  {func(s *lifetime.Situation) { s.Terms = lifetime.Terms{Review: in(-9), Expires: in(2)} }, []string{close, review}, []lifetime.Flag{lifetime.FlagReview}},
		"TooLateForIt":  {func(s *lifetime.Situation) { s.Terms = lifetime.Terms{Review: in(-9), Expires: in(-2)} }, []string{"delete+0"}, []lifetime.Flag{lifetime.FlagExpired}},
		"NoOwner":       {with(expires(in(3)), func(s *lifetime.Situation) { s.Owner.Email = "" }), []string{"expiry.close>operators"}, []lifetime.Flag{lifetime.FlagOwnerless}},
		"OwnerThere":    {func(s *lifetime.Situation) { s.Seen = lifetime.There }, nil, nil},
		"NeverSeen":     {func(s *lifetime.Situation) { s.Seen = lifetime.Absent }, nil, nil},
		"OwnerGone":     {with(gone(0, lifetime.Absent), func(s *lifetime.Situation) { s.Record.OwnerGone, s.Record.Told = time.Time{}, nil }), []string{"owner.gone>operators"}, []lifetime.Flag{lifetime.FlagOwnerGone}},
		"InTheGrace":    {gone(29, lifetime.Absent), nil, []lifetime.Flag{lifetime.FlagOwnerGone}},
		"AfterTheGrace": {gone(30, lifetime.Absent), []string{"disable"}, []lifetime.Flag{lifetime.FlagOwnerGone}},
		"NotReadToday":  {gone(30, lifetime.Unknown), nil, []lifetime.Flag{lifetime.FlagOwnerGone}},
		"OwnerBack":     {gone(30, lifetime.There), []string{"owner.back>operators"}, nil},
		"OwnerHeld":     {with(gone(31, lifetime.Absent), hold), []string{"owner.held>operators"}, []lifetime.Flag{lifetime.FlagOwnerGone}},
		"NewOwner":      {with(gone(31, lifetime.Absent), func(s *lifetime.Situation) { s.Owner.Email = "new@contoso.com" }), nil, nil},
		"EndWithout":    {with(gone(5, lifetime.Absent), expires(now)), []string{"disable"}, []lifetime.Flag{lifetime.FlagOwnerGone, lifetime.FlagExpired}},
		"NoticeWithout": {with(gone(5, lifetime.Absent), expires(in(3))), []string{"expiry.close>operators"}, []lifetime.Flag{lifetime.FlagOwnerGone}},
	} {
		t.Run(name, func(t *testing.T) {
			s := living(test.change)
			v := lifetime.Assess(s, now)
			assert.Equal(t, test.want, said(v.Actions))
			assert.Equal(t, test.flags, v.Flags)
			for _, a := range v.Actions {
				assert.NotEmpty(t, a.Text)
			}
			s.Record = v.Record
			for _, a := range lifetime.Assess(s, now).Actions {
				assert.NotNil(t, a.Offboard, "a notice went out twice: %s", a.Notice)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	text := func(change func(*lifetime.Situation)) string {
		actions := lifetime.Assess(living(change), now).Actions
		require.NotEmpty(t, actions)
		return actions[0].Text
	}
	assert.Equal(t, "the account expires on 2026-12-06, in 14 days: 'usher extend' makes it longer",
		text(func(s *lifetime.Situation) { s.Terms = lifetime.Terms{Expires: in(14)} }))
	assert.Contains(t, text(func(s *lifetime.Situation) { s.Terms = lifetime.Terms{Expires: now.Add(time.Minute)} }), "in 1 day:")
	assert.Contains(t, text(func(s *lifetime.Situation) {
		s.Seen, s.Record = lifetime.Absent, lifetime.Record{Owner: "it@contoso.com", OwnerSeen: true}
	}), "disabled on 2026-12-22")
}

// nights runs the sync every night and gives what was done, by day.
func nights(s lifetime.Situation, days int, before func(day int, s *lifetime.Situation)) map[int][]string {
	done := map[int][]string{}
	for night := range days {
		before(night, &s)
		v := lifetime.Assess(s, in(night))
		s.Record = v.Record
		if len(v.Actions) > 0 {
			done[night] = said(v.Actions)
		}
		if slices.ContainsFunc(v.Actions, func(a lifetime.Action) bool { return a.Offboard != nil }) {
			s.State = account.AccountLeaving
		}
	}
	return done
}

func TestALife(t *testing.T) {
	s := living(nil)
	s.GraceDays = 7
	assert.Equal(t, map[int][]string{
		16: {"expiry.near>owner"}, 20: {"review.due>owner"}, 27: {"expiry.close>owner"}, 30: {"delete+7"},
	}, nights(s, 60, func(int, *lifetime.Situation) {}))
}

func TestALifeThatIsExtended(t *testing.T) {
	assert.Equal(t, map[int][]string{
		16: {"expiry.near>owner"}, 20: {"review.due>owner"}, 27: {"expiry.close>owner"},
		56: {"expiry.near>owner"}, 67: {"expiry.close>owner"}, 70: {"delete+0"},
	}, nights(living(nil), 90, func(day int, s *lifetime.Situation) {
		if day == 28 {
			s.Terms.Expires = in(70)
		}
	}), "the new end has notices of its own")
}

func TestALifeWithoutAnOwner(t *testing.T) {
	s := living(func(s *lifetime.Situation) { s.Terms = lifetime.Terms{} })
	seen := func(day int, s *lifetime.Situation) {
		s.Seen = lifetime.There
		if day >= 5 && day < 10 || day >= 20 {
			s.Seen = lifetime.Absent
		}
		if day == 50 || day == 51 {
			s.Seen = lifetime.Unknown
		}
	}
	assert.Equal(t, map[int][]string{
		5: {"owner.gone>operators"}, 10: {"owner.back>operators"}, 20: {"owner.gone>operators"}, 52: {"disable"},
	}, nights(s, 80, seen))
}

// TestNothingIsDeletedSilently tries many lives: a deletion comes only after the end,
// without a hold, and never of an account whose owner is gone; no notice comes twice.
func TestNothingIsDeletedSilently(t *testing.T) {
	deleted := 0
	for seed := range uint64(120) {
		d := rand.New(rand.NewPCG(seed, 8))
		s := living(nil)
		told := map[string]bool{}
		for night := range 120 {
			switch d.IntN(30) {
			case 0:
				s.Hold = account.Hold{Reason: "federation", Until: in(night + d.IntN(20))}
			case 1:
				s.Terms.Expires = in(night + d.IntN(40)).Add(time.Duration(night)) // never a date that was over
			case 2:
				s.Owner.Email = fmt.Sprintf("o%d@contoso.com", d.IntN(3))
			case 3, 4:
				s.Seen = lifetime.Presence(d.IntN(3))
			}
			v := lifetime.Assess(s, in(night))
			for _, a := range v.Actions {
				if a.Offboard != nil {
					require.False(t, s.Hold.Active(in(night)))
					if a.Offboard.Mode != "disable" {
						require.True(t, s.Terms.Expired(in(night)))
						require.True(t, v.Record.OwnerGone.IsZero())
						deleted++
					}
					require.False(t, a.Offboard.Purge || a.Offboard.Force)
					continue
				}
				key := fmt.Sprint(a.Notice, s.Terms, v.Record.OwnerGone)
				require.False(t, told[key] && a.Notice != lifetime.OwnerBack, "seed %d night %d: %s", seed, night, a.Notice)
				told[key] = true
			}
			require.LessOrEqual(t, len(v.Record.Told), 8, "what is over is forgotten")
			s.Record = again(t, v.Record)
		}
	}
	assert.Positive(t, deleted)
}

// again takes a record through its JSON, as the ledger does.
func again(t *testing.T, r lifetime.Record) (back lifetime.Record) {
	t.Helper()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &back))
	return back
}

func TestAssessLeavesItsInputAlone(t *testing.T) {
	s := living(func(s *lifetime.Situation) { s.Terms.Expires = in(3) })
	s.Record.Told = append(make([]lifetime.Told, 0, 8), lifetime.Told{Notice: lifetime.ReviewDue, For: in(-90)})
	lifetime.Assess(s, now)
	assert.Equal(t, []lifetime.Told{{Notice: lifetime.ReviewDue, For: in(-90)}}, s.Record.Told)
	assert.Equal(t, lifetime.Told{}, s.Record.Told[:2][1])
}
