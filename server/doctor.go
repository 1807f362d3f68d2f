package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/forward"
	"github.com/nightlatch/nightlatch/server/settings"
)

// Grade says how bad a Finding is.
type Grade string

// The grades.
const (
	Fine    Grade = "ok"
	Warning Grade = "warning" // it works, and something should be known
	Fault   Grade = "fault"
)

// Finding is one thing that Diagnose looked at: how it is, and of what is wrong what to do about it.
type Finding struct {
	Grade Grade  `json:"grade"`
	Area  string `json:"area"` // "settings", "clock", "database", "key", "mail", "sms", "public_url", "webauthn", "rules", "policy", "metrics"
	Text  string `json:"text"`
}

// Examination is what Diagnose looks at. All must be set.
type Examination struct {
	Settings *settings.Settings
	Drivers
	Now  func() time.Time
	Rand io.Reader
}

// Diagnose looks for what is wrong. It leaves nothing behind and sends nothing; to the mail server alone it connects.
func Diagnose(ctx context.Context, e Examination) []Finding {
	d := &doctor{Examination: e}
	d.origin()
	d.rules()
	d.keyFile()
	if store := d.openDatabase(ctx); store != nil {
		d.database(ctx, store)
		if err := store.Close(); err != nil {
			d.fault("database", "it cannot be closed: %v", err)
		}
	}
	d.clock()
	d.mail(ctx)
	d.sms()
	d.metrics()
	return d.found
}

type doctor struct {
	Examination
	found    []Finding
	last     time.Time // of the newest event
	badRules bool      // no server can be made of the settings
}

func (d *doctor) say(g Grade, area, format string, args ...any) {
	text := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ") // one line
	d.found = append(d.found, Finding{g, area, text})
}

func (d *doctor) fine(area, format string, args ...any)  { d.say(Fine, area, format, args...) }
func (d *doctor) warn(area, format string, args ...any)  { d.say(Warning, area, format, args...) }
func (d *doctor) fault(area, format string, args ...any) { d.say(Fault, area, format, args...) }

// origin looks at where people find the server. What cannot be at all, settings refuse.
func (d *doctor) origin() {
	set := d.Settings
	where := set.File
	if where == "" {
		where = "the environment and defaults; there is no nightlatch.toml here"
	}
	d.fine("settings", "they can be used; from %s", where)
	u := set.Public()
	host, _, _ := net.SplitHostPort(set.Listen)
	switch {
	case u.Scheme == "https" && len(set.TrustedProxies) == 0:
		d.warn("public_url", "%s: whatever speaks TLS before this server is not in trusted_proxies, so that all people seem to come from its address; name its network there", set.PublicURL)
	case u.Scheme != "https" && host != "" && !isLoopback(host):
		d.fault("public_url", "%s is http, and the server listens beyond this machine; put a proxy with TLS before it and set public_url to its https:// address", set.PublicURL)
	default:
		d.fine("public_url", "%s", set.PublicURL)
	}
	wanted := slices.Contains(set.Policy.Factors, "webauthn")
	switch {
	case set.WebAuthn.RPID != "":
		d.fine("webauthn", "keys are bound to %s", set.WebAuthn.RPID)
	case wanted:
		d.warn("webauthn", "the host of public_url, %s, is an address and no name: no key or passkey can be used; give it a name, or take webauthn out of policy.factors", u.Hostname())
	}
}

// rules looks for those that never decide anything.
func (d *doctor) rules() {
	set := d.Settings
	_, err := forward.NewRules(set.File, set.Rules)
	var faults settings.Faults
	switch {
	case errors.As(err, &faults):
		d.badRules = true
		for _, f := range faults {
			d.fault("rules", "%s", f)
		}
	case err != nil:
		d.badRules = true
		d.fault("rules", "%v", err)
	case len(set.Rules) > 0:
		d.fine("rules", "each of the %d can be reached; nightlatch policy explain says which one decides", len(set.Rules))
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// keyFileOpen says that others can read the key file, or "".
func keyFileOpen(set *settings.Settings) string {
	path, ok := keyFilePath(set)
	if !ok {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil || !open(info) {
		return ""
	}
	return fmt.Sprintf("others on this machine can read the key file %s (mode %04o), which opens all secrets: chmod 600 %s", path, info.Mode().Perm(), path)
}

// open says whether others than the owner may do anything with a file. A system without such modes has no answer.
func open(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}

func (d *doctor) keyFile() {
	if why := keyFileOpen(d.Settings); why != "" {
		d.fault("key", "%s", why)
	}
}

func (d *doctor) policy(ctx context.Context, s *Server) {
	newest, err := s.Service.FindEvents(ctx, nightlatch.EventQuery{}, 1)
	if err == nil && len(newest) > 0 {
		d.last = newest[0].At
	}
	shut, err := s.adminsShutOut(ctx)
	admins, adminsErr := s.enabledAdmins(ctx)
	if err = errors.Join(err, adminsErr); err != nil {
		d.fault("policy", "%v", err)
		return
	}
	p := s.Service.Policy()
	switch {
	case shut:
		d.warn("policy", "%s", adminsShutOut)
	case len(admins) == 0:
		d.warn("policy", "there is no administrator; make one with nightlatch account admin NAME on")
	case p.ReportOnly && p.Require != nightlatch.Optional:
		d.warn("policy", "report_only is on: nobody is asked to enroll; nightlatch policy report counts whom it would stop")
	default:
		d.fine("policy", "require = %q; administrators: %d", p.Require, len(admins))
	}
}
