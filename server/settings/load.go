package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// FileName is the settings file that is read from the working directory.
const FileName = "nightlatch.toml"

// Sources is where settings come from. The zero value reads nightlatch.toml in the working directory, and nothing else.
type Sources struct {
	Dir  string   // the working directory; empty: the process's own
	File string   // --config: a file that must exist; empty: nightlatch.toml in Dir, if it is there
	Env  []string // as os.Environ gives it
	// Flags are the flags that were given, by the key that each sets: "listen", "data_dir", "public_url".
	Flags   map[string]string
	Protect *string // --protect; nil: not given
	Demo    bool    // --demo
}

// Load reads all sources and judges what they say. The error is Faults, all of them at once.
func Load(from Sources) (*Settings, error) {
	s := &Settings{Demo: from.Demo}
	s.rows = s.table()
	l := &load{settings: s, from: from, spoiled: map[string]bool{}}
	l.file()
	l.environment(from.Env)
	l.flags()
	l.port(from.Env)
	if from.Demo {
		l.demo()
	}
	l.protect()
	l.keep()
	s.derive()
	l.check()
	if len(l.faults) > 0 {
		return nil, l.faults
	}
	return s, nil
}

type load struct {
	settings *Settings
	from     Sources
	faults   Faults
	spoiled  map[string]bool // keys with a fault of their own; checks across keys leave them alone
	unread   bool            // the file could not be read as a whole

	groups   []placed[Group]
	accounts []placed[Account]
	rules    []placed[Rule]
}

func (l *load) fault(f Fault) { l.faults = append(l.faults, f) }

func (l *load) spoil(key string) { l.spoiled[key] = true }

// ok tells whether what the keys say can be relied on.
func (l *load) ok(keys ...string) bool {
	return !l.unread && !slices.ContainsFunc(keys, func(k string) bool { return l.spoiled[k] })
}

// apply sets one field, or adds a fault that says what is allowed.
func (l *load) apply(r *row, v value, from Origin) {
	l.applyAs(r.key, r, v, from)
}

func (l *load) applyAs(name string, r *row, v value, from Origin) {
	err := r.set(v)
	if err == nil {
		r.from = from
		return
	}
	l.spoil(name)
	l.fault(Fault{Where: from.place(), Key: name, Why: refusal(r, v, err)})
}

// refusal quotes the value unless it may hold a secret.
func refusal(r *row, v value, allowed error) string {
	what := "this value"
	if bad := (*badItem)(nil); errors.As(allowed, &bad) {
		v = value{shape: aText, text: bad.item}
	}
	if r.mask == nil && !(strings.Contains(v.text, "://") && strings.Contains(v.text, "@")) {
		what = v.echo()
	}
	return fmt.Sprintf("%s is not allowed; allowed is %v", what, allowed)
}

// flags applies the flags, in the order of the table.
func (l *load) flags() {
	for _, r := range l.settings.rows {
		if text, given := l.from.Flags[r.key]; given {
			l.apply(r, value{shape: aText, text: text, loose: true}, Origin{From: FromFlag, Name: flagName(r.key)})
		}
	}
}

func flagName(key string) string { return "--" + strings.ReplaceAll(key, "_", "-") }

// demo turns everything on, and sends every message to the outbox.
func (l *load) demo() {
	quoted := func(items []string) value {
		return value{shape: aText, text: strings.Join(items, ","), loose: true}
	}
	for key, v := range map[string]value{
		"policy.factors": quoted(enrollable),
		"mail.url":       {shape: aText, text: "outbox:", loose: true},
		"sms.provider":   {shape: aText, text: "outbox", loose: true},
		"sms.countries":  quoted(demoCountries),
	} {
		l.apply(l.settings.row(key), v, Origin{From: FromFlag, Name: "--demo"})
	}
}

// demoCountries are some whose numbers a visitor of the demonstration is likely to type.
var demoCountries = []string{
	"AT", "AU", "BE", "BR", "CA", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "IE", "IN", "IT", "JP",
	"MX", "NL", "NO", "NZ", "PL", "PT", "SE", "SG", "US", "ZA",
}

// protect takes the address of the application from --protect.
func (l *load) protect() {
	if l.from.Protect == nil {
		return
	}
	raw := *l.from.Protect
	u, err := parseWeb(raw)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		l.fault(Fault{Where: "--protect", Why: "the application's address is not allowed; allowed is http:// or https:// with host and port, without a path"})
		return
	}
	l.settings.Protect = strings.TrimRight(raw, "/")
}

// file applies the settings file.
func (l *load) file() {
	path := l.from.File
	if path == "" {
		path = FileName
	}
	data, err := readSmall(l.path(path))
	if errors.Is(err, fs.ErrNotExist) && l.from.File == "" {
		return
	}
	if err != nil {
		l.unread = true
		l.fault(Fault{Where: path, Why: "the settings file cannot be read: " + reason(err)})
		return
	}
	l.settings.File = path
	entries, faults := parseFile(data, []string{groupKey, accountKey, ruleKey})
	for _, f := range faults {
		l.unread = true
		f.Where = strings.TrimSuffix(path+":"+f.Where, ":")
		l.fault(f)
	}
	l.entries(path, entries)
}

func (l *load) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(l.from.Dir, p)
}

// readSmall reads a file of at most 1 MiB.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	const most = 1 << 20
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(data) > most {
		return nil, errTooLarge
	}
	return data, err
}

// reason is the last cause of an error: "no such file or directory" without the operation and the path twice.
func reason(err error) string {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Path + ": " + p.Err.Error()
	}
	return err.Error()
}
