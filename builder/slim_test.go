package builder

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestWhatARunImageIsSlimmedOfIsInNoLayer takes a program out of an image that was pulled: the stand-in of Debian under
// another name, without the label of stand-ins.
func TestWhatARunImageIsSlimmedOfIsInNoLayer(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	must(t, l.Bases().Ensure(ctx, nil, debianBase))
	debian, err := l.engine.GetImage(l.inNamespace(ctx), debianBase)
	must(t, err)
	const pulled = "docker.io/library/pulled:1"
	must(t, l.keepImage(l.inNamespace(ctx), images.Image{Name: pulled, Target: debian.Target(),
		Labels: map[string]string{pulledLabel: time.Now().UTC().Format(time.RFC3339)}}))
	p := shellPlan()
	p.RunImage, p.RunSlim = pulled, "rm /usr/bin/chage"
	image, err := l.Build(ctx, Request{Deployment: "dep_slim", Service: "svc_slim", Dir: source(t, map[string]string{"file": "x"}), Plan: p})
	must(t, err)
	if files := l.listing(ctx, image, "usr/bin"); strings.Contains(files, "chage ") || !strings.Contains(files, "chfn ") {
		t.Errorf("the image has in /usr/bin:\n%s", files)
	}
	if files := l.listing(ctx, image, "app"); !strings.Contains(files, "file ") {
		t.Errorf("the app is not in the image:\n%s", files)
	}
	layers := 0
	l.blobs(ctx, image, func(d ocispecs.Descriptor, blob []byte) {
		if images.IsLayerType(d.MediaType) {
			layers++
		}
		if images.IsLayerType(d.MediaType) && bytes.Contains(blob, []byte("usr/bin/chage\x00")) {
			t.Errorf("layer %s has it still", d.Digest)
		}
	})
	if layers == 0 {
		t.Error("no layer was looked into")
	}
	if text := l.logText("dep_slim"); !strings.Contains(text, "without what only builds need") {
		t.Errorf("the summary says nothing of it:\n%s", text)
	}
}

func TestAStandInIsNotSlimmed(t *testing.T) {
	p := shellPlan()
	p.RunSlim = "rm -rf /usr/include"
	if (base{standIn: true}).slimmedFor(p) || !(base{}).slimmedFor(p) {
		t.Error("stand-ins are slimmed, or official images are not")
	}
}
