package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errNoDump: what was read is no JSON of tables.
var errNoDump = errors.New("it is neither a SQLite database nor JSON with a list of rows for each table")

// readDump reads JSON: an object of tables, each a list of rows, or the list of users alone. Bytes are base64. It holds
// one row at a time beside those that it keeps.
func (f *flask) readDump(ctx context.Context, in Input, path string) error {
	file, err := openFile(path, maxText)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := f.decodeDump(ctx, in.rows, json.NewDecoder(newBounded(file, maxText))); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (f *flask) decodeDump(ctx context.Context, n *count, d *json.Decoder) error {
	first, err := d.Token()
	if err != nil {
		return dumpError(err)
	}
	switch first {
	case json.Delim('['):
		if err := f.decodeRows(ctx, n, d); err != nil {
			return err
		}
	case json.Delim('{'):
		if err := f.decodeTables(ctx, n, d); err != nil {
			return err
		}
	default:
		return errNoDump
	}
	switch _, err := d.Token(); {
	case err == nil:
		return errNoDump // something follows
	case !errors.Is(err, io.EOF):
		return dumpError(err)
	}
	return nil
}

// decodeTables reads the members of the object up to its end.
func (f *flask) decodeTables(ctx context.Context, n *count, d *json.Decoder) error {
	for d.More() {
		if _, err := d.Token(); err != nil { // the table's name
			return dumpError(err)
		}
		switch list, err := d.Token(); {
		case err != nil:
			return dumpError(err)
		case list == nil: // null: there is no such table
		case list != json.Delim('['):
			return errNoDump
		default:
			if err := f.decodeRows(ctx, n, d); err != nil {
				return err
			}
		}
	}
	return endOf(d)
}

// decodeRows reads the rows of a list up to its end.
func (f *flask) decodeRows(ctx context.Context, n *count, d *json.Decoder) error {
	for d.More() {
		if err := n.row(ctx); err != nil {
			return err
		}
		var r record
		if err := d.Decode(&r); err != nil {
			return dumpError(err)
		}
		f.add(append(keysOf(r), optional(r)...), []record{r}) // rows of a dump may leave out what is null
	}
	return endOf(d)
}

// endOf takes the bracket that ends a list or an object.
func endOf(d *json.Decoder) error {
	_, err := d.Token()
	return dumpError(err)
}

// dumpError says what is wrong. What json would say may quote a secret.
func dumpError(err error) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax), errors.As(err, &typed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errNoDump
	}
	return err
}
