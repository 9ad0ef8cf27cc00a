package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"csph/api/client"
)

const (
	fenceRatio   = 1.2
	loadRate     = 200 // requests a second
	loadRequests = 1200
)

// measureFence compares the 99th percentile of an app's answers, asked through the router, beside a build that
// burns every processor with the one while nothing is built. Answers that a stall of the machine itself met are not
// counted, on either side: a build that burns has a virtual machine held up by its host more often than an idle one.
func measureFence(ctx context.Context, b *bench, report func(figure)) (err error) {
	s, err := startServer(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	a, err := newApp(ctx, b, s, "go-hello", "main.go")
	if err != nil {
		return err
	}
	if _, err := a.release(ctx, "bench"); err != nil {
		return err
	}
	var alone, beside, aloneAll, besideAll []time.Duration
	for n := range b.rounds {
		quiet, err := s.answers(ctx, a.name)
		if err != nil {
			return err
		}
		burning, err := s.answersBesideBuild(ctx, a)
		if err != nil {
			return err
		}
		b.note("answers, round %d: p99 beside a build %s; alone %s", n+1, burning, quiet)
		alone, beside = append(alone, quiet.p99(quiet.counted())), append(beside, burning.p99(burning.counted()))
		aloneAll, besideAll = append(aloneAll, quiet.p99(quiet.all)), append(besideAll, burning.p99(burning.all))
	}
	report(ratioOf("p99 of answers beside a build, to alone", beside, alone, fenceRatio))
	b.note("with what the machine's stalls met: %s beside a build, %s alone", milliseconds(median(besideAll)), milliseconds(median(aloneAll)))
	return nil
}

// answer is one request and its answer; it is timed from when it was due.
type answer struct{ due, ended time.Time }

// answers are those of one load.
type answers struct {
	all    []answer
	stalls []stall
}

// counted are the answers that no stall of the machine met.
func (a answers) counted() []answer {
	return slices.DeleteFunc(slices.Clone(a.all), func(one answer) bool {
		return slices.ContainsFunc(a.stalls, func(s stall) bool { return s.meets(one.due, one.ended) })
	})
}

func (a answers) p99(of []answer) time.Duration {
	var took []time.Duration
	for _, one := range of {
		took = append(took, one.ended.Sub(one.due))
	}
	return quantile(took, 0.99)
}

func (a answers) String() string {
	var longest time.Duration
	for _, s := range a.stalls {
		longest = max(longest, s.Ended.Sub(s.Began))
	}
	counted := a.counted()
	return fmt.Sprintf("%s (%s with the %d answers that met stalls of the machine, the longest of %s)",
		milliseconds(a.p99(counted)), milliseconds(a.p99(a.all)), len(a.all)-len(counted), milliseconds(longest))
}

// answers asks a service at a steady rate, before a witness of the machine's stalls.
func (s *server) answers(ctx context.Context, service string) (answers, error) {
	w, err := startWitness(ctx)
	if err != nil {
		return answers{}, err
	}
	all, err := s.load(ctx, service)
	stalls, witnessErr := w.end()
	return answers{all, stalls}, errors.Join(err, witnessErr)
}

func (s *server) load(ctx context.Context, service string) ([]answer, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: loadRate}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: askTimeout}
	all, failed := make([]answer, loadRequests), make([]error, loadRequests)
	var asked sync.WaitGroup
	began := time.Now()
	for i := range loadRequests {
		due := began.Add(time.Duration(i) * time.Second / loadRate)
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			asked.Wait()
			return nil, context.Cause(ctx)
		}
		asked.Go(func() {
			failed[i] = s.ask(ctx, client, service)
			all[i] = answer{due, time.Now()}
		})
	}
	asked.Wait()
	return all, errors.Join(failed...)
}

func (s *server) ask(ctx context.Context, client *http.Client, service string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.http+"/", nil)
	if err != nil {
		return err
	}
	r.Host = service + ".localhost"
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", service, answer.Status)
	}
	return nil
}

const burnService = "burn"

// answersBesideBuild is answers while a build of another service keeps every processor busy.
func (s *server) answersBesideBuild(ctx context.Context, a *app) (heard answers, err error) {
	// The sum keeps the command's own text from looking like its output.
	burn := "echo burning $((40 + 2)); for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; wait"
	cmd := exec.Command(filepath.Join(s.bin, "csph"), "deploy", "--service", burnService, "--build", burn, a.dir)
	token, err := os.ReadFile(filepath.Join(s.state, "admin.token"))
	if err != nil {
		return answers{}, err
	}
	cmd.Env = append(os.Environ(), "CSPH_URL=http://"+s.api, "CSPH_TOKEN="+strings.TrimSpace(string(token)))
	before, err := s.newest(ctx, burnService)
	if err != nil {
		return answers{}, err
	}
	if err := cmd.Start(); err != nil {
		return answers{}, fmt.Errorf("start a build: %w", err)
	}
	defer func() {
		cancelErr := cmd.Process.Signal(os.Interrupt) // cancels the build; csph then exits with an error
		_ = cmd.Wait()
		err = errors.Join(err, cancelErr)
	}()
	if err := s.awaitBurning(ctx, before); err != nil {
		return answers{}, err
	}
	return s.answers(ctx, a.name)
}

// newest is the id of a service's newest deployment, "" while there is none.
func (s *server) newest(ctx context.Context, service string) (string, error) {
	all, err := s.client.Deployments(ctx, "", 1)
	if err != nil || len(all) == 0 || all[0].Name != service {
		return "", err
	}
	return all[0].ID, nil
}

// awaitBurning blocks until a build that came after the deployment before burns.
func (s *server) awaitBurning(ctx context.Context, before string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	id := before
	for id == "" || id == before {
		var err error
		if id, err = s.newest(ctx, burnService); err != nil {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the build: %w", context.Cause(ctx))
		}
	}
	for line, err := range s.client.BuildLog(ctx, id, client.LogQuery{Follow: true}) {
		if err != nil {
			return fmt.Errorf("read the build's log: %w", err)
		}
		if strings.Contains(line.Text, "burning 42") {
			return nil
		}
	}
	return errors.New("the build ended before it burned")
}
