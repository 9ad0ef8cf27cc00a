// Command migrate runs once before each rollout. FAIL_RELEASE=1 makes it fail.
package main

import (
	"log"
	"os"
)

func main() {
	if os.Getenv("FAIL_RELEASE") == "1" {
		log.Fatal("migration 7 failed: column already exists")
	}
	log.Print("migrated")
}
