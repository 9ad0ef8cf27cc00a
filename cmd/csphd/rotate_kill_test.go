package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"csph/platform"
	"csph/test/doomed"
)

// rotatedState names the state folder whose key this binary, run for that, rotates until it is killed.
const rotatedState = "CSPHD_TEST_ROTATED_STATE"

func TestMain(m *testing.M) {
	if state := os.Getenv(rotatedState); state != "" {
		for {
			n, err := rotateKey(context.Background(), state)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(n)
		}
	}
	os.Exit(m.Run())
}

func TestARotationThatIsKilledLosesNoSecret(t *testing.T) {
	const secrets = 20
	state := t.TempDir()
	db := records(t, state)
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	svc, err := db.CreateService(t.Context(), accounts[0].ID, "web", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]int64{}
	for i := range secrets {
		name := fmt.Sprintf("KEY_%d", i)
		if versions[name], err = db.KeepSecret(t.Context(), svc.ID, name, "value of "+name, "admin"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		killARotation(t, state)
		db := records(t, state)
		values, err := db.SecretValues(t.Context(), svc.ID, versions)
		if err != nil || len(values) != secrets {
			t.Fatalf("%d of %d secrets are left, %v", len(values), secrets, err)
		}
		for name, value := range values {
			if value != "value of "+name {
				t.Errorf("%s is %q", name, value)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killARotation kills a process that rotates the key, some time after it has done so once.
func killARotation(t *testing.T, state string) {
	t.Helper()
	child := doomed.Start(t, rotatedState, state)
	if _, more := child.Hear(); more {
		time.Sleep(rand.N(100 * time.Millisecond)) // the moment of the kill
	}
	child.Kill()
	child.End()
}
