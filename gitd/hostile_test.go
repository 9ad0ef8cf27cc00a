package gitd_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"csph/gitd"
)

// object writes an object into a work tree's repository without any check.
func (h *host) object(dir, kind string, content []byte) string {
	h.t.Helper()
	cmd := h.command(dir, "git", "hash-object", "-t", kind, "-w", "--stdin", "--literally")
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("hash-object: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

type entry struct{ mode, name, id string }

// rawTree writes a tree as it is told to.
func (h *host) rawTree(dir string, entries ...entry) string {
	var raw bytes.Buffer
	for _, e := range entries {
		id, err := hex.DecodeString(e.id)
		if err != nil {
			h.t.Fatal(err)
		}
		fmt.Fprintf(&raw, "%s %s\x00%s", e.mode, e.name, id)
	}
	return h.object(dir, "tree", raw.Bytes())
}

func (h *host) commitTree(dir, tree string) string {
	return h.object(dir, "commit", fmt.Appendf(nil, "tree %s\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nhostile\n", tree))
}

func TestMalformedTreesAreRefused(t *testing.T) {
	for name, options := range map[string][]option{"git": nil, "without git": {withoutGit}} {
		t.Run(name, func(t *testing.T) {
			h := start(t, options...)
			dir := h.tree("web")
			blob := h.object(dir, "blob", []byte("x"))
			folder := h.rawTree(dir, entry{"100644", "x", blob})
			link := func(target string) string { return h.object(dir, "blob", []byte(target)) }
			for what, entries := range map[string][]entry{
				"a folder named ..":              {{"40000", "..", folder}},
				"a folder named .":               {{"40000", ".", folder}},
				"a folder named .git":            {{"40000", ".git", folder}},
				"a folder named .GiT":            {{"40000", ".GiT", folder}},
				"the short name of .git":         {{"40000", "GIT~1", folder}},
				".git with a trailing dot":       {{"40000", ".git.", folder}},
				".git with an ignored character": {{"40000", ".g\u200cit", folder}},
				"a slash in a name":              {{"100644", "a/b", blob}},
				"an empty name":                  {{"100644", "", blob}},
				"a newline in a name":            {{"100644", "a\nb", blob}},
				"an escape in a name":            {{"100644", "\x1b[2J", blob}},
				"a name of 300 bytes":            {{"100644", strings.Repeat("n", 300), blob}},
				"an entry that is there twice":   {{"100644", "a", blob}, {"100644", "a", blob}},
				"a file and a folder of a name":  {{"100644", "a", blob}, {"40000", "a", folder}},
				"entries out of order":           {{"100644", "b", blob}, {"100644", "a", blob}},
				"an unknown mode":                {{"100777", "a", blob}},
				"a device":                       {{"60000", "a", blob}},
				"an entry that points nowhere":   {{"100644", "a", strings.Repeat("0", 40)}},
				"an absolute symlink":            {{"120000", "a", link("/etc/passwd")}},
				"a symlink that climbs out":      {{"120000", "a", link("b/../../x")}},
				"a symlink that climbs by another": {{"120000", "a", link("sub/up/..")},
					{"40000", "sub", h.rawTree(dir, entry{"120000", "up", link("..")})}},
				"a symlink to itself":          {{"120000", "a", link("a")}},
				"a symlink with a huge target": {{"120000", "a", link(strings.Repeat("t/", 4000))}},
			} {
				commit := h.commitTree(dir, h.rawTree(dir, entries...))
				out, err := h.try(dir, "git", "push", "csph", commit+":refs/heads/main")
				if err == nil || !strings.Contains(out, "remote rejected") && !strings.Contains(out, "remote unpack failed") {
					t.Errorf("%s: %v\n%s", what, err, out)
				}
				if h.deployer.count() > 0 || h.services.has("web") {
					t.Fatalf("%s was deployed", what)
				}
			}
			fine := h.commitTree(dir, h.rawTree(dir, entry{"120000", "a", link("sub/up/sub/../b")}, entry{"100644", "b", blob},
				entry{"40000", "sub", h.rawTree(dir, entry{"120000", "up", link("..")})}))
			h.git(dir, "push", "csph", fine+":refs/heads/main")
			h.sound("svc_web")
		})
	}
}

func TestBranchesThatAreNoCommitsAndCommitsWithoutTreesAreRefused(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	blob := h.object(dir, "blob", []byte("x"))
	h.fail("remote rejected", dir, "push", "csph", h.rawTree(dir, entry{"100644", "x", blob})+":refs/heads/main")
	bad := h.object(dir, "commit", []byte("tree "+blob+"\nauthor nobody\n\nno\n"))
	h.fail("remote", dir, "push", "csph", bad+":refs/heads/main")
	if h.services.has("web") {
		t.Error("the service was made")
	}
}

// receive speaks the protocol by hand: it sends a push of id to main with this pack, and returns all
// that came back.
func (h *host) receive(id string, pack []byte, capabilities string) string {
	h.t.Helper()
	session, err := h.dial().NewSession()
	if err != nil {
		h.t.Fatal(err)
	}
	defer session.Close()
	in, err := session.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	out := &lockedBuffer{}
	session.Stdout, session.Stderr = out, out
	if err := session.Start("git-receive-pack 'web'"); err != nil {
		h.t.Fatal(err)
	}
	line := strings.Repeat("0", 40) + " " + id + " refs/heads/main\x00" + capabilities
	if _, err := fmt.Fprintf(in, "%04x%s0000%s", len(line)+4, line, pack); err != nil && err != io.EOF {
		h.t.Fatal(err)
	}
	_ = in.Close()
	if err := session.Wait(); err == nil {
		h.t.Errorf("the session ended well:\n%q", out.String())
	}
	return out.String()
}

// packOf is the pack of all that is reachable from a commit.
func (h *host) packOf(dir, commit string) []byte {
	cmd := h.command(dir, "git", "pack-objects", "--revs", "--stdout", "-q")
	cmd.Stdin = strings.NewReader(commit + "\n")
	pack, err := cmd.Output()
	if err != nil {
		h.t.Fatal(err)
	}
	return pack
}

func seal(pack []byte) []byte {
	sum := sha1.Sum(pack)
	return append(pack, sum[:]...)
}

func TestCorruptPacksAreRefused(t *testing.T) {
	for name, options := range map[string][]option{"git": nil, "without git": {withoutGit}} {
		t.Run(name, func(t *testing.T) {
			h := start(t, options...)
			dir := h.tree("web")
			h.commit(dir, "big.txt", strings.Repeat("some text\n", 1000))
			commit := h.git(dir, "rev-parse", "HEAD")
			whole := h.packOf(dir, commit)
			flipped := bytes.Clone(whole)
			flipped[len(flipped)/2] ^= 0x40
			lone := h.commitTree(dir, strings.Repeat("12", 20))
			for what, pack := range map[string][]byte{
				"nothing":                nil,
				"no pack":                []byte("GET / HTTP/1.1\r\n\r\n"),
				"a pack that is cut off": whole[:len(whole)-30],
				"a pack without its sum": whole[:len(whole)-20],
				"a flipped bit":          flipped,
				"a wrong count":          seal(append(append([]byte("PACK\x00\x00\x00\x02"), 0xff, 0xff, 0xff, 0xff), whole[12:len(whole)-20]...)),
				"an unknown version":     seal([]byte("PACK\x00\x00\x00\x09\x00\x00\x00\x01xx")),
				"an empty pack":          seal([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x00")),
			} {
				out := h.receive(commit, pack, "report-status side-band-64k")
				if !strings.Contains(out, "ng refs/heads/main") {
					t.Errorf("%s: no refusal in %q", what, out)
				}
			}
			if out := h.receive(lone, objectPack(t, "commit", h, dir, lone), "report-status"); !strings.Contains(out, "ng refs/heads/main") {
				t.Errorf("a commit without its tree: no refusal in %q", out)
			}
			if h.services.has("web") || h.deployer.count() > 0 {
				t.Error("something was deployed")
			}
			left, err := filepath.Glob(filepath.Join(h.dir, "repos", ".quarantine", "*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left in quarantine: %v %v", left, err)
			}
		})
	}
}

// objectPack is a pack of one object.
func objectPack(t *testing.T, kind string, h *host, dir, id string) []byte {
	t.Helper()
	content, err := h.command(dir, "git", "cat-file", kind, id).Output()
	if err != nil {
		t.Fatal(err)
	}
	p := &packBuilder{}
	p.add(1, nil, content)
	return p.bytes()
}

// packBuilder writes packs by hand (gitformat-pack(5)).
type packBuilder struct {
	count   uint32
	body    bytes.Buffer
	offsets []int
}

func (p *packBuilder) add(kind byte, base []byte, content []byte) {
	p.offsets = append(p.offsets, 12+p.body.Len())
	p.count++
	size := len(content)
	first := kind<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.body.WriteByte(first | 0x80)
		first = byte(size & 0x7f)
	}
	p.body.WriteByte(first)
	p.body.Write(base)
	z := zlib.NewWriter(&p.body)
	_, _ = z.Write(content)
	_ = z.Close()
}

func (p *packBuilder) bytes() []byte {
	head := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), p.count)
	return seal(append(head, p.body.Bytes()...))
}

func TestDeltaThatUnfoldsToGigabytesIsRefused(t *testing.T) {
	for name, options := range map[string][]option{"git": {func(c *gitd.Config) { c.Limits.Memory = 1 << 30 }}, "without git": {withoutGit}} {
		t.Run(name, func(t *testing.T) {
			h := start(t, options...)
			dir := h.tree("web")
			const copied = 0xffffff
			base := make([]byte, copied)
			p := &packBuilder{}
			p.add(3, nil, base)
			id := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(base)), base...))
			const copies = 1000 // 16 GB
			delta := binary.AppendUvarint(nil, copied)
			delta = binary.AppendUvarint(delta, copied*copies)
			for range copies {
				delta = append(delta, 0xf0, 0xff, 0xff, 0xff) // copy 0xffffff bytes from offset 0
			}
			p.add(7, id[:], delta)
			out := h.receive(h.git(dir, "rev-parse", "HEAD"), p.bytes(), "report-status side-band-64k")
			if !strings.Contains(out, "more memory than is allowed") {
				t.Errorf("no refusal in %q", out)
			}
		})
	}
}

