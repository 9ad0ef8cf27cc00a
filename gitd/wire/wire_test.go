package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

func TestCommandLinesOfGitClientsAreUnderstood(t *testing.T) {
	for line, want := range map[string]Command{
		"git-receive-pack '/web.git'":          {ReceivePack, "web"},
		"git-receive-pack 'web'":               {ReceivePack, "web"},
		"git-upload-pack '/staging/web.git'":   {UploadPack, "staging/web"},
		"git upload-pack '/shop/staging/web'":  {UploadPack, "shop/staging/web"},
		"git-receive-pack web":                 {ReceivePack, "web"},
		"git-receive-pack '/my-app_2.git.git'": {ReceivePack, "my-app_2.git"},
	} {
		got, err := ParseCommand(line)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
}

func TestQuotingIsUndoneAsGitDoesIt(t *testing.T) {
	for quoted, want := range map[string]string{
		`'a'\''b'`: "a'b", `'a'\!'b'`: "a!b", `''`: "", `'a b'`: "a b", `a`: "a",
	} {
		if got, err := unquote(quoted); err != nil || got != want {
			t.Errorf("%s: %q, %v", quoted, got, err)
		}
	}
	for _, bad := range []string{``, `'a`, `'a'b`, `'a' 'b'`, `'a'\"'b'`, `a;b`, `$(a)`, `"a"`, "a\nb"} {
		if got, err := unquote(bad); err == nil {
			t.Errorf("%s was taken as %q", bad, got)
		}
	}
}

func TestReferenceNamesAreJudgedAsGitJudgesThem(t *testing.T) {
	for _, name := range []string{"refs/heads/main", "refs/heads/a/b", "refs/tags/v1.0", "refs/heads/ü", "refs/heads/@", "refs/heads/-x",
		"refs/heads/a@b", "refs/heads/a.", "refs/heads/a..b", "refs/heads/.a", "refs/heads/a/.b", "refs/heads/a.lock", "refs/heads/a.lock/b",
		"refs/heads/a b", "refs/heads/a~", "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?", "refs/heads/a*", "refs/heads/a[", `refs/heads/a\`,
		"refs/heads/", "refs/heads//a", "refs/heads/a/", "refs/heads/a@{b", "refs/heads/\x7f", "refs/heads/a\tb"} {
		stock := exec.Command("git", "check-ref-format", name).Run() == nil
		if ours := CheckRefName(name) == nil; ours != stock {
			t.Errorf("%q: git says %v, we say %v", name, stock, ours)
		}
	}
	for _, name := range []string{"main", "HEAD", "refs/x", "heads/main", "", "refs/heads/" + strings.Repeat("a", 251), strings.Repeat("refs/a/", 200) + "b"} {
		if CheckRefName(name) == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestPushOptionsThatAreUnknownOrMalformedAreRefused(t *testing.T) {
	for _, option := range []string{"", "deploy", "no-deploy=1", "no-cache=", "env", "env=", "env=A", "env=1A=x", "env=A B=x", "env==x", "env=A=\x00", "ENV=A=b"} {
		if o, err := ParseOptions([]string{option}); err == nil {
			t.Errorf("%q was taken: %+v", option, o)
		}
	}
}

func packets(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		if line == "" {
			b.WriteString("0000")
			continue
		}
		fmt.Fprintf(&b, "%04x%s", len(line)+4, line)
	}
	return b.String()
}

var (
	zero = strings.Repeat("0", 40)
	one  = strings.Repeat("1", 40)
	two  = strings.Repeat("2", 40)
)

func TestUpdateRequestIsReadUpToThePack(t *testing.T) {
	r := strings.NewReader(packets("shallow "+one, "shallow "+two+"\n", zero+" "+one+" refs/heads/main\x00 report-status push-options agent=x/1",
		one+" "+zero+" refs/heads/a b\n", "", "no-deploy", "env=A=b", "") + "PACK")
	u, err := ReadUpdate(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Shallow) != 2 || len(u.Commands) != 2 || u.Commands[1].Name != "refs/heads/a b" || !u.NeedsPack() ||
		fmt.Sprint(u.Options) != "[no-deploy env=A=b]" || !u.Capabilities.Supports(capability.ReportStatus) {
		t.Errorf("read %+v", u)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "PACK" {
		t.Errorf("left over: %q", rest)
	}
}

func TestUpdateRequestWithoutCommandsIsNoError(t *testing.T) {
	for _, request := range []string{"", "0000"} {
		if u, err := ReadUpdate(strings.NewReader(request)); err != nil || len(u.Commands) != 0 || u.NeedsPack() {
			t.Errorf("%q: %+v, %v", request, u, err)
		}
	}
}

func TestMalformedUpdateRequestsAreErrors(t *testing.T) {
	for _, request := range []string{
		"00", "0003", "0004", "fffff", packets(zero + " " + one + " refs/heads/a"), packets("shallow x", ""), packets(zero+" "+one, ""),
		packets(zero+" "+strings.Repeat("g", 40)+" refs/heads/a", ""), packets("push-cert\x00atomic", ""), packets(zero+"  "+one+"refs/heads/a", ""),
		packets(zero+" "+one+" refs/heads/a\x00push-options", "", "no-deploy"), packets(zero+" "+one+" r\x00", zero+" "+one+" r\x00x", ""),
		packets(zero+" "+one+" refs/heads/a\x00push-options", "") + strings.Repeat(packets("x"), maxOptions+1) + "0000",
	} {
		if u, err := ReadUpdate(strings.NewReader(request)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60q: %+v, %v", request, u, err)
		}
	}
}

func TestUpdateRequestIsBounded(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(packets(zero+" "+one+" refs/heads/a\x00report-status")), &repeater{packets(zero + " " + one + " refs/heads/a")})
	if _, err := ReadUpdate(endless); !errors.Is(err, ErrMalformed) {
		t.Errorf("an endless request ended with %v", err)
	}
}

type repeater struct{ text string }

func (r *repeater) Read(p []byte) (int, error) {
	n := 0
	for n+len(r.text) <= len(p) {
		n += copy(p[n:], r.text)
	}
	if n == 0 { // a read smaller than the text: a rotation of it goes on
		n = copy(p, r.text)
		r.text = r.text[n:] + r.text[:n]
	}
	return n, nil
}

func client(t *testing.T, capabilities ...capability.Capability) *capability.List {
	t.Helper()
	list := capability.NewList()
	for _, c := range capabilities {
		if err := list.Set(c); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func TestTerminalSendsWholeLinesAndTheReportThroughTheSideBand(t *testing.T) {
	var out, stderr bytes.Buffer
	terminal := NewTerminal(client(t, capability.Sideband64k, capability.ReportStatus), &out, &stderr)
	fmt.Fprint(terminal, "half a li")
	if out.Len() > 0 {
		t.Errorf("half a line was sent: %q", out.String())
	}
	fmt.Fprint(terminal, "ne\nand ")
	long := strings.Repeat("x", 200_000)
	fmt.Fprint(terminal, long+"\nunfinished")
	status := &packp.ReportStatus{UnpackStatus: "ok", CommandStatuses: []*packp.CommandStatus{{ReferenceName: "refs/heads/main", Status: "ok"}}}
	if err := terminal.Report(status); err != nil {
		t.Fatal(err)
	}
	var progress bytes.Buffer
	demuxer := sideband.NewDemuxer(sideband.Sideband64k, &out)
	demuxer.Progress = &progress
	got := &packp.ReportStatus{}
	if err := got.Decode(demuxer); err != nil || got.Error() != nil {
		t.Errorf("report: %v %v", err, got.Error())
	}
	if want := "half a line\nand " + long + "\nunfinished\n"; progress.String() != want {
		t.Errorf("progress of %d bytes, not %d", progress.Len(), len(want))
	}
	if stderr.Len() > 0 {
		t.Errorf("standard error: %q", stderr.String())
	}
}

func TestTerminalOfAClientWithoutSideBandIsStandardError(t *testing.T) {
	var out, stderr bytes.Buffer
	terminal := NewTerminal(client(t), &out, &stderr)
	terminal.Say("two\nlines and \x1b[2J")
	if err := terminal.Report(&packp.ReportStatus{UnpackStatus: "ok"}); err != nil {
		t.Fatal(err)
	}
	if stderr.String() != "two lines and  [2J\n" || out.Len() > 0 {
		t.Errorf("standard error %q, output %q", stderr.String(), out.String())
	}
}

func TestTerminalKeepsQuietConnectionsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		terminal := NewTerminal(client(t, capability.Sideband64k), &out, io.Discard)
		ctx, cancel := context.WithTimeout(t.Context(), 13*time.Second)
		defer cancel()
		terminal.KeepAlive(ctx, 5*time.Second)
		if out.String() != "0005\x01" {
			t.Errorf("after 13 quiet seconds: %q", out.String())
		}
	})
}

func FuzzCommandLine(f *testing.F) {
	for _, seed := range []string{"git-receive-pack '/web.git'", "git-upload-pack 'a'\\''b'", "git-receive-pack web", "scp -t /", "'", "git upload-pack '/../x'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		command, err := ParseCommand(line)
		if err != nil {
			return
		}
		again, err := ParseCommand(string(command.Verb) + " '/" + command.Path + ".git'")
		if err != nil || again != command {
			t.Errorf("%q means %+v, which does not come back: %+v, %v", line, command, again, err)
		}
		for part := range strings.SplitSeq(command.Path, "/") {
			if part == "" || part[0] == '.' || part[0] == '-' || strings.ContainsAny(part, "\x00\n'\\ ") {
				t.Errorf("%q gave the path %q", line, command.Path)
			}
		}
	})
}

func FuzzUpdateRequest(f *testing.F) {
	f.Add([]byte(packets("shallow "+one, zero+" "+one+" refs/heads/main\x00report-status push-options", "", "no-deploy", "")))
	f.Add([]byte("0000"))
	f.Fuzz(func(t *testing.T, request []byte) {
		u, err := ReadUpdate(bytes.NewReader(request))
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		for _, c := range u.Commands {
			if c.Name == "" || bytes.IndexByte([]byte(c.Name), 0) >= 0 {
				t.Errorf("command %+v", c)
			}
		}
	})
}

func FuzzPushOptions(f *testing.F) {
	f.Add("env=A=b", "no-deploy")
	f.Fuzz(func(t *testing.T, a, b string) {
		o, err := ParseOptions([]string{a, b})
		if err != nil {
			return
		}
		for name, value := range o.Env {
			if !variable.MatchString(name) || strings.Contains(value, "\x00") {
				t.Errorf("%q and %q gave %q=%q", a, b, name, value)
			}
		}
	})
}

func FuzzReferenceName(f *testing.F) {
	f.Add("refs/heads/main")
	f.Add("refs/heads/a.lock/b")
	f.Fuzz(func(t *testing.T, name string) {
		if CheckRefName(name) != nil {
			return
		}
		// go-git is stricter than git in two: branches and tags with a minus in front, and components that are @ alone.
		stricter := strings.Contains(name, "/-") || slices.Contains(strings.Split(name, "/"), "@")
		if plumbing.ReferenceName(name).Validate() != nil && !stricter {
			t.Errorf("%q was taken, and go-git refuses it", name)
		}
		if strings.Contains(name, "..") || strings.Contains(name, "//") || !strings.HasPrefix(name, "refs/") {
			t.Errorf("%q was taken", name)
		}
	})
}
