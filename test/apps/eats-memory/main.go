// Command eats-memory takes more and more memory at its start, far past 512 MB, and never listens.
package main

import (
	"log"
	"time"
)

const (
	step  = 32 << 20
	limit = 4 << 30
)

func main() {
	var blocks [][]byte
	for held := step; held <= limit; held += step {
		block := make([]byte, step)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		blocks = append(blocks, block)
		log.Printf("holding %d MB", held>>20)
	}
	log.Printf("holding all %d blocks", len(blocks))
	time.Sleep(time.Hour)
}
