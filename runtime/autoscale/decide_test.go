package autoscale

import (
	"slices"
	"testing"
	"time"

	"csph/platform"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const fiveMinutes = 5 * time.Minute

func TestTheCountFollowsTheUse(t *testing.T) {
	wide := platform.Autoscale{Min: 1, Max: 10, CPU: 50}
	for name, c := range map[string]struct {
		policy platform.Autoscale
		count  int
		uses   []float64
		want   int
	}{
		"as wanted":                                  {wide, 2, []float64{50, 50}, 2},
		"a tenth over is let pass":                   {wide, 2, []float64{55, 55}, 2},
		"a tenth under is let pass":                  {wide, 2, []float64{45, 45}, 2},
		"just over a tenth":                          {wide, 2, []float64{56, 56}, 3},
		"just under a tenth":                         {wide, 10, []float64{44, 44, 44, 44, 44, 44, 44, 44, 44, 44}, 9},
		"half too much":                              {wide, 2, []float64{75, 75}, 3},
		"one busy, one idle":                         {wide, 2, []float64{100, 0}, 2},
		"no more than double":                        {wide, 2, []float64{400, 400}, 4},
		"no more than the most":                      {platform.Autoscale{Min: 1, Max: 3, CPU: 50}, 2, []float64{400, 400}, 3},
		"idle":                                       {wide, 4, []float64{0, 0, 0, 0}, 1},
		"no less than the least":                     {platform.Autoscale{Min: 2, Max: 9, CPU: 50}, 4, []float64{0, 0, 0, 0}, 2},
		"half of it":                                 {wide, 4, []float64{25, 25, 25, 25}, 2},
		"a whole number is not rounded up":           {platform.Autoscale{Min: 1, Max: 10, CPU: 70}, 3, []float64{14, 14, 14}, 1},
		"nothing is known":                           {wide, 3, nil, 3},
		"nothing is known, and there are too few":    {platform.Autoscale{Min: 4, Max: 9, CPU: 50}, 3, nil, 4},
		"nothing is known, and there are too many":   {platform.Autoscale{Min: 1, Max: 2, CPU: 50}, 3, nil, 2},
		"too many, however busy":                     {platform.Autoscale{Min: 1, Max: 2, CPU: 50}, 3, []float64{99, 99, 99}, 2},
		"new ones may take the load":                 {wide, 2, []float64{100}, 2},
		"new ones will not suffice":                  {wide, 2, []float64{130}, 3},
		"new ones may be needed":                     {wide, 4, []float64{25, 25}, 3},
		"new ones may be needed all":                 {wide, 10, []float64{40}, 10},
		"one new beside one idle":                    {wide, 2, []float64{0}, 1},
		"more are seen than there should be: drains": {wide, 1, []float64{25, 25}, 1},
	} {
		_, past := Decide(c.policy, Seen{Count: c.count, Uses: c.uses}, noon, 0, []Advice{{noon.Add(-time.Hour), 100}})
		got, _ := Decide(c.policy, Seen{Count: c.count, Uses: c.uses}, noon.Add(time.Second), 0, past)
		if got.Count != c.want {
			t.Errorf("%s: %d of %v become %d, want %d", name, c.count, c.uses, got.Count, c.want)
		}
		if (got.Why == "") != (got.Count == c.count) {
			t.Errorf("%s: %d becomes %d because of %q", name, c.count, got.Count, got.Why)
		}
	}
}

// The count never leaves the bounds, goes up by no more than double, and more use never means fewer.
func TestWhateverIsSeenTheCountKeepsTheRules(t *testing.T) {
	for low := 1; low <= 4; low++ {
		for high := low; high <= 9; high++ {
			p := platform.Autoscale{Min: low, Max: high, CPU: 60}
			for count := 1; count <= 12; count++ {
				for known := 0; known <= count; known++ {
					before := 0
					for use := 0.0; use <= 100; use += 2.5 {
						seen := Seen{Count: count, Uses: slices.Repeat([]float64{use}, known)}
						got, _ := Decide(p, seen, noon, 0, nil)
						if got.Count < low || got.Count > high || got.Count > max(low, fastest*count) || got.Count < before {
							t.Fatalf("%v: %d spherelets, of which %d use %.1f %%, become %d after %d", p, count, known, use, got.Count, before)
						}
						before = got.Count
					}
				}
			}
		}
	}
}

func TestTheCountGoesDownToTheMostOfTheLastMinutes(t *testing.T) {
	p := platform.Autoscale{Min: 1, Max: 10, CPU: 50}
	count, past := 4, []Advice(nil)
	look := func(after time.Duration, use float64) {
		var to Decision
		to, past = Decide(p, Seen{Count: count, Uses: slices.Repeat([]float64{use}, count)}, noon.Add(after), fiveMinutes, past)
		count = to.Count
	}
	for _, step := range []struct {
		after time.Duration
		use   float64
		want  int
	}{
		{0, 0, 4}, // what there is when it begins stays for as long as any other advice
		{4 * time.Minute, 25, 4},
		{5 * time.Minute, 0, 4},
		{5*time.Minute + time.Second, 0, 2}, // of four minutes ago
		{9 * time.Minute, 0, 2},
		{9*time.Minute + time.Second, 0, 1},
		{10 * time.Minute, 100, 2}, // up at once
		{10*time.Minute + time.Second, 100, 4},
		{15 * time.Minute, 0, 4},
		{15*time.Minute + 2*time.Second, 0, 1},
	} {
		if look(step.after, step.use); count != step.want {
			t.Errorf("after %s at %.0f %% there are %d, want %d", step.after, step.use, count, step.want)
			count = step.want
		}
	}
	if len(past) > 2 {
		t.Errorf("%d pieces of advice are kept", len(past))
	}
}

func TestADecisionSaysWhatItFollowsFrom(t *testing.T) {
	p := platform.Autoscale{Min: 2, Max: 4, CPU: 70}
	for want, seen := range map[string]Seen{
		"CPU at 91 %, over 70 %": {Count: 2, Uses: []float64{92, 90}},
		"2 is the least":         {Count: 1},
		"4 is the most":          {Count: 6},
	} {
		if got, _ := Decide(p, seen, noon, fiveMinutes, nil); got.Why != want {
			t.Errorf("%+v: %q, want %q", seen, got.Why, want)
		}
	}
	down, _ := Decide(p, Seen{Count: 4, Uses: []float64{7, 7, 7, 7}}, noon, fiveMinutes, []Advice{{noon, 2}})
	if down.Count != 2 || down.Why != "CPU at 7 %, under 70 %" {
		t.Errorf("%+v", down)
	}
}
