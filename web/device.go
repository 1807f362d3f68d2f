package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/token"
)

const (
	// browserCookie holds what a browser is known by, to tell a sign-in from a new one. It opens nothing.
	browserCookie = "nightlatch_browser"
	// browserLife is the most that browsers keep a cookie.
	browserLife = 400 * 24 * time.Hour
	// devicePrefix begins the cookies of remembered devices. Several people may share a browser: each has one.
	devicePrefix = "nightlatch_device_"
)

// newStart is what every sign-in begins with.
func (g *Gate) newStart(r *http.Request, c caller, byToken bool) nightlatch.Start {
	s := nightlatch.Start{Client: c.client, Token: byToken, Replaces: c.session}
	if byToken {
		return s
	}
	if s.Browser = g.cookie(r, browserCookie); !token.IsID(s.Browser) {
		s.Browser = g.svc.NewBrowser()
	}
	return s
}

// deviceCookie is the name of the cookie of a user's remembered device. It says nothing of the user to others.
func deviceCookie(user string) string {
	sum := sha256.Sum256([]byte(user))
	return devicePrefix + hex.EncodeToString(sum[:8])
}

// deviceOf is the value of the device as which this browser was remembered for a user, or "".
func (g *Gate) deviceOf(r *http.Request, user string, byToken bool) string {
	if byToken || user == "" {
		return ""
	}
	return g.cookie(r, deviceCookie(user))
}

// keepDevice gives the browser what it is known by, and the next value of a remembered device.
func (g *Gate) keepDevice(w http.ResponseWriter, next nightlatch.Next) {
	if next.Browser != "" {
		g.setCookie(w, browserCookie, next.Browser, browserLife)
	}
	if life := next.DeviceUntil.Sub(g.svc.Now()); next.Device != "" && life >= time.Second {
		g.setCookie(w, deviceCookie(next.User), next.Device, life)
	}
}

// remember is the option of a form or request that asks for it.
func remember(asked bool) []nightlatch.VerifyOption {
	if !asked {
		return nil
	}
	return []nightlatch.VerifyOption{nightlatch.RememberDevice}
}

// deviceJSON is one remembered device.
type deviceJSON struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Address    string    `json:"address"` // where it was last used
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Current    bool      `json:"current"`
}

// getDevices shows the remembered devices of the account, the last used first.
func (g *Gate) getDevices(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	own, err := g.session(r, c)
	if err != nil {
		return 0, nil, err
	}
	devices, err := g.devicesOf(r, own.User, c.client.Lang)
	if err != nil {
		return 0, nil, err
	}
	list := make([]deviceJSON, 0, len(devices))
	for _, d := range devices {
		list = append(list, deviceJSON{
			ID: d.ID, Name: d.Browser, Address: d.Addr, Current: d.Current,
			CreatedAt: d.CreatedAt, LastUsedAt: d.LastUsedAt, ExpiresAt: d.ExpiresAt,
		})
	}
	return http.StatusOK, list, nil
}

func (g *Gate) devicesOf(r *http.Request, user, lang string) ([]deviceView, error) {
	list, err := g.svc.DevicesOf(r.Context(), user)
	here := g.cookie(r, deviceCookie(user))
	views := make([]deviceView, len(list))
	for i, d := range list {
		views[i] = deviceView{
			ID: d.ID, Browser: browserText(lang, d.Client.Agent), Addr: d.Client.Addr, Current: d.Is(here),
			CreatedAt: d.CreatedAt, LastUsedAt: d.LastUsedAt, ExpiresAt: d.ExpiresAt,
		}
	}
	return views, err
}

// deleteDevicesID forgets one device of the account, which may be this one.
func (g *Gate) deleteDevicesID(w http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	return http.StatusNoContent, nil, g.forget(w, r, c)
}

// formForget forgets one device.
func (g *Gate) formForget(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	g.changed(w, r, g.forget(w, r, c), saidForgot)
}

// forget ends a device; this browser's own cookie goes with it.
func (g *Gate) forget(w http.ResponseWriter, r *http.Request, c caller) error {
	own, err := g.session(r, c)
	if err != nil {
		return err
	}
	devices, err := g.devicesOf(r, own.User, "")
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	err = g.svc.EndDevice(r.Context(), c.session, id, c.client)
	for _, d := range devices {
		if d.ID == id && d.Current && (err == nil || errors.Is(err, nightlatch.ErrNotFound)) {
			g.drop(w, r, deviceCookie(own.User))
		}
	}
	return err
}
