package forward

import (
	"net/http"
	"strings"
)

// isOwnCookie says whether a cookie of that name is one of ours.
func isOwnCookie(name string) bool {
	for _, prefix := range []string{"__host-", "__secure-", "__http-", "__host-http-"} {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), prefix); ok && strings.HasPrefix(rest, "nightlatch_") {
			return true
		}
	}
	return strings.HasPrefix(strings.ToLower(name), "nightlatch_")
}

// dropOwnCookies removes our cookies from a request, and leaves the others as they are, byte for byte.
func dropOwnCookies(h http.Header) {
	var kept []string
	for _, line := range h["Cookie"] {
		var parts []string
		for part := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(part, "=")
			if trimmed := strings.TrimSpace(part); trimmed != "" && !isOwnCookie(strings.TrimSpace(name)) {
				parts = append(parts, trimmed)
			}
		}
		if len(parts) > 0 {
			kept = append(kept, strings.Join(parts, "; "))
		}
	}
	delete(h, "Cookie")
	if len(kept) > 0 {
		h["Cookie"] = kept
	}
}

// dropOwnSetCookies keeps an application from setting our cookies.
func dropOwnSetCookies(h http.Header) {
	var kept []string
	for _, line := range h["Set-Cookie"] {
		if name, _, _ := strings.Cut(line, "="); !isOwnCookie(strings.TrimSpace(name)) {
			kept = append(kept, line)
		}
	}
	delete(h, "Set-Cookie")
	if len(kept) > 0 {
		h["Set-Cookie"] = kept
	}
}
