package host

import (
	goruntime "runtime"
	"testing"

	"github.com/vishvananda/netns"
)

// inNamespace runs do on a thread in the network namespace of the process pid; 0 means the host's. The
// thread ends with it.
func inNamespace(t *testing.T, pid int, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if pid == 0 {
			do()
			return
		}
		goruntime.LockOSThread()
		ns, err := netns.GetFromPid(pid)
		if err != nil {
			t.Error(err)
			return
		}
		defer ns.Close()
		if err := netns.Set(ns); err != nil {
			t.Error(err)
			return
		}
		do()
	}()
	<-done
}
