package gitd_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/gliderlabs/ssh"

	"csph/gitd"
)

// benchObjects is the number of objects of the repository that is pushed: CSPH_BENCH_OBJECTS, 4,000
// by default; 400,000 make about 300 MB.
func benchObjects(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("CSPH_BENCH_OBJECTS"))
	if os.Getenv("CSPH_BENCH_OBJECTS") == "" {
		return 4000
	}
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkPush pushes the same repository to this server and to stock git receive-pack, behind the
// same kind of SSH server and, for the floor, without SSH at all. "rss-growth-MB" is how much larger
// this process, which is the server, became at its peak.
func BenchmarkPush(b *testing.B) {
	dir := b.TempDir()
	history(b, dir, benchObjects(b))
	b.Run("csph-stored", func(b *testing.B) { benchCsph(b, dir, "main:refs/heads/stored") })
	b.Run("csph-checked-out", func(b *testing.B) { benchCsph(b, dir, "main") })
	b.Run("stock-over-ssh", func(b *testing.B) {
		h := start(b)
		addr := stock(b, h)
		for i := range b.N {
			h.push(b, dir, "ssh://git@"+addr+bareAt(b, i), "main")
		}
	})
	b.Run("stock-local", func(b *testing.B) {
		h := start(b)
		for i := range b.N {
			h.push(b, dir, "file://"+bareAt(b, i), "main")
		}
	})
}

// BenchmarkSmallPush is what a push costs whose change is one line, beside git's own time.
func BenchmarkSmallPush(b *testing.B) {
	h := start(b)
	dir := h.tree("web")
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		h.commit(dir, "index.html", strconv.Itoa(i)+"\n")
		b.StartTimer()
		h.push(b, dir, h.url("web"), "main")
	}
}

// benchCsph pushes as spec says to services that are there already.
func benchCsph(b *testing.B, dir, spec string) {
	h := start(b)
	for i := range b.N {
		if _, err := h.services.Create(b.Context(), gitd.Identity{}, fmt.Sprintf("web%d", i)); err != nil {
			b.Fatal(err)
		}
	}
	before := resetPeak(b)
	b.ResetTimer()
	for i := range b.N {
		h.push(b, dir, h.url(fmt.Sprintf("web%d", i)), spec)
	}
	b.ReportMetric(float64(peak(b)-before)/(1<<20), "rss-growth-MB")
}

func (h *host) push(b *testing.B, dir, url, spec string) {
	out, err := h.command(dir, "git", "push", "-q", url, spec).CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}

func bareAt(b *testing.B, i int) string {
	dir := filepath.Join(b.TempDir(), strconv.Itoa(i))
	if out, err := exec.Command("git", "init", "-q", "--bare", dir).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// history writes a repository with about so many objects, of which four in five are files of noise.
func history(b *testing.B, dir string, objects int) {
	if out, err := exec.Command("git", "init", "-q", "-b", "main", dir).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet", "--force")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(in)
	source := rand.NewChaCha8([32]byte{})
	random := rand.New(source)
	noise := make([]byte, 900)
	for i := range max(1, objects/20) {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 2\nc\n", 1000000+i)
		folder := fmt.Sprintf("d%d/e%d", random.IntN(40), random.IntN(20))
		for range 16 {
			_, _ = source.Read(noise)
			fmt.Fprintf(w, "M 100644 inline %s/f%d\ndata %d\n%s\n", folder, random.IntN(100), len(noise), noise)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
}

// stock is an SSH server that runs git receive-pack for whoever comes.
func stock(b *testing.B, h *host) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &ssh.Server{
		PublicKeyHandler: func(ssh.Context, ssh.PublicKey) bool { return true },
		Handler: func(s ssh.Session) {
			cmd := exec.Command("git", "receive-pack", strings.Trim(strings.TrimPrefix(s.RawCommand(), "git-receive-pack "), "'"))
			in, err := cmd.StdinPipe()
			if err != nil {
				return
			}
			cmd.Stdout, cmd.Stderr = s, s.Stderr()
			if err := cmd.Start(); err != nil {
				return
			}
			go func() { _, _ = io.Copy(in, s); in.Close() }()
			if cmd.Wait() != nil {
				_ = s.Exit(1)
			}
		},
	}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { server.Close() })
	// Its host key is made up, and another one each time.
	_ = os.Remove(filepath.Join(h.client, "known_hosts"))
	return listener.Addr().String()
}

// resetPeak forgets the largest size of this process so far, and returns its size (proc(5), clear_refs).
func resetPeak(b *testing.B) int64 {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
	return peak(b)
}

func peak(b *testing.B) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes << 10
}
