package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// bounceCookie counts how often a browser that is signed in was sent here to sign in, on the way to one place.
const (
	bounceCookie = "nightlatch_bounce"
	bounceWithin = 10 * time.Second
	bounceMost   = 3
)

// loopView is the page "loop": what we can see of why a sign-in does not hold elsewhere.
type loopView struct {
	Frame
	Public  string // our own address
	Target  string // the origin that people are sent back and forth from
	Covered bool   // Options.CookieDomain covers it
	Same    bool   // it is our own host
	Came    bool   // the cookie for it came with this request
	Secure  bool   // cookies go over https only
	Plain   bool   // it is http
	Now     time.Time
}

// bounced notes that a browser which is signed in was sent here on the way to another host, and says whether that goes
// round in a circle: the third time within ten seconds.
func (g *Gate) bounced(w http.ResponseWriter, r *http.Request, to string) bool {
	if localPath(to) != "" || to == "" {
		return false
	}
	sum := sha256.Sum256([]byte(to))
	place, now, count := base64.RawURLEncoding.EncodeToString(sum[:9]), g.svc.Now(), 1
	first := now
	if parts := strings.Split(g.cookie(r, bounceCookie), "."); len(parts) == 3 && parts[0] == place {
		n, err1 := strconv.Atoi(parts[1])
		at, err2 := strconv.ParseInt(parts[2], 10, 64)
		if age := now.Sub(time.UnixMilli(at)); err1 == nil && err2 == nil && age >= 0 && age < bounceWithin {
			count, first = n+1, time.UnixMilli(at)
		}
	}
	g.setCookie(w, bounceCookie, place+"."+strconv.Itoa(count)+"."+strconv.FormatInt(first.UnixMilli(), 10), bounceWithin)
	return count >= bounceMost
}

// loopPage says what is wrong, as far as it can be seen from here.
func (g *Gate) loopPage(w http.ResponseWriter, r *http.Request, to string) {
	u, err := url.Parse(to)
	if err != nil {
		g.redirect(w, r, "/account")
		return
	}
	g.setCookie(w, bounceCookie, "", 0)
	_, came := cookieNamed(r, g.sharedName())
	own, _ := url.Parse(g.origin)
	v := loopView{
		Public: g.origin, Target: u.Scheme + "://" + u.Host, Same: strings.EqualFold(u.Hostname(), own.Hostname()),
		Covered: coversHost(g.options.CookieDomain, u.Hostname()), Came: came == 1,
		Secure: g.secure, Plain: u.Scheme == "http", Now: g.svc.Now(),
	}
	g.log.Warn("a browser is sent in a circle", "target", v.Target, "covered", v.Covered, "cookie", v.Came)
	g.pages.render(w, r, http.StatusLoopDetected, "loop", v)
}

func coversHost(domain, host string) bool {
	host = strings.ToLower(host)
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}
