package host

import "testing"

func BenchmarkAttachAndDetach(b *testing.B) {
	i := open(b)
	n, err := i.JoinNetwork("prj_a")
	if err != nil {
		b.Fatal(err)
	}
	g := newGuest(b)
	addr := n.Gateway.Next()
	for b.Loop() {
		if err := i.Attach(n, addr, g.cmd.Process.Pid); err != nil {
			b.Fatal(err)
		}
		if err := i.Detach(addr); err != nil {
			b.Fatal(err)
		}
	}
}
