package files

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"mime"
	"path"
	"strconv"
	"strings"

	gz "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// coding is a content coding (RFC 9110 section 8.4.1).
type coding string

const (
	identity  coding = ""
	zstandard coding = "zstd"
	gzipped   coding = "gzip"
)

// Files of other sizes are served as they are: the small gain nothing, the large would fill the memory.
const (
	leastCoded = 1 << 10
	mostCoded  = 4 << 20
)

// types are the media types by extension that the host's own list may lack or have wrong.
func types() map[string]string {
	return map[string]string{
		".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
		".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".json": "application/json",
		".map": "application/json", ".webmanifest": "application/manifest+json", ".xml": "application/xml", ".txt": "text/plain; charset=utf-8",
		".md": "text/markdown; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
		".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".ico": "image/x-icon", ".wasm": "application/wasm",
		".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".pdf": "application/pdf",
		".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg", ".zip": "application/zip",
	}
}

var typesByExtension = types()

// contentType is the media type of a file by its name.
func contentType(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t, ok := typesByExtension[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// compressible reports whether a coding is worth its while.
func compressible(f *file) bool {
	if n := f.info.Size(); n < leastCoded || n > mostCoded {
		return false
	}
	t, _, _ := strings.Cut(contentType(f.name), ";")
	switch t {
	case "application/json", "application/xml", "application/wasm", "image/svg+xml", "font/ttf", "font/otf", "application/manifest+json", "application/javascript":
		return true
	}
	return strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+json") || strings.HasSuffix(t, "+xml")
}

// choose returns the coding that the client likes best; of equals, the smaller one (RFC 9110 section 12.5.3).
func choose(accept []string) coding {
	quality := map[coding]float64{}
	other := -1.0
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			name, q := weighted(item)
			switch c := coding(name); {
			case c == zstandard || c == gzipped:
				quality[c] = q
			case c == "x-gzip":
				quality[gzipped] = q
			case c == "*":
				other = q
			}
		}
	}
	best, weight := identity, 0.0
	for _, c := range []coding{zstandard, gzipped} {
		q, named := quality[c]
		if !named {
			q = other
		}
		if q > weight {
			best, weight = c, q
		}
	}
	return best
}

// weighted reads "name;q=0.5"; what cannot be read weighs nothing.
func weighted(item string) (name string, q float64) {
	name, rest, has := strings.Cut(item, ";")
	name = strings.ToLower(strings.TrimSpace(name))
	if !has {
		return name, 1
	}
	value, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(rest), " ", ""), "q=")
	if !ok {
		return name, 0
	}
	q, err := strconv.ParseFloat(value, 64)
	if err != nil || q < 0 || q > 1 {
		return name, 0
	}
	return name, q
}

// encode returns what r has in a coding.
func encode(r io.Reader, c coding) ([]byte, error) {
	var out bytes.Buffer
	w, err := encoder(&out, c)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, r); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}

func encoder(out io.Writer, c coding) (io.WriteCloser, error) {
	if c == zstandard {
		return zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	}
	return gz.NewWriterLevel(out, gzip.DefaultCompression)
}
