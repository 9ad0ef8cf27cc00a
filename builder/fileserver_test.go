package builder

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/buildpacks"
	"csph/platform"
)

func sitePlan() buildpacks.Plan {
	return buildpacks.Plan{Language: "static", User: "1000", Site: &platform.Site{Root: "/app/public"}, Copy: []buildpacks.Copy{{From: "/", To: "/app/public"}}}
}

func TestSitesShareTheLayerOfTheFileServerAndAddOnlyTheirOwnFiles(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(2 * time.Minute)
	var layers [][]ocispecs.Descriptor
	for _, site := range []string{"svc_site1", "svc_site2"} {
		dir := source(t, map[string]string{"index.html": "<h1>" + site})
		image, err := l.Build(ctx, Request{Deployment: "dep_" + site, Service: site, Dir: dir, Plan: sitePlan()})
		if err != nil {
			t.Fatalf("%v\n%s", err, l.logText("dep_"+site))
		}
		var of []ocispecs.Descriptor
		l.blobs(ctx, image, func(d ocispecs.Descriptor, _ []byte) {
			if d.MediaType == ocispecs.MediaTypeImageLayer {
				of = append(of, d)
			}
		})
		layers = append(layers, of)
		if text := l.logText("dep_" + site); !strings.Contains(text, "of csph-files") {
			t.Errorf("the log does not tell how much the file server takes:\n%s", text)
		}
		if got := l.content(ctx, image, buildpacks.SiteConfig); got != `{"root":"/app/public"}` {
			t.Errorf("it serves %s", got)
		}
		if got := l.listing(ctx, image, "/.csph"); !strings.Contains(got, "files") {
			t.Errorf("/.csph holds %s", got)
		}
	}
	if len(layers[0]) < 2 || layers[0][0].Digest != layers[1][0].Digest {
		t.Errorf("the sites have the layers %v and %v", layers[0], layers[1])
	}
	for _, own := range layers[1][1:] {
		if own.Size > 20_000 {
			t.Errorf("a layer of the second site has %d bytes", own.Size)
		}
	}
}

func TestOnlyTheImageOfTheCurrentFileServerIsKept(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(time.Minute)
	images := func() []string {
		return slices.DeleteFunc(l.imageNames(ctx), func(name string) bool { return !strings.HasPrefix(name, serverName) })
	}
	older := filepath.Join(t.TempDir(), "older")
	must(t, os.WriteFile(older, []byte("older"), 0o755))
	must(t, l.bases.makeServer(ctx, serverPrefix+"older", older))
	if got := images(); !slices.Equal(got, []string{serverName + ":older"}) {
		t.Errorf("there are %q", got)
	}
	first, err := l.bases.server(ctx)
	must(t, err)
	again, err := l.bases.server(ctx)
	must(t, err)
	if got := images(); !slices.Equal(got, []string{displayName(first.name)}) || first.digest != again.digest {
		t.Errorf("there are %q, of the server there are %s and %s", got, first.digest, again.digest)
	}
}

func TestAnotherFileServerIsSeenByTheFileAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "server")
	var p serverProgram
	if _, err := p.digestOf(name); err == nil {
		t.Error("a server that is not there has a digest")
	}
	var digests []string
	for _, text := range []string{"one", "two"} { // of one length
		must(t, os.WriteFile(name+".new", []byte(text), 0o755))
		must(t, os.Rename(name+".new", name))
		for range 2 {
			d, err := p.digestOf(name)
			must(t, err)
			digests = append(digests, d.String())
		}
	}
	if digests[0] != digests[1] || digests[1] == digests[2] || digests[2] != digests[3] {
		t.Errorf("the digests are %q", digests)
	}
}
