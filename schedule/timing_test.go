package schedule_test

import (
	"errors"
	"testing"
	"time"

	"csph/platform"
	"csph/schedule"
)

func parse(t testing.TB, expression, zone string) schedule.Timing {
	t.Helper()
	timing, err := schedule.Parse(expression, zone)
	if err != nil {
		t.Fatal(err)
	}
	return timing
}

// planned lists the next times after from, as the clock of the zone shows them.
func planned(t testing.TB, expression, zone, from string, n int) []string {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", from, location)
	if err != nil {
		t.Fatal(err)
	}
	timing := parse(t, expression, zone)
	var all []string
	for range n {
		at = timing.Next(at)
		all = append(all, at.In(location).Format("01-02 15:04 MST"))
	}
	return all
}

func TestTimesAreThoseOfTheZoneAcrossItsChangesOfTheClock(t *testing.T) {
	const berlin, newYork, lordHowe = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
	for name, c := range map[string]struct {
		expression, zone, from string
		want                   []string
	}{
		"a day like any other":              {"0 3 * * *", berlin, "2026-02-01 12:00", []string{"02-02 03:00 CET", "02-03 03:00 CET"}},
		"weekdays":                          {"15 9 * * 1-5", "UTC", "2026-05-01 09:15", []string{"05-04 09:15 UTC", "05-05 09:15 UTC"}},
		"the clock is put on":               {"30 2 * * *", berlin, "2026-03-28 12:00", []string{"03-29 03:30 CEST", "03-30 02:30 CEST"}},
		"the clock was put on just now":     {"30 2 * * *", berlin, "2026-03-29 03:10", []string{"03-29 03:30 CEST", "03-30 02:30 CEST"}},
		"what was left out has come":        {"30 2 * * *", berlin, "2026-03-29 03:30", []string{"03-30 02:30 CEST"}},
		"the clock is put back":             {"30 2 * * *", berlin, "2026-10-24 12:00", []string{"10-25 02:30 CEST", "10-26 02:30 CET"}},
		"after a change":                    {"30 4 * * *", berlin, "2026-10-24 12:00", []string{"10-25 04:30 CET", "10-26 04:30 CET"}},
		"before a change":                   {"30 1 * * *", berlin, "2026-03-28 12:00", []string{"03-29 01:30 CET", "03-30 01:30 CEST"}},
		"every hour, put on":                {"0 * * * *", berlin, "2026-03-29 00:30", []string{"03-29 01:00 CET", "03-29 03:00 CEST", "03-29 04:00 CEST"}},
		"every hour, put back":              {"0 * * * *", berlin, "2026-10-25 01:30", []string{"10-25 02:00 CEST", "10-25 02:00 CET", "10-25 03:00 CET"}},
		"half hours, put on":                {"*/30 * * * *", berlin, "2026-03-29 01:10", []string{"03-29 01:30 CET", "03-29 03:00 CEST"}},
		"every other hour, put on":          {"0 */2 * * *", berlin, "2026-03-29 00:30", []string{"03-29 03:00 CEST", "03-29 04:00 CEST"}},
		"every other hour, put back":        {"0 */2 * * *", berlin, "2026-10-25 00:30", []string{"10-25 02:00 CEST", "10-25 04:00 CET"}},
		"another continent, put on":         {"15 2 * * *", newYork, "2026-03-07 12:00", []string{"03-08 03:15 EDT", "03-09 02:15 EDT"}},
		"another continent, put back":       {"15 1 * * *", newYork, "2026-10-31 12:00", []string{"11-01 01:15 EDT", "11-02 01:15 EST"}},
		"a clock that is put on by half":    {"15 2 * * *", lordHowe, "2026-10-03 12:00", []string{"10-04 02:45 +11", "10-05 02:15 +11"}},
		"the last day of a month that is":   {"0 0 29 2 *", "UTC", "2026-03-01 00:00", []string{"02-29 00:00 UTC"}},
		"by names":                          {"@daily", berlin, "2026-03-28 12:00", []string{"03-29 00:00 CET", "03-30 00:00 CEST"}},
		"at intervals, whatever the clock":  {"@every 1h30m", berlin, "2026-03-29 01:00", []string{"03-29 03:30 CEST", "03-29 05:00 CEST"}},
		"in the second pass of an hour":     {"10 2 * * *", berlin, "2026-10-25 02:40", []string{"10-26 02:10 CET"}},
		"two in an hour that is left out":   {"0,30 2 * * *", berlin, "2026-03-28 12:00", []string{"03-29 03:00 CEST", "03-29 03:30 CEST", "03-30 02:00 CEST"}},
		"left out beside one that is there": {"0 2,3 * * *", berlin, "2026-03-28 12:00", []string{"03-29 03:00 CEST", "03-30 02:00 CEST"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := planned(t, c.expression, c.zone, c.from, len(c.want))
			for i := range c.want {
				if got[i] != c.want[i] {
					t.Errorf("%s in %s after %s: %v, want %v", c.expression, c.zone, c.from, got, c.want)
					break
				}
			}
		})
	}
}

func TestExpressionsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, c := range [][2]string{
		{"", ""}, {"* * * *", ""}, {"60 * * * *", ""}, {"* * * * * *", ""}, {"@sometimes", ""}, {"@every soon", ""},
		{"TZ=UTC", ""}, {"CRON_TZ=Europe/Berlin 0 3 * * *", ""}, {"0 0 31 2 *", ""},
		{"0 3 * * *", "Mars/Olympus"}, {"0 3 * * *", "../../etc/passwd"}, {"0 3 * * *", "Local"},
	} {
		if _, err := schedule.Parse(c[0], c[1]); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%q in %q: %v", c[0], c[1], err)
		}
	}
}

func TestWhatHasPassedIsCountedUpToAnEnd(t *testing.T) {
	first := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	timing := parse(t, "@hourly", "UTC")
	if n, last := timing.Passed(first, first.Add(150*time.Minute)); n != 3 || !last.Equal(first.Add(2*time.Hour)) {
		t.Errorf("%d, the last one %v", n, last)
	}
	if n, last := parse(t, "@every 1s", "UTC").Passed(first, first.Add(24*time.Hour)); n != 10_000 || !last.Equal(first) {
		t.Errorf("of a day of seconds %d, the last one %v", n, last)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0 3 * * *", "@every 1s", "*/5 1-3 L * sun", "TZ=", "@", "1-0 * * * *", "0 0 1 1 *"} {
		f.Add(s, "Europe/Berlin", int64(1774749600))
	}
	f.Fuzz(func(t *testing.T, expression, zone string, unix int64) {
		timing, err := schedule.Parse(expression, zone)
		if err != nil {
			if !errors.Is(err, platform.ErrInvalid) {
				t.Fatalf("%v is not called invalid", err)
			}
			return
		}
		at := time.Unix(unix%(1<<33), 0)
		if next := timing.Next(at); !next.IsZero() && !next.After(at) {
			t.Fatalf("%q in %q after %v: %v", expression, zone, at, next)
		}
	})
}
