package builder

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"

	"csph/buildpacks"
)

const (
	serverMount = "server" // name of the session's folder that holds csph's file server
	serverName  = "csph-files"
)

// withServer adds csph's file server to the image of a site, and what it is to serve. Its layer has nothing of
// the site, so that the images of all sites share it.
func withServer(st llb.State, p buildpacks.Plan) (llb.State, error) {
	if p.Site == nil {
		return st, nil
	}
	config, err := json.Marshal(p.Site)
	if err != nil {
		return st, fmt.Errorf("write how the site is served: %w", err)
	}
	server := llb.Local(serverMount, llb.SharedKeyHint(serverName), llb.WithCustomName("[internal] csph's file server"))
	st = st.File(llb.Copy(server, "/"+serverName, buildpacks.SiteServer, &llb.CopyInfo{CreateDestPath: true},
		llb.WithUIDGID(0, 0), llb.WithCreatedTime(preparedAt)), llb.WithCustomName("[internal] add csph's file server"))
	return st.File(files(map[string]string{buildpacks.SiteConfig: string(config)}, preparedAt), llb.WithCustomName("write how the site is served")), nil
}

// serverFS is the folder that holds csph's file server and nothing else.
func serverFS(bin string) (fsutil.FS, error) {
	if _, err := os.Stat(filepath.Join(bin, serverName)); err != nil {
		return nil, fmt.Errorf("find csph's file server: %w", err)
	}
	all, err := fsutil.NewFS(bin)
	if err != nil {
		return nil, fmt.Errorf("open the folder of csph's file server: %w", err)
	}
	only, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{IncludePatterns: []string{serverName}})
	if err != nil {
		return nil, fmt.Errorf("pick csph's file server: %w", err)
	}
	return only, nil
}

// startCommand is what a spherelet of a plan's image runs; nil for the image's own.
func startCommand(p buildpacks.Plan) []string {
	switch {
	case p.Start != "":
		return shellCommand(p.Start)
	case p.Site != nil:
		return []string{buildpacks.SiteServer}
	}
	return nil
}
