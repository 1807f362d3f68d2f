package migrate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// Set is the migrations of one package: files NNNN_name.sql, numbered from 0001 without a gap. A file that was
// released never changes. No statement in it begins or ends a transaction.
type Set struct {
	Name  string // part of the database; never changes
	Files fs.FS  // the files stand at its root, nothing else does
}

type migration struct {
	version int
	name    string // the file's
	sum     string // SHA-256 of text, hex
	text    string
}

var fileName = regexp.MustCompile(`^([0-9]{4})_[a-z0-9_]+\.sql$`)

func (s Set) load() ([]migration, error) {
	if s.Name == "" {
		return nil, fmt.Errorf("migrations: a set has no name")
	}
	entries, err := fs.ReadDir(s.Files, ".") // sorted by name
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", s.Name, err)
	}
	var out []migration
	for _, e := range entries {
		match := fileName.FindStringSubmatch(e.Name())
		if match == nil {
			return nil, fmt.Errorf("migrations of %s: %q is not named NNNN_name.sql", s.Name, e.Name())
		}
		version, err := strconv.Atoi(match[1])
		if err != nil {
			return nil, err
		}
		if version != len(out)+1 {
			return nil, fmt.Errorf("migrations of %s: %q stands where number %04d belongs", s.Name, e.Name(), len(out)+1)
		}
		text, err := fs.ReadFile(s.Files, e.Name())
		if err != nil {
			return nil, fmt.Errorf("migrations of %s: %w", s.Name, err)
		}
		out = append(out, newMigration(version, e.Name(), text))
	}
	return out, nil
}

// newMigration sums the text with plain line breaks, since a checkout on Windows may have made others.
func newMigration(version int, name string, text []byte) migration {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	sum := sha256.Sum256(text)
	return migration{version: version, name: name, sum: hex.EncodeToString(sum[:]), text: string(text)}
}

// placeholders writes $1 as ?1 for SQLite: some of its drivers count $N by order and not by number.
func (d Dialect) placeholders(query string) string {
	if d == PostgreSQL {
		return query
	}
	return strings.ReplaceAll(query, "$", "?")
}

// NewerError: the database was migrated by a newer program.
type NewerError struct {
	Set               string
	Database, Program int // the versions that they have
}

// Error names both versions.
func (e *NewerError) Error() string {
	return fmt.Sprintf("the database is newer than this program: its %s schema has version %d, this program knows up to %d; "+
		"use the newer program, or restore a backup", e.Set, e.Database, e.Program)
}

// ChangedError: a migration that the database has reads otherwise in this program.
type ChangedError struct {
	Set     string
	Version int
	Name    string // of the file, as it was applied
}

// Error names the migration.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("migration %04d of %s (%s) was applied in another form than this program has; "+
		"database and program do not belong together", e.Version, e.Set, e.Name)
}
