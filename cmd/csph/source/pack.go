package source

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// packer finds what is to be deployed.
type packer struct {
	dir    string
	filter *filter
	emit   func(h *tar.Header, content io.Reader) error
	left   []string // folders that were left out: what is in them is too
}

// copy takes over the entries of another archive that the filter keeps.
func (p *packer) copy(from *tar.Reader) error {
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read git archive: %w", err)
		}
		keep, err := p.keeps(h)
		if err != nil {
			return err
		}
		if !keep {
			continue
		}
		if err := p.emit(h, from); err != nil {
			return err
		}
	}
}

func (p *packer) keeps(h *tar.Header) (bool, error) {
	name := path.Clean(h.Name)
	if h.Typeflag == tar.TypeXGlobalHeader || name == "." {
		return false, nil
	}
	for _, dir := range p.left {
		if strings.HasPrefix(name, dir+"/") {
			return false, nil
		}
	}
	isDir := h.Typeflag == tar.TypeDir
	out, err := p.filter.leavesOut(name, isDir)
	if out && isDir {
		p.left = append(p.left, name)
	}
	return !out, err
}

// files packs what lies in the folder.
func (p *packer) files(ctx context.Context) error {
	return filepath.WalkDir(p.dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read folder: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(p.dir, full)
		if err != nil || rel == "." {
			return err
		}
		return p.found(full, filepath.ToSlash(rel), d)
	})
}

func (p *packer) found(full, name string, d fs.DirEntry) error {
	out, err := p.filter.leavesOut(name, d.IsDir())
	switch {
	case err != nil:
		return err
	case out && d.IsDir():
		return fs.SkipDir
	case out:
		return nil
	case d.IsDir():
		if err := p.filter.readRules(p.dir, name); err != nil {
			return err
		}
	case d.Type() != 0 && d.Type() != fs.ModeSymlink:
		return nil // sockets, FIFOs and devices are no source
	}
	return p.add(full, name, d)
}

func (p *packer) add(full, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(full); err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
	if !info.Mode().IsRegular() {
		return p.emit(h, nil)
	}
	f, err := os.Open(full)
	if err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	defer f.Close()
	return p.emit(h, f)
}
