package transcript

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"csph/logs"
)

// paper is a screen that writes down what it was shown.
type paper struct {
	on    *bytes.Buffer
	shown int
}

func (p *paper) Show(logs.Line) { p.shown++ }

func (p *paper) Close() { fmt.Fprintf(p.on, "[%d lines drawn]\n", p.shown) }

func TestStepsAreDrawnAndWhatIsNotOfStepsStandsAroundThem(t *testing.T) {
	of := func(l logs.Line) logs.Line {
		l.Step = "a1"
		return l
	}
	s := live()
	s.log = []logs.Line{
		line(0.1, logs.Step, "Go 1.26: go.mod says go 1.26"),
		line(0.2, logs.Progress, `{"steps":[{"id":"a1","name":"compile"}]}`),
		of(line(0.2, logs.Step, "compile")), of(line(0.4, logs.Out, "compiling")),
		line(1.2, logs.Step, "image 12.0 MB"),
		line(1.3, logs.Progress, `{}`),
		line(1.8, logs.End, ""),
	}
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		f := Format{Screen: func() Screen { return &paper{on: &out} }}
		if err := f.Follow(t.Context(), s, "", &out); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		at := -1
		for _, want := range []string{"go.mod says", "[3 lines drawn]", "image 12.0 MB", "[1 lines drawn]", "Built in 1.7s", "is live at"} {
			next := strings.Index(text, want)
			if next <= at {
				t.Errorf("%q is not where it belongs in\n%s", want, text)
			}
			at = next
		}
		if strings.Contains(text, "compil") {
			t.Errorf("what is drawn is written, too:\n%s", text)
		}
	})
}
