package seal

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	maxText = 1 << 20
	maxKeys = 1000
)

const textHead = `# Nightlatch key ring. Whoever has this and the database has every secret in it.
# Keep a copy apart from the database: without it nothing that is sealed can be opened.
# number  made on  key
`

// Format is the text form of the ring, as it stands in a key file: comments, then one key a line.
// It holds the keys themselves.
func (r *Ring) Format() []byte {
	var b bytes.Buffer
	b.WriteString(textHead)
	for _, k := range r.keys {
		b.Write(k.line())
	}
	return b.Bytes()
}

// FormatNewest is the line of the newest key alone, to be added to the text of the ring before it.
func (r *Ring) FormatNewest() []byte { return r.newest().line() }

func (k *key) line() []byte {
	return fmt.Appendf(nil, "%d %s %s\n", k.id, k.date.Format(time.DateOnly), base64.StdEncoding.EncodeToString(k.secret[:]))
}

// Parse reads the text form of a ring: one key a line, as its number (from 1), the day that it was made and 32
// bytes in base64, with white space between them. Empty lines and lines that begin with # count for nothing.
// An error says the line and what is wrong there, and shows nothing of the text.
func Parse(text []byte) (*Ring, error) {
	if len(text) > maxText {
		return nil, errors.New("key ring is longer than 1 MiB")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // some editors put a byte order mark there
	r := &Ring{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseKey(line)
		if err == nil {
			err = r.fits(k)
		}
		if err != nil {
			return nil, fmt.Errorf("key ring, line %d: %w", n, err)
		}
		r.keys = append(r.keys, k)
	}
	if len(r.keys) == 0 {
		return nil, errors.New("key ring holds no key")
	}
	slices.SortFunc(r.keys, func(a, b *key) int { return cmp.Compare(a.id, b.id) })
	return r, nil
}

// ParseLine reads a ring from a variable of the environment, which has one line as a rule: the keys stand one after
// another, with white space, commas or semicolons between them. What has a line for each is good, too. Errors as Parse.
func ParseLine(text string) (*Ring, error) {
	if strings.Contains(text, "#") { // it is the whole file
		return Parse([]byte(text))
	}
	fields := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' })
	var b strings.Builder
	for i, f := range fields {
		b.WriteString(f)
		if b.WriteByte(' '); i%3 == 2 {
			b.WriteByte('\n')
		}
	}
	return Parse([]byte(b.String()))
}

// fits refuses a key that would make the ring ambiguous or a rotation idle.
func (r *Ring) fits(k *key) error {
	if len(r.keys) == maxKeys {
		return fmt.Errorf("there are more than %d keys", maxKeys)
	}
	for _, other := range r.keys {
		if other.id == k.id {
			return fmt.Errorf("key %d is there twice", k.id)
		}
		if *other.secret == *k.secret {
			return fmt.Errorf("keys %d and %d are the same", other.id, k.id)
		}
	}
	return nil
}

// parseKey reads one line. No error of the standard library passes: they quote what they could not read.
func parseKey(line string) (*key, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return nil, errors.New(`expected "number date key"`)
	}
	id, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil || id == 0 || fields[0][0] == '0' || fields[0][0] == '+' {
		return nil, errors.New("the number is none from 1 on")
	}
	date, err := time.Parse(time.DateOnly, fields[1])
	if err != nil {
		return nil, errors.New("the date is none of the form 2006-01-02")
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(fields[2])
	if err != nil || len(secret) != KeySize {
		return nil, fmt.Errorf("the key is not %d bytes in base64", KeySize)
	}
	if bytes.Count(secret, secret[:1]) == KeySize {
		return nil, errors.New("the key is not random")
	}
	return newKey(uint32(id), date, [KeySize]byte(secret))
}
