package bare

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"csph/platform"
)

// stores opens a store of each kind in folders of their own.
func stores(t *testing.T) map[string]*Store {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*Store)
	for name, program := range map[string]string{"git": git, "go-git": ""} {
		dir := filepath.Join(t.TempDir(), "with:colon and \"quote")
		s, err := Open(filepath.Join(dir, "repos"), filepath.Join(dir, "sources"), program, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		all[name] = s
	}
	return all
}

// seed makes a client repository with two commits on main and returns their packs and ids.
func seed(t *testing.T) (dir string, ids []plumbing.Hash) {
	t.Helper()
	dir = t.TempDir()
	for _, step := range []string{
		"git init -q -b main", "echo one > f", "git add f", "git commit -q -m one", "echo two > f", "git commit -q -a -m two",
	} {
		cmd := exec.Command("sh", "-c", step)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@b"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", step, err, out)
		}
	}
	for _, name := range []string{"HEAD~1", "HEAD"} {
		out, err := exec.Command("git", "-C", dir, "rev-parse", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, plumbing.NewHash(strings.TrimSpace(string(out))))
	}
	return dir, ids
}

type closing struct{ *strings.Reader }

func (closing) Close() error { return nil }

func packed(t *testing.T, dir string, revisions string) closing {
	t.Helper()
	cmd := exec.Command("git", "-C", dir, "pack-objects", "--revs", "--stdout", "-q")
	cmd.Stdin = strings.NewReader(revisions)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return closing{strings.NewReader(string(out))}
}

func TestQuarantineIsInvisibleUntilItMigrates(t *testing.T) {
	dir, ids := seed(t)
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			r, err := s.Create("svc_a")
			if err != nil {
				t.Fatal(err)
			}
			q, err := r.Quarantine()
			if err != nil {
				t.Fatal(err)
			}
			if err := q.Index(ctx, packed(t, dir, ids[1].String()+"\n"), nil, &tail{}); err != nil {
				t.Fatal(err)
			}
			if err := q.Connected(ctx, ids[1:]); err != nil {
				t.Error(err)
			}
			other, err := r.Quarantine()
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if kinds, err := other.Kinds(ctx, ids); err != nil || len(kinds) != 0 {
				t.Errorf("seen from another quarantine: %v %v", kinds, err)
			}
			if err := q.Migrate(); err != nil {
				t.Fatal(err)
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			if kinds, err := other.Kinds(ctx, ids); err != nil || len(kinds) != 2 {
				t.Errorf("after migrating: %v %v", kinds, err)
			}
			if err := other.Connected(ctx, []plumbing.Hash{plumbing.NewHash("12")}); !errors.Is(err, ErrDisconnected) {
				t.Errorf("an object that is not there: %v", err)
			}
		})
	}
}

func TestReferencesAreComparedBeforeAnyIsSet(t *testing.T) {
	dir, ids := seed(t)
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			r := filled(t, s, dir, ids[1])
			const a, b, missing = plumbing.ReferenceName("refs/heads/a"), plumbing.ReferenceName("refs/heads/b"), plumbing.ReferenceName("refs/heads/c")
			none := plumbing.ZeroHash
			if err := r.Update(ctx, []Change{{a, none, ids[0]}, {b, none, ids[0]}}); err != nil {
				t.Fatal(err)
			}
			for what, changes := range map[string][]Change{
				"it moved":          {{b, ids[0], ids[1]}, {a, ids[1], ids[0]}},
				"it exists":         {{b, ids[0], ids[1]}, {a, none, ids[1]}},
				"it is not there":   {{b, ids[0], ids[1]}, {missing, ids[0], ids[1]}},
				"deletion of moved": {{b, ids[0], ids[1]}, {a, ids[1], none}},
			} {
				if err := r.Update(ctx, changes); !errors.Is(err, ErrStale) {
					t.Errorf("%s: %v", what, err)
				}
			}
			refs, err := r.References(ctx)
			if err != nil || len(refs) != 2 || refs[a] != ids[0] || refs[b] != ids[0] {
				t.Errorf("references are %v, %v", refs, err)
			}
			if err := r.Update(ctx, []Change{{a, ids[0], ids[1]}, {b, ids[0], none}}); err != nil {
				t.Error(err)
			}
			if refs, err = r.References(ctx); err != nil || len(refs) != 1 || refs[a] != ids[1] {
				t.Errorf("references are %v, %v", refs, err)
			}
		})
	}
}

