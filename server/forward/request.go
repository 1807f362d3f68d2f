// Package forward decides, for a proxy or for the one that is built in, whether a request may pass: by the rules of the
// settings, and by who is signed in.
//
// It owns how the original request is read, which rule is for it, and what the application is told. It knows no store
// and no page: who is signed in comes from Sessions.
package forward

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Request is a request to an application, as a proxy tells of it.
type Request struct {
	Method string
	Scheme string // "http" or "https"
	Host   string // in lower case, with a port where one was given
	Path   string // decoded once, as rules see it
	URI    string // path and query as they were sent
	Addr   netip.Addr
}

// Hostname is the Host without its port.
func (r Request) Hostname() string {
	host := r.Host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	if strings.HasPrefix(host, "[") {
		return strings.Trim(host, "[]")
	}
	return strings.TrimSuffix(host, ".")
}

// URL is the whole address that was asked for.
func (r Request) URL() string { return r.Scheme + "://" + r.Host + r.URI }

// What makes a request one that nobody can judge.
var (
	errMissing = errors.New("the original request is missing")
	errBoth    = errors.New("the original request stands in both families of headers")
	errDoubled = errors.New("a header of the original request stands twice")
	errMethod  = errors.New("the method is none")
	errScheme  = errors.New("the scheme is neither http nor https")
	errHost    = errors.New("the host is none")
	errURI     = errors.New("the address is none")
	errPath    = errors.New("the path is ambiguous")
)

// families are the two ways in which proxies tell of the original request.
var families = [2][]string{
	{"X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"},
	{"X-Original-Method", "X-Original-Url"},
}

// AsksByOriginalURL says whether a request for a decision is one of nginx, which knows no other refusals than 401 and 403.
func AsksByOriginalURL(h http.Header) bool {
	return len(h["X-Original-Url"]) > 0 || len(h["X-Original-Method"]) > 0
}

// ReadRequest reads the original request from the headers of a trusted proxy. It returns an error, which says what is
// wrong with it, for whatever an application might understand in another way.
func ReadRequest(h http.Header) (Request, error) {
	forwarded, asForwarded := told(h, families[0])
	original, asOriginal := told(h, families[1])
	switch {
	case asForwarded && asOriginal:
		return Request{}, errBoth
	case asOriginal:
		return readOriginal(original)
	case asForwarded:
		return readForwarded(forwarded)
	}
	return Request{}, errMissing
}

// told returns what stands in the headers of a family, four at most, and whether any is there.
func told(h http.Header, names []string) (all [4][]string, is bool) {
	for i, name := range names {
		all[i] = h[name]
		is = is || len(all[i]) > 0
	}
	return all, is
}

// one returns the values of headers that must each stand once.
func one(all [][]string) (values [4]string, err error) {
	for i, v := range all {
		switch {
		case len(v) == 0 || v[0] == "":
			return values, errMissing
		case len(v) > 1:
			return values, errDoubled
		default:
			values[i] = v[0]
		}
	}
	return values, nil
}

func readForwarded(all [4][]string) (Request, error) {
	v, err := one(all[:])
	if err != nil {
		return Request{}, err
	}
	return NewRequest(v[0], v[1], v[2], v[3])
}

func readOriginal(all [4][]string) (Request, error) {
	v, err := one(all[:len(families[1])])
	if err != nil {
		return Request{}, err
	}
	scheme, rest, ok := strings.Cut(v[1], "://")
	if !ok {
		return Request{}, errURI
	}
	host, uri := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, uri = rest[:i], rest[i:]
	}
	return NewRequest(v[0], scheme, host, uri)
}

// NewRequest judges the parts of a request. It returns an error for whatever is ambiguous.
func NewRequest(method, scheme, host, uri string) (Request, error) {
	r := Request{Method: method, Host: strings.ToLower(host), URI: uri}
	if !isToken(method) {
		return Request{}, errMethod
	}
	switch strings.ToLower(scheme) {
	case "http", "ws":
		r.Scheme = "http"
	case "https", "wss":
		r.Scheme = "https"
	default:
		return Request{}, errScheme
	}
	if !isHost(r.Host) {
		return Request{}, errHost
	}
	path, query, _ := strings.Cut(uri, "?")
	if !strings.HasPrefix(path, "/") || hasControl(query) || strings.Contains(query, "#") {
		return Request{}, errURI
	}
	var err error
	r.Path, err = CleanPath(path)
	return r, err
}

// CleanPath decodes a path once. It returns an error when the path, decoded once or twice, has a "." or ".." segment (with
// or without parameters), an empty segment other than the last, a backslash, an encoded slash, a control byte or bad UTF-8:
// proxies and applications do not agree on what those mean.
func CleanPath(raw string) (string, error) {
	if strings.IndexByte(raw, '#') >= 0 || strings.IndexByte(raw, '?') >= 0 || hasControl(raw) {
		return "", errPath
	}
	once, ok := unescape(raw, true)
	if !ok || ambiguous(once) {
		return "", errPath
	}
	if strings.IndexByte(once, '%') < 0 {
		return once, nil // it is the same, decoded twice
	}
	twice, ok := unescape(once, false)
	if !ok || ambiguous(twice) {
		return "", errPath
	}
	return once, nil
}

// unescape decodes percent escapes; strict refuses a "%" that begins none. It is false for an encoded slash, too.
func unescape(s string, strict bool) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			if strict {
				return "", false
			}
			b.WriteByte('%')
			continue
		}
		c := hexOf(s[i+1])<<4 | hexOf(s[i+2])
		if c == '/' {
			return "", false
		}
		b.WriteByte(c)
		i += 2
	}
	return b.String(), true
}

// ambiguous says whether a decoded path may be read in more than one way.
func ambiguous(path string) bool {
	if !utf8.ValidString(path) || strings.Contains(path, `\`) || hasControl(path) || !strings.HasPrefix(path, "/") {
		return true
	}
	for rest, more := path[1:], true; more; {
		var s string
		s, rest, more = strings.Cut(rest, "/")
		name, _, _ := strings.Cut(s, ";")
		if name == "." || name == ".." || name == "" && (more || s != "") {
			return true
		}
	}
	return false
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexOf(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// isToken: RFC 9110 §5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// isHost: a name, or an address, with or without a port. Nothing that could be two, or be read as a user and a host.
func isHost(s string) bool {
	if s == "" || len(s) > 260 {
		return false
	}
	name, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return false
		}
		if a, err := netip.ParseAddr(s[1:end]); err != nil || !a.Is6() || a.Zone() != "" {
			return false
		}
		name, port = "", s[end+1:]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		name, port = s[:i], s[i:]
		if name == "" {
			return false
		}
	}
	if port != "" && !isPort(port) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return !strings.HasPrefix(name, ".") && !strings.Contains(name, "..")
}

func isPort(s string) bool {
	if len(s) < 2 || len(s) > 6 || s[0] != ':' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
