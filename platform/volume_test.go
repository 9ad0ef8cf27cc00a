package platform

import (
	"errors"
	"path"
	"strings"
	"testing"
)

func TestVolumesAreMountedBesideTheAppAndNowhereElse(t *testing.T) {
	for _, p := range []string{"/data", "/var/www/storage", "/app/uploads", "/mnt/cache", "/usr/share/nginx/html", "/root", "/tmp", "/procs", "/données"} {
		if err := CheckMountPath(p); err != nil {
			t.Errorf("%s is refused: %v", p, err)
		}
	}
	for _, p := range []string{
		"", "data", "./data", "/", "//", "/data/", "/data/../etc", "/data/.", "/a//b", "/proc", "/proc/self", "/sys/fs", "/dev/shm", "/.csph",
		"/.csph/init", "/etc", "/usr", "/var", "/var/www", "/app", "/mnt", "/etc/hosts", "/da\nta", "/da\x00ta", "/da\xffta", "/" + strings.Repeat("a", 1000),
	} {
		if err := CheckMountPath(p); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q is allowed (%v)", p, err)
		}
	}
}

func TestSharedStorageIsMountedUnderItsName(t *testing.T) {
	shared := Volume{Name: "media", Shared: true}
	for _, want := range []string{"", "/mnt/media"} {
		if got, err := shared.MountPath(want); err != nil || got != "/mnt/media" {
			t.Errorf("asked for %q: %q, %v", want, got, err)
		}
	}
	if _, err := shared.MountPath("/data"); !errors.Is(err, ErrInvalid) {
		t.Errorf("at another path: %v", err)
	}
	if got, err := (Volume{Name: "media"}).MountPath("/data"); err != nil || got != "/data" {
		t.Errorf("a volume of one service: %q, %v", got, err)
	}
	if _, err := (Volume{Name: "media"}).MountPath(""); !errors.Is(err, ErrInvalid) {
		t.Errorf("a volume without a path: %v", err)
	}
}

func FuzzMountPath(f *testing.F) {
	for _, p := range []string{"/data", "/var/www/../..", "/proc/x", "\x00", "/a/b/c"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if CheckMountPath(p) != nil {
			return
		}
		if !path.IsAbs(p) || path.Clean(p) != p || strings.ContainsAny(p, "\x00\n") || p == "/" || strings.HasPrefix(p, "/proc/") {
			t.Errorf("%q is allowed", p)
		}
	})
}
