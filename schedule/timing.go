package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"csph/platform"
)

// Timing is the times that a cron expression means in a time zone. It is a value, safe for concurrent use.
type Timing struct {
	plan cron.Schedule
	zone *time.Location
	// wall says that hours are named: what is planned is a time of the clock on the wall.
	wall bool
}

// everyHour is how the library marks a field that is a star.
const everyHour = 1 << 63

// Parse reads a cron expression: five fields (minute, hour, day of the month, month, day of the week), @hourly,
// @daily, @weekly, @monthly, @yearly or @every DURATION. zone is a name of the IANA database, "" for UTC.
// platform.ErrInvalid says what is wrong.
func Parse(expression, zone string) (Timing, error) {
	if zone == "Local" {
		return Timing{}, fmt.Errorf("%w: name the time zone, for example Europe/Berlin; the server's own may change", platform.ErrInvalid)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return Timing{}, fmt.Errorf("%w: there is no time zone %q; write for example Europe/Berlin or UTC", platform.ErrInvalid, zone)
	}
	if strings.Contains(expression, "=") {
		return Timing{}, fmt.Errorf("%w: %q: the time zone is given beside the expression, not in it", platform.ErrInvalid, expression)
	}
	plan, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor).Parse(expression)
	if err != nil {
		return Timing{}, fmt.Errorf("%w: %q is no schedule: %v; write minute, hour, day of the month, month and day of the week, for example '0 3 * * *', or @hourly, @every 15m", platform.ErrInvalid, expression, err)
	}
	t := Timing{plan: plan, zone: location}
	if spec, ok := plan.(*cron.SpecSchedule); ok {
		t.wall = spec.Hour&everyHour == 0
	}
	if t.Next(time.Now()).IsZero() {
		return Timing{}, fmt.Errorf("%w: %q never comes", platform.ErrInvalid, expression)
	}
	return t, nil
}

// Next is the first planned time after t, in UTC; zero when there is none in the next five years.
//
// Where hours are named, each time of the wall clock comes once a day: one that the change to summer time leaves out comes
// as much later as the clock was put on, and one that the change back repeats comes the first time only. Where every hour
// is meant, time goes on evenly: nothing comes in the hour that is left out, and the hour that is repeated counts twice.
func (t Timing) Next(after time.Time) time.Time {
	if !t.wall {
		return t.plan.Next(after.In(t.zone)).UTC()
	}
	local := after.In(t.zone)
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
	// A clock that was just put on shows later than what it left out.
	wall = wall.Add(-t.shift(local))
	for {
		if wall = t.plan.Next(wall); wall.IsZero() {
			return wall
		}
		if at := t.instant(wall); at.After(after) {
			return at
		}
	}
}

// longestShift is more than any clock is put on or back at once.
const longestShift = 3 * time.Hour

// shift is by how much the clock was put on in the last hours.
func (t Timing) shift(local time.Time) time.Duration {
	_, now := local.Zone()
	_, before := local.Add(-longestShift).Zone()
	return max(0, time.Duration(now-before)*time.Second)
}

// instant is when the wall clock shows wall for the first time; when it never does, as much later as it was put on.
func (t Timing) instant(wall time.Time) time.Time {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, t.zone)
	_, before := guess.Add(-longestShift).Zone()
	at := wall.Add(-time.Duration(before) * time.Second)
	_, then := at.In(t.zone).Zone()
	if then == before {
		return at
	}
	// The clock was changed by then: where it shows wall by the new offset, that is the time. Otherwise it was put on over it.
	changed := wall.Add(-time.Duration(then) * time.Second)
	if _, offset := changed.In(t.zone).Zone(); offset == then {
		return changed
	}
	return at
}

// most is how many planned times are counted; who was away for longer is told so many.
const most = 10_000

// Passed counts the planned times from first, which is one, up to at, and returns the last of them. When there are more than
// can be told, last is first and count the most that is told.
func (t Timing) Passed(first, at time.Time) (count int, last time.Time) {
	for next := first; !next.IsZero() && !next.After(at); next = t.Next(next) {
		if count++; count == most {
			return most, first
		}
		last = next
	}
	return count, last
}
