package servicebusfake

import "time"

// alarm runs a function at the earliest of the times it was told of. It may run it too
// early, when that time does not matter any more; then it is told of the next one.
type alarm struct {
	timer *time.Timer
	at    time.Time
	ring  func()
}

// by makes the alarm ring at the given time at the latest.
func (a *alarm) by(at, now time.Time) {
	if a.timer != nil && !at.Before(a.at) {
		return
	}
	a.stop()
	a.at = at
	a.timer = time.AfterFunc(max(at.Sub(now), 0), a.ring)
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}
