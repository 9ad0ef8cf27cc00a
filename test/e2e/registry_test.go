package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	goruntime "runtime"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"

	"csph/test/port"
)

// registries are the registries of the scripts, by host; the login is ada, hunter2.
type registries map[string]*httptest.Server

// command is "registry start", which sets REGISTRY to the host of a private registry, "registry push TAG DIR NAME=VALUE", which
// pushes an image of the files in DIR with a variable, and "registry stop".
func (r registries) command(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case !neg && len(args) == 1 && args[0] == "start":
		held, err := port.Hold() // nobody else is reached there after "registry stop"
		ts.Check(err)
		ts.Defer(func() { ts.Check(held.Close()) })
		host := held.Address()
		r[host], err = startRegistry(host)
		ts.Check(err)
		ts.Defer(r[host].Close)
		ts.Setenv("REGISTRY", host)
	case !neg && len(args) == 4 && args[0] == "push":
		ts.Check(pushImage(ts.Getenv("REGISTRY")+"/"+args[1], ts.MkAbs(args[2]), args[3]))
	case !neg && len(args) == 1 && args[0] == "stop":
		r[ts.Getenv("REGISTRY")].Close()
	default:
		ts.Fatalf("usage: registry start | push TAG DIR NAME=VALUE | stop")
	}
}

func startRegistry(address string) (*httptest.Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	server := httptest.NewUnstartedServer(private(registry.New(registry.Logger(log.New(io.Discard, "", 0)))))
	_ = server.Listener.Close() // one of any port
	server.Listener = listener
	server.Start()
	return server, nil
}

// private lets in who has the login, as a registry with a file of passwords does.
func private(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte("ada:hunter2"))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if got := sha256.Sum256([]byte(user + ":" + password)); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// pushImage pushes an image that has the files of dir, runs the one named app, and has a variable.
func pushImage(tag, dir, variable string) error {
	ref, err := name.ParseReference(tag, name.Insecure)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	if err := errors.Join(archive.AddFS(os.DirFS(dir)), archive.Close()); err != nil {
		return err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }, tarball.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", goruntime.GOARCH
	config.Config = v1.Config{Entrypoint: []string{"/app"}, Env: []string{variable}, ExposedPorts: map[string]struct{}{"8080/tcp": {}}}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return err
	}
	return remote.Write(ref, image, remote.WithAuth(&authn.Basic{Username: "ada", Password: "hunter2"}))
}
