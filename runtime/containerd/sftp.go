package containerd

import (
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// SFTPServer is where every spherelet has the program that serves its files, for Exec.
const SFTPServer = "/.csph/sftp"

// sftpMount brings csph's server of files into the container, whatever its image has. Where it is not installed there is
// none.
func (j *job) sftpMount() []specs.Mount {
	program := j.e.cfg.bin("csph-sftp")
	if _, err := os.Stat(program); err != nil {
		return nil
	}
	return []specs.Mount{{Destination: SFTPServer, Type: "bind", Source: program, Options: []string{"bind", "ro", "nosuid", "nodev"}}}
}
