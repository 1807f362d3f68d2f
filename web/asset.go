package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// asset is a file that pages link to.
type asset struct {
	content []byte
	kind    string // Content-Type
	version string // changes with the content
}

// kinds are the types of files that are served: a page may load no other.
var kinds = map[string]string{
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".webp": "image/webp",
}

// readAssets reads the files of asset/, the overlay's before ours.
func readAssets(overlay fs.FS) (map[string]asset, error) {
	assets := map[string]asset{}
	for _, from := range []fs.FS{own, overlay} {
		if from == nil {
			continue
		}
		names, err := fs.Glob(from, "asset/*.*")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			kind, known := kinds[path.Ext(name)]
			if !known {
				continue
			}
			content, err := fs.ReadFile(from, name)
			if err != nil {
				return nil, err
			}
			sum := sha256.Sum256(content)
			assets[path.Base(name)] = asset{content, kind, hex.EncodeToString(sum[:6])}
		}
	}
	return assets, nil
}

// assetPath returns the link to a file of asset/. It names the version, so that browsers may keep the file.
func (p *pages) assetPath(name string) string {
	return p.path("/asset/%s", name) + "?v=" + p.assets[name].version
}

// serveAsset answers GET /asset/NAME. Who asks is of no concern: there is nothing personal in an asset.
// It reports whether there is such a file; where there is none it has written nothing.
func (p *pages) serveAsset(w http.ResponseWriter, r *http.Request, name string) bool {
	a, ok := p.assets[name]
	if !ok {
		return false
	}
	pageHeaders(w.Header())
	// An SVG opened by itself is a document: it gets no more rights than a page.
	w.Header().Set("Content-Type", a.kind)
	tag := `"` + a.version + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.content)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.content)
	}
	return true
}
