package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// What is read is bounded: a file of another's making must not fill the memory. Who has more splits it.
const (
	maxText     = 256 << 20 // bytes of a file of lines, a table or JSON
	maxUsers    = 32 << 20  // bytes of a users file, which takes many times that in memory
	maxDatabase = 1 << 30   // bytes of a SQLite database
	maxRows     = 1_000_000 // rows, lines and users of all files together
)

// count counts rows. A nil one is not valid.
type count struct{ n, most int }

// row counts one more. Errors: there are too many, or ctx is over.
func (c *count) row(ctx context.Context) error {
	if c.n++; c.n > c.most {
		return fmt.Errorf("it has more than %d rows, with those of the files before it; split it", c.most)
	}
	if c.n%256 == 0 {
		return ctx.Err()
	}
	return nil
}

// openFile opens a regular file of no more bytes than most. It opens nothing else: a pipe would wait for ever, a device
// never end.
func openFile(path string, most int64) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := checkFile(path, info, most); err != nil {
		return nil, err
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = checkFile(path, info, most) // it may be another one meanwhile
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func checkFile(path string, info os.FileInfo, most int64) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("%s: it is a directory", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: it is no regular file", path)
	case info.Size() > most:
		return fmt.Errorf("%s: %w", path, tooLarge(most))
	}
	return nil
}

func tooLarge(most int64) error {
	return fmt.Errorf("it has more than %d MiB; split it", most>>20)
}

// bounded reads no more than most bytes, and says so where there are more: what a file's size was is not what it is.
type bounded struct {
	from io.LimitedReader
	most int64
}

func newBounded(r io.Reader, most int64) *bounded {
	return &bounded{io.LimitedReader{R: r, N: most + 1}, most}
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.from.N <= 0 {
		return 0, tooLarge(b.most)
	}
	return n, err
}

// readFile reads a text of no more bytes than most.
func readFile(path string, most int64) ([]byte, error) {
	f, err := openFile(path, most)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(newBounded(f, most))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}