// filled is a repository that has a commit, and no reference.
func filled(t *testing.T, s *Store, dir string, commit plumbing.Hash) *Repository {
	t.Helper()
	r, err := s.Create("svc_a")
	if err != nil {
		t.Fatal(err)
	}
	q, err := r.Quarantine()
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := errors.Join(q.Index(t.Context(), packed(t, dir, commit.String()+"\n"), nil, &tail{}), q.Migrate()); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCheckoutThatWasCutOffIsStartedAfresh(t *testing.T) {
	dir, ids := seed(t)
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			q, err := filled(t, s, dir, ids[1]).Quarantine()
			if err != nil {
				t.Fatal(err)
			}
			defer q.Close()
			tree, err := q.Checkout(t.Context(), "svc_a", ids[0])
			if err != nil {
				t.Fatal(err)
			}
			// What a killed checkout leaves: its mark, its lock, files that no index knows.
			for _, left := range []string{tree + "/stray", filepath.Dir(tree) + "/dirty", filepath.Dir(tree) + "/index.lock"} {
				if err := os.WriteFile(left, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			canceled, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := q.Checkout(canceled, "svc_a", ids[1]); !errors.Is(err, context.Canceled) {
				t.Errorf("a cancelled checkout ended with %v", err)
			}
			if _, err := q.Checkout(t.Context(), "svc_a", ids[1]); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(tree)
			if err != nil || len(entries) != 1 || entries[0].Name() != "f" {
				t.Errorf("the checkout holds %v, %v", entries, err)
			}
			if content, err := os.ReadFile(filepath.Join(tree, "f")); err != nil || string(content) != "two\n" {
				t.Errorf("f is %q, %v", content, err)
			}
		})
	}
}

func TestOpenSweepsWhatAKilledProcessLeft(t *testing.T) {
	dir, ids := seed(t)
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			r := filled(t, s, dir, ids[1])
			q, err := r.Quarantine()
			if err != nil {
				t.Fatal(err)
			}
			left := []string{q.dir, filepath.Join(s.repositories, newPrefix+"1"), filepath.Join(r.dir, "packed-refs.lock"),
				filepath.Join(r.dir, "refs", "heads", "main.lock"), filepath.Join(r.dir, "objects", "pack", "tmp_pack_x"), filepath.Join(r.dir, "gc.pid")}
			for _, path := range left[2:] {
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(left[1], 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(s.repositories, s.sources, "", Limits{}); err != nil {
				t.Fatal(err)
			}
			for _, path := range left {
				if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there: %v", path, err)
				}
			}
			if _, err := s.Repository("svc_a"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRepositoriesAreNamedByServiceIDsOnly(t *testing.T) {
	for _, s := range stores(t) {
		for _, id := range []string{"", ".", "..", "../x", "a/b", ".home", "svc_a.git", "-x"} {
			if _, err := s.Create(id); !errors.Is(err, platform.ErrInvalid) {
				t.Errorf("%q: %v", id, err)
			}
		}
		if _, err := s.Repository("svc_none"); !errors.Is(err, platform.ErrNotFound) {
			t.Errorf("a repository that is not there: %v", err)
		}
	}
}

func TestHousekeepingRepacksAndKeepsEverything(t *testing.T) {
	dir, ids := seed(t)
	s := stores(t)["git"]
	r := filled(t, s, dir, ids[1])
	if err := r.Update(t.Context(), []Change{{"refs/heads/main", plumbing.ZeroHash, ids[1]}}); err != nil {
		t.Fatal(err)
	}
	packs := func() []string {
		found, err := filepath.Glob(filepath.Join(strings.ReplaceAll(r.dir, `"`, "?"), "objects", "pack", "*.pack"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for i := range 40 { // more packs than gc.autoPackLimit
		blob := exec.Command("git", "-C", dir, "hash-object", "-w", "--stdin")
		blob.Stdin = strings.NewReader(strings.Repeat("x", i+1))
		id, err := blob.Output()
		if err != nil {
			t.Fatal(err)
		}
		q, err := r.Quarantine()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(q.Index(t.Context(), packed(t, dir, string(id)), nil, &tail{}), q.Migrate(), q.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(packs()); n != 41 {
		t.Fatalf("%d packs before", n)
	}
	if err := r.Housekeep(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(packs()); n > 2 {
		t.Errorf("%d packs after", n)
	}
	q, err := r.Quarantine()
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := q.Connected(t.Context(), ids[1:]); err != nil {
		t.Error(err)
	}
}
