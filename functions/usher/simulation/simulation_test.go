package simulation

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

var (
	seeds = flag.Int("seeds", 300, "how many worlds to play; a fifth of them is played on Service Bus, too")
	seed  = flag.Uint64("seed", 0, "play this world only, and tell all that was logged")
)

// TestPromises plays worlds in which everything can fail. A failing one is played
// again by go test ./functions/usher/simulation -run TestPromises -seed N: the same
// people, faults and deaths. Only what happens at one and the same instant may come
// in another order, so give a shy failure -count 20.
func TestPromises(t *testing.T) { playAll(t, *seeds, onSQLite) }

// TestPromisesOnServiceBus plays the same worlds on the Service Bus adapter and a ledger
// with an outbox, where the namespace fails, too.
func TestPromisesOnServiceBus(t *testing.T) { playAll(t, *seeds/5, onServiceBus) }

func playAll(t *testing.T, worlds int, on func(*world) engines) {
	if *seed != 0 {
		play(t, *seed, on)
		return
	}
	for i := range worlds {
		t.Run(fmt.Sprint("seed=", i+1), func(t *testing.T) {
			t.Parallel()
			play(t, uint64(i+1), on)
		})
	}
}

func play(t *testing.T, seed uint64, on func(*world) engines) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, on)
		s := newStory(w)
		w.boot()
		s.live()
		s.check()
		if t.Failed() {
			t.Logf("seed %d, faults %.2f, deaths %d at %.2f, ledger %.2f\n%s", seed, w.faultOdds, w.deaths, w.deathOdds, w.ledgerOdds, excerpt(w.logged))
		}
		w.close()
	})
}

// excerpt is all that was logged of a world that is played alone, and of one among many
// its last lines: what is kept of a run of CI must show which promise was broken.
func excerpt(logged []string) string {
	if *seed == 0 && len(logged) > 30 {
		logged = logged[len(logged)-30:]
		for i, line := range logged {
			logged[i] = line[:min(len(line), 200)]
		}
	}
	return strings.Join(logged, "\n")
}
