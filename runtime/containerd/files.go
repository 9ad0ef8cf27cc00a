package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"csph/host"
)

// file is the path of one of the small files that are mounted into the container.
func (j *job) file(name string) string { return j.e.cfg.dir("etc", j.id, name) }

// hostname is what the container calls itself: the service's name where it is one (RFC 1123), else the id.
func (j *job) hostname() string {
	h := strings.ToLower(j.set.Hostname)
	if h == "" || len(h) > 63 || strings.Trim(h, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return strings.ReplaceAll(j.id, "_", "-")
	}
	return h
}

// writeFiles writes the container's hosts, hostname and resolv.conf. They belong to its root, who may edit them.
func (j *job) writeFiles() error {
	var resolv strings.Builder
	for _, r := range j.net.Nameservers(host.Resolvers()) {
		fmt.Fprintf(&resolv, "nameserver %s\n", r)
	}
	hosts := fmt.Sprintf("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n%s\t%s\n", j.addr, j.hostname())
	if err := os.MkdirAll(filepath.Dir(j.file("hosts")), 0o711); err != nil {
		return fmt.Errorf("make the container's files: %w", err)
	}
	for name, text := range map[string]string{"hosts": hosts, "hostname": j.hostname() + "\n", "resolv.conf": resolv.String()} {
		if err := os.WriteFile(j.file(name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("make the container's files: %w", err)
		}
		if err := os.Chown(j.file(name), j.rootID(), j.rootID()); err != nil {
			return fmt.Errorf("make the container's files: %w", err)
		}
	}
	return nil
}

func (j *job) removeFiles() error { return os.RemoveAll(j.e.cfg.dir("etc", j.id)) }

// addTmp gives the container a /tmp where its image has none. options are those of the overlay mount of its
// root file system; the folder is made in the layer that belongs to this container alone.
func (j *job) addTmp(options []string) error {
	var upper string
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "upperdir":
			upper = value
		case "lowerdir", "lowerdir+":
			for layer := range strings.SplitSeq(value, ":") {
				if _, err := os.Lstat(filepath.Join(layer, "tmp")); err == nil {
					return nil
				}
			}
		}
	}
	if upper == "" {
		return nil
	}
	tmp := filepath.Join(upper, "tmp")
	err := os.Mkdir(tmp, 0o700)
	if os.IsExist(err) {
		return nil
	}
	if err == nil {
		err = os.Chmod(tmp, 0o777|os.ModeSticky)
	}
	if err == nil {
		err = os.Chown(tmp, j.rootID(), j.rootID())
	}
	if err != nil {
		return fmt.Errorf("give the container a /tmp: %w", err)
	}
	return nil
}
