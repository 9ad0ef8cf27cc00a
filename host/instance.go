package host

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sync"
)

// Instance is one csphd on this machine. Its exported fields never change once Open has returned it;
// its methods may be called from any goroutine.
type Instance struct {
	ID     string       // 6 hexadecimal digits, part of every name made on the machine
	Dir    string       // the state folder, absolute
	Apps   netip.Prefix // /16 that the spherelets' addresses come from
	Builds netip.Prefix // /16 that the build steps' addresses come from

	mu      sync.Mutex // guards networks.json and the bridges
	cgroups cgroupRoot
}

// record is what instance.json and the machine's registry hold.
type record struct {
	ID     string       `json:"id"`
	Dir    string       `json:"dir"`
	Apps   netip.Prefix `json:"apps"`
	Builds netip.Prefix `json:"builds"`
}

const recordFile = "instance.json"

var validID = regexp.MustCompile(`^[0-9a-f]{6}$`)

// Open returns the instance whose state folder is dir, making the folder, the identity and the choice
// of subnets when they are not there yet. The choice is made under a lock of the whole machine, so that
// instances opened at the same time differ. A folder that was moved keeps its identity; a copy made
// beside the original is refused. It blocks on that lock for as long as another instance takes to open.
func Open(dir string) (*Instance, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve the state folder: %w", err)
	}
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	reg, err := lockRegistry(registryDir)
	if err != nil {
		return nil, err
	}
	defer reg.unlock()
	rec, err := loadRecord(dir)
	if errors.Is(err, os.ErrNotExist) {
		rec, err = newRecord(dir, reg)
	}
	if err != nil {
		return nil, fmt.Errorf("open instance %s: %w", dir, err)
	}
	if err := reg.claim(rec); err != nil {
		return nil, fmt.Errorf("open instance %s: %w", dir, err)
	}
	root, err := findCgroups(rec.ID)
	if err != nil {
		return nil, err
	}
	return &Instance{ID: rec.ID, Dir: rec.Dir, Apps: rec.Apps, Builds: rec.Builds, cgroups: root}, nil
}

// makeDir makes the state folder, passable for everybody: the users of a spherelet's user namespace reach its
// files through it. What is secret in it must be protected by modes of its own.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	st, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return os.Chmod(dir, st.Mode().Perm()|0o111)
}

// Passable reports whether every user of the machine can pass through the state folder's parents, as user
// namespaces for spherelets need it; if not, through which they cannot.
func (i *Instance) Passable() (barrier string, ok bool) {
	for dir := i.Dir; ; dir = filepath.Dir(dir) {
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm()&0o001 == 0 {
			return dir, false
		}
		if dir == "/" {
			return "", true
		}
	}
}

// loadRecord reads dir's identity; the folder's present place wins over the one written in it.
func loadRecord(dir string) (record, error) {
	b, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		return record{}, err
	}
	var rec record
	if err := json.Unmarshal(b, &rec); err != nil {
		return record{}, fmt.Errorf("read %s: %w", recordFile, err)
	}
	if !validID.MatchString(rec.ID) || !rec.Apps.IsValid() || !rec.Builds.IsValid() {
		return record{}, fmt.Errorf("read %s: id or subnets are missing or malformed; restore the file from a backup", recordFile)
	}
	rec.Dir = dir
	return rec, nil
}

func newRecord(dir string, reg *registry) (record, error) {
	known, err := reg.records()
	if err != nil {
		return record{}, err
	}
	id, err := freeID(known)
	if err != nil {
		return record{}, err
	}
	taken, err := takenPrefixes(known)
	if err != nil {
		return record{}, err
	}
	free, err := freeSubnets(id, taken, 2)
	if err != nil {
		return record{}, err
	}
	rec := record{ID: id, Dir: dir, Apps: free[0], Builds: free[1]}
	return rec, writeJSON(filepath.Join(dir, recordFile), rec)
}

func freeID(known []record) (string, error) {
	for range 100 {
		var b [3]byte
		rand.Read(b[:])
		id := hex.EncodeToString(b[:])
		used := false
		for _, k := range known {
			used = used || k.ID == id
		}
		if !used {
			return id, nil
		}
	}
	return "", errors.New("find a free instance id: none in 100 tries")
}
