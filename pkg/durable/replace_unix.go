//go:build !windows

package durable

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// create opens the temporary file that is to become the file at path.
func create(path string) (*renameio.PendingFile, error) {
	return renameio.NewPendingFile(path,
		renameio.WithTempDir(filepath.Dir(path)), // or it may choose $TMPDIR
		renameio.WithPermissions(0o644),
		renameio.WithExistingPermissions())
}
