package importer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// eachLine calls f with each line of the files that is not empty. An error of f is the refusal of that line.
func eachLine(ctx context.Context, in Input, r *Read, f func(at string, line []byte) (name string, err error)) error {
	for _, path := range in.Files {
		text, err := readFile(path, maxText)
		if err != nil {
			return err
		}
		text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors write a byte order mark
		i := 0
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			i++
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				continue
			}
			if err := in.rows.row(ctx); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			at := in.place(path, fmt.Sprintf("line %d", i))
			if name, err := f(at, line); err != nil {
				r.refuse(at, name, err)
			}
		}
	}
	return nil
}

// decodeLine reads all of one JSON value. What json would say may quote a secret.
func decodeLine(line []byte, strict bool, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	if strict {
		d.DisallowUnknownFields()
	}
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("%s has another type than it must have", wrong.Field)
	case err != nil && strings.HasPrefix(err.Error(), "json: unknown field "):
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	case err != nil:
		return errors.New("it is no JSON object that can be read")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// unbase64 reads base64 of either alphabet, padded or not.
func unbase64(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("is not base64")
	}
	return b, nil
}

// timeOf reads a time as databases and JSON write one, in UTC where it does not say; zero for none that can be read.
func timeOf(text string) time.Time {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700 MST",
		"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Microsecond)
		}
	}
	return time.Time{}
}