func TestTooLargePacksAndCheckoutsAreRefused(t *testing.T) {
	for name, more := range map[string]option{"git": func(*gitd.Config) {}, "without git": withoutGit} {
		t.Run(name, func(t *testing.T) {
			h := start(t, more, func(c *gitd.Config) { c.Limits.Pack, c.Limits.Checkout, c.Limits.Files = 1<<20, 8<<20, 20 })
			dir := h.tree("web")
			h.commit(dir, "zeros", strings.Repeat("\x00", 9<<20))
			h.fail("larger than 8 MB together", dir, "push", "csph", "main")
			h.git(dir, "reset", "-q", "--hard", "HEAD~1")
			noise := make([]byte, 2<<20)
			state := uint32(1)
			for i := range noise {
				state = state*1664525 + 1013904223
				noise[i] = byte(state >> 24)
			}
			h.commit(dir, "noise", string(noise))
			h.fail("larger than the 1 MB that are allowed", dir, "push", "csph", "main")
			h.git(dir, "reset", "-q", "--hard", "HEAD~1")
			for i := range 21 {
				h.write(filepath.Join(dir, fmt.Sprintf("f%d", i)), "x")
			}
			h.git(dir, "add", "-A")
			h.git(dir, "commit", "-q", "-m", "many")
			h.fail("more than 20 files", dir, "push", "csph", "main")
		})
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	h := start(t)
	for _, request := range []string{"0003", "zzzz", "0010short line..", "0009hello", "00820000000000000000000000000000000000000000 xyz"} {
		session, err := h.dial().NewSession()
		if err != nil {
			t.Fatal(err)
		}
		session.Stdin = strings.NewReader(request)
		out, err := session.CombinedOutput("git-receive-pack 'web'")
		if err == nil || !bytes.Contains(out, []byte("malformed update request")) {
			t.Errorf("%q: %v %q", request, err, out)
		}
		session.Close()
	}
}

func TestInvalidReferenceNamesAreRefused(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	commit := h.git(dir, "rev-parse", "HEAD")
	pack := h.packOf(dir, commit)
	for _, name := range []string{"HEAD", "main", "refs/main", "refs/heads/../../x", "refs/heads/a..b", "refs/heads/.a", "refs/heads/a.lock", "refs/heads/a b", "refs/heads/a\nok refs/heads/main"} {
		session, err := h.dial().NewSession()
		if err != nil {
			t.Fatal(err)
		}
		line := strings.Repeat("0", 40) + " " + commit + " " + name + "\x00report-status"
		session.Stdin = io.MultiReader(strings.NewReader(fmt.Sprintf("%04x%s0000", len(line)+4, line)), bytes.NewReader(pack))
		out, err := session.Output("git-receive-pack 'web'")
		if err == nil || !bytes.Contains(out, []byte("ng "+strings.ReplaceAll(name, "\n", " "))) || bytes.Contains(out, []byte("\nok refs/heads/main")) {
			t.Errorf("%q: %v %q", name, err, out)
		}
		session.Close()
	}
}

func TestClientThatKeepsItsEndOpenAfterThePackIsServed(t *testing.T) {
	for name, options := range map[string][]option{"git": nil, "without git": {withoutGit}} {
		t.Run(name, func(t *testing.T) {
			h := start(t, options...)
			dir := h.tree("web")
			commit := h.git(dir, "rev-parse", "HEAD")
			session, err := h.dial().NewSession()
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			line := strings.Repeat("0", 40) + " " + commit + " refs/heads/main\x00report-status"
			open, never := io.Pipe()
			defer never.Close()
			session.Stdin = io.MultiReader(strings.NewReader(fmt.Sprintf("%04x%s0000", len(line)+4, line)), bytes.NewReader(h.packOf(dir, commit)), open)
			stdout, err := session.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := session.Start("git-receive-pack 'web'"); err != nil {
				t.Fatal(err)
			}
			out, err := io.ReadAll(stdout)
			if err != nil || !bytes.Contains(out, []byte("ok refs/heads/main")) {
				t.Errorf("%v %q", err, out)
			}
		})
	}
}

func TestGitConfigurationAndHooksOfTheHostAreIgnored(t *testing.T) {
	home := t.TempDir()
	marker := filepath.Join(home, "ran")
	hooks := filepath.Join(home, "hooks")
	if err := os.Mkdir(hooks, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"reference-transaction", "post-index-change", "post-checkout", "pre-auto-gc"} {
		if err := os.WriteFile(filepath.Join(hooks, hook), []byte("#!/bin/sh\ntouch "+marker+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := "[core]\n\thooksPath = " + hooks + "\n[filter \"x\"]\n\tsmudge = touch " + marker + "\n"
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, ".gitconfig"))
	t.Setenv("GIT_TRACE", filepath.Join(home, "trace"))
	h := start(t)
	dir := h.tree("web")
	h.write(filepath.Join(dir, ".gitattributes"), "* filter=x\n")
	h.git(dir, "add", "-A")
	h.git(dir, "commit", "-q", "-m", "attributes")
	h.git(dir, "push", "csph", "main")
	for _, path := range []string{marker, filepath.Join(home, "trace")} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s was made: %v", path, err)
		}
	}
}
