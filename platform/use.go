package platform

import "time"

// Use is what the processes of a spherelet use.
type Use struct {
	CPU         time.Duration // since the spherelet was made
	Memory      int64         // bytes that cannot be given back
	MemoryLimit int64         // bytes
}
