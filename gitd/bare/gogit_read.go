package bare

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
)

// read returns an object's content, up to limit bytes.
func (l layers) read(id plumbing.Hash, limit int64) ([]byte, error) {
	o, err := l.object(id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrDisconnected, id)
	}
	if err != nil {
		return nil, err
	}
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, limit))
}

func (g *goGit) contents(ctx context.Context, v view, ids []plumbing.Hash, limit int64, visit func(int, []byte) error) error {
	l := open(v, false)
	defer l.close()
	for i, id := range ids {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		content, err := l.read(id, limit)
		if err != nil {
			return fmt.Errorf("read object: %w", err)
		}
		if err := visit(i, content); err != nil {
			return err
		}
	}
	return nil
}

// maxTree bounds a tree object that is read to be walked; checkTree has seen it before.
const maxTree = maxInMemory

func (g *goGit) walk(ctx context.Context, v view, commit plumbing.Hash, visit func(file) error) error {
	l := open(v, false)
	defer l.close()
	content, err := l.read(commit, maxCommit)
	if err != nil {
		return fmt.Errorf("read commit: %w", err)
	}
	tree, _, err := readCommit(content)
	if err != nil {
		return fmt.Errorf("read commit: %w", err)
	}
	return l.walk(ctx, "", tree, visit)
}

func (l layers) walk(ctx context.Context, folder string, id plumbing.Hash, visit func(file) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	content, err := l.read(id, maxTree)
	if err != nil {
		return fmt.Errorf("read tree: %w", err)
	}
	for len(content) > 0 {
		entry, rest, err := cutEntry(content)
		if err != nil {
			return fmt.Errorf("read tree: %w", err)
		}
		content = rest
		entry.path = folder + entry.path
		if entry.mode == modeFolder {
			err = l.walk(ctx, entry.path+"/", entry.id, visit)
		} else {
			err = l.visit(entry, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l layers) visit(entry file, visit func(file) error) error {
	if entry.mode != modeSubmodule {
		o, err := l.object(entry.id)
		if err != nil {
			return fmt.Errorf("read file %q: %w", entry.path, err)
		}
		entry.size = o.Size()
	}
	return visit(entry)
}

// uploadPack serves a fetch with go-git's own server, which knows the original protocol only.
func (g *goGit) uploadPack(ctx context.Context, v view, s Stream) error {
	endpoint, err := transport.NewEndpoint("file:///repository")
	if err != nil {
		return err
	}
	storage := storageAt(v.repository)
	defer layers{storage}.close()
	defer s.In.Close()
	session, err := server.NewServer(server.MapLoader{endpoint.String(): storage}).NewUploadPackSession(endpoint, nil)
	if err != nil {
		return err
	}
	advertised, err := session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return advertiseNothing(s.Out)
	}
	if err != nil {
		return err
	}
	if err := advertised.Encode(s.Out); err != nil {
		return err
	}
	request := packp.NewUploadPackRequest()
	if err := request.Decode(s.In); err != nil {
		return err
	}
	response, err := session.UploadPack(ctx, request)
	if err != nil {
		return err
	}
	return response.Encode(s.Out)
}

func advertiseNothing(out io.Writer) error {
	return pktline.NewEncoder(out).Flush()
}
