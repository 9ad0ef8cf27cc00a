package transcript

import (
	"fmt"
	"io"
	"strings"
	"time"

	"csph/logs"
	"csph/platform"
)

// teller writes the lines of one deployment.
type teller struct {
	format     Format
	w          io.Writer
	err        error // the first error of w; nothing is written after it
	deployment platform.Deployment

	screen   Screen          // nil while nothing is drawn
	starting time.Time       // when the first spherelet was started
	healthy  map[string]bool // spherelets that have passed
}

func newTeller(f Format, d platform.Deployment, w io.Writer) *teller {
	return &teller{format: f.filled(), w: w, deployment: d, healthy: map[string]bool{}}
}

// heading is the first line: what is deployed, from what, by whom.
func (t *teller) heading() {
	d := t.deployment
	t.at(d.Created, bold, fmt.Sprintf("Deploying %s: %s", d.Name, source(d)))
	t.detail(d.ID + by(d.Trigger))
}

func source(d platform.Deployment) string {
	s := d.Source
	switch s.Kind {
	case platform.FromGit:
		text := "commit " + short(s.Revision, 12)
		if s.Branch != "" {
			text += " of " + s.Branch
		}
		if s.Subject != "" {
			text += fmt.Sprintf(" (%s)", s.Subject)
		}
		return text
	case platform.FromTarball:
		return "uploaded source " + short(strings.TrimPrefix(s.Revision, "sha256:"), 12)
	case platform.FromImage:
		return "image " + s.Image
	}
	if d.Trigger.Kind == "rollback" {
		return "rollback to " + s.Deployment
	}
	return "the image of " + s.Deployment
}

func by(tr platform.Trigger) string {
	if tr.Actor == "" {
		return ", " + tr.Kind
	}
	return fmt.Sprintf(", %s by %s", tr.Kind, tr.Actor)
}

// tell writes the line of one event; what the lines before it have said already is left out.
func (t *teller) tell(e platform.Event) {
	switch e.Kind {
	case platform.EventStarting:
		t.started(e)
	case platform.EventHealthy:
		t.passed(e)
	case platform.EventBuild:
		if e.Status == "FINISHED" {
			t.at(e.Time, plain, said(e, "Build finished"))
		}
	case platform.EventUnhealthy, platform.EventCrashLooping, platform.EventExited, platform.EventOutOfMemory:
		t.at(e.Time, warn, said(e, e.Spherelet+" "+sentences[e.Kind]))
	case platform.EventVersion:
		t.at(e.Time, plain, "Traffic moved to the new version")
	default:
		if text, ok := sentences[e.Kind]; ok {
			t.at(e.Time, plain, said(e, text))
		}
	}
}

// sentences are what an event says when it carries no message of its own. Events that are not
// listed are not told: the lines around them say it.
var sentences = map[string]string{
	platform.EventBuildQueued:  "Waiting for the build's turn",
	platform.EventPullingImage: "Pulling the image",
	platform.EventImagePulled:  "Image pulled",
	platform.EventRelease:      "Running the release command",
	platform.EventUnhealthy:    "is not healthy yet",
	platform.EventCrashLooping: "keeps exiting",
	platform.EventExited:       "exited",
	platform.EventOutOfMemory:  "was killed: out of memory",
	platform.EventDraining:     "Draining the previous version",
	platform.EventDrained:      "The previous version is drained",
}

// said is the event's own message, begun like a sentence unless it begins with an id, or otherwise.
func said(e platform.Event, otherwise string) string {
	first, _, _ := strings.Cut(e.Message, " ")
	switch {
	case e.Message == "":
		return otherwise
	case strings.Contains(first, "_"):
		return e.Message
	}
	return strings.ToUpper(e.Message[:1]) + e.Message[1:]
}

// started tells the start of the whole set once, however many spherelets report theirs.
func (t *teller) started(e platform.Event) {
	if !t.starting.IsZero() {
		return
	}
	t.starting = e.Time
	c := t.deployment.Config
	t.at(e.Time, plain, said(e, fmt.Sprintf("Starting %s (%s)", count(c.Count, "spherelet"), c.Shape)))
}

// passed tells health twice at most: of the first spherelet that has it, in the event's own words, and
// of all together.
func (t *teller) passed(e platform.Event) {
	t.healthy[e.Spherelet] = true
	if len(t.healthy) == 1 {
		t.at(e.Time, plain, said(e, "Healthy"))
	}
	if n := t.deployment.Config.Count; n > 1 && len(t.healthy) == n {
		t.at(e.Time, plain, fmt.Sprintf("All %d spherelets are healthy after %s", n, seconds(e.Time.Sub(t.starting))))
	}
}

// buildLine writes one line of the build log: a heading for a step, else its output, indented.
func (t *teller) buildLine(l logs.Line) {
	if t.format.Screen != nil && (l.Step != "" || l.Stream == logs.Progress) {
		if t.screen == nil {
			t.screen = t.format.Screen()
		}
		t.screen.Show(l)
		return
	}
	if l.Stream == logs.Step {
		t.at(l.Time, bold, l.Text)
		return
	}
	t.detail(l.Text)
}

func (t *teller) closeScreen() {
	if t.screen != nil {
		t.screen.Close()
		t.screen = nil
	}
}

// end writes the outcome.
func (t *teller) end(d platform.Deployment) {
	last := d.Created
	if n := len(d.History); n > 0 {
		last = d.History[n-1].At
	}
	switch d.Status {
	case platform.Live, platform.Retired:
		t.lived(d)
	case platform.Failed:
		t.failed(d, last)
	case platform.Canceled:
		t.at(last, warn, "Canceled"+after(d.Message))
		t.advice("Nothing has changed for "+d.Name+". Deploy again when you are ready.", d.Hint)
	case platform.Superseded:
		t.at(last, warn, "Superseded by a newer deployment"+after(d.Message))
		t.advice("See it with: csph deployments list --service "+d.Name, d.Hint)
	default:
		t.at(last, warn, "Still "+string(d.Status))
	}
}

func (t *teller) lived(d platform.Deployment) {
	at := d.Created
	for _, p := range d.History {
		if p.Status == platform.Live {
			at = p.At
		}
	}
	t.at(at, good, "Live")
	if d.URL != "" {
		t.blank()
		t.margin(good, d.Name+" is live at "+d.URL)
	}
}

func (t *teller) failed(d platform.Deployment, at time.Time) {
	t.at(at, bad, fmt.Sprintf("Failed: %s", d.Reason))
	t.blank()
	if d.Message != "" {
		t.margin(bad, d.Message)
	}
	for _, line := range d.Tail {
		t.quote(line)
	}
	t.advice("", d.Hint)
}

// advice writes the last lines: where things stand, and what to do next.
func (t *teller) advice(stands, hint string) {
	if stands != "" {
		t.detail(stands)
	}
	if hint != "" {
		t.margin(plain, "What to do next: "+hint)
	}
}

func after(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func short(s string, n int) string {
	return s[:min(n, len(s))]
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%.1f s", d.Seconds())
}
