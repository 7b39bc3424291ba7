package simulation

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

var (
	seeds = flag.Int("seeds", 300, "how many worlds to play")
	seed  = flag.Uint64("seed", 0, "play this world only, and tell all that was logged")
)

// TestPromises plays worlds in which everything can fail. A failing one is played
// again by go test ./functions/usher/simulation -run TestPromises -seed N: the same
// people, faults and deaths. Only what happens at one and the same instant may come
// in another order, so give a shy failure -count 20.
func TestPromises(t *testing.T) {
	if *seed != 0 {
		play(t, *seed)
		return
	}
	for i := range *seeds {
		t.Run(fmt.Sprint("seed=", i+1), func(t *testing.T) {
			t.Parallel()
			play(t, uint64(i+1))
		})
	}
}

func play(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed)
		s := &story{world: w, taken: map[string]bool{}}
		w.boot()
		s.live()
		s.check()
		if t.Failed() {
			t.Logf("seed %d, faults %.2f, deaths %d at %.2f, ledger %.2f\n%s", seed, w.faultOdds, w.deaths, w.deathOdds, w.ledgerOdds, strings.Join(w.logged, "\n"))
		}
		require.NoError(t, w.db.Close())
	})
}
