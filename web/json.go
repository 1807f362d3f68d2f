package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxBody is the largest body of a request, in bytes.
const maxBody = 64 << 10

// What is wrong with a body before it is read.
var (
	errTooLarge  = errors.New("the body is larger than 64 KiB")
	errMediaType = errors.New("the body must be application/json")
)

// readBody returns the body of an API request. A request without one has none to be wrong about.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, FieldsError{}
	}
	contentType := r.Header.Get("Content-Type")
	if len(body) == 0 && contentType == "" {
		return nil, nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return nil, errMediaType
	}
	return body, nil
}

// decode reads a JSON object into the struct that v points to. It refuses, as a FieldsError, what is no object,
// unknown and repeated names (also in another case), values of another type, bad UTF-8 and anything after the object.
func decode(body []byte, v any) error {
	if body == nil {
		return errMediaType
	}
	if !utf8.Valid(body) || loneSurrogate(body) {
		return FieldsError{}
	}
	names, err := topNames(body)
	if err != nil {
		return FieldsError{}
	}
	known := jsonNames(reflect.TypeOf(v).Elem())
	for _, name := range names {
		if !known[name] {
			return FieldsError{clip(name): "unknown"}
		}
	}
	if err := json.Unmarshal(body, v); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			// An embedded struct stands before the name.
			return FieldsError{clip(wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]): "invalid"}
		}
		return FieldsError{}
	}
	return nil
}

// loneSurrogate says whether a \u escape is half a character. Decoded, all halves would be the same one.
func loneSurrogate(body []byte) bool {
	for i := 0; i+1 < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		if body[i] != 'u' || !utf16.IsSurrogate(escaped(body[i-1:])) {
			continue
		}
		if i+5 > len(body) || utf16.DecodeRune(escaped(body[i-1:]), escaped(body[i+5:])) == utf8.RuneError {
			return true
		}
		i += 10
	}
	return false
}

// escaped is the code unit of a \u escape at the beginning of b, or -1.
func escaped(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

func clip(name string) string {
	if len(name) > 64 {
		return strings.ToValidUTF8(name[:64], "")
	}
	return name
}

// jsonNames returns the names that a struct's fields have in JSON.
func jsonNames(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for f := range t.Fields() {
		if f.Anonymous {
			for name := range jsonNames(f.Type) {
				names[name] = true
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}

// topNames returns the names of an object, and an error where one stands twice, at any depth.
func topNames(body []byte) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	first, err := d.Token()
	if err != nil {
		return nil, err
	}
	if first != json.Delim('{') {
		return nil, errors.New("no object")
	}
	names, err := objectNames(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something after the object")
	}
	return names, nil
}

func objectNames(d *json.Decoder, depth int) ([]string, error) {
	if depth > 32 {
		return nil, errors.New("too deep")
	}
	var names []string
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if seen[name] {
			return nil, fmt.Errorf("%q stands twice", name)
		}
		seen[name] = true
		names = append(names, name)
		if err := skipValue(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return names, err
}

func skipValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		_, err = objectNames(d, depth+1)
	case json.Delim('['):
		if depth > 32 {
			return errors.New("too deep")
		}
		for d.More() {
			if err := skipValue(d, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

// answer writes a JSON value.
func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{}`)
	}
	h := w.Header()
	apiHeaders(h)
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// apiHeaders sets what every answer of the API carries. It is no document: opened as one it may do nothing.
func apiHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}
