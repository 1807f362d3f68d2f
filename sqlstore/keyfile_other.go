//go:build !unix

package sqlstore

import (
	"io/fs"
	"os"
)

// keepOwner has nothing to do here: a file has the rights of its directory.
func keepOwner(*os.File, fs.FileInfo) {}
