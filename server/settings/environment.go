package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const envPrefix = "NIGHTLATCH_"

// envName is the environment variable of a key: "totp.digits" is NIGHTLATCH_TOTP_DIGITS.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// orchestrated matches what container engines set by themselves for a service that is called nightlatch.
// No such variable is meant for us.
var orchestrated = regexp.MustCompile(`^NIGHTLATCH_(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP)(_(ADDR|PORT|PROTO))?)$`)

func setByOrchestrator(name, content string) bool {
	return orchestrated.MatchString(name) ||
		name == envPrefix+"PORT" && (strings.HasPrefix(content, "tcp://") || strings.HasPrefix(content, "udp://"))
}

// environment applies what the environment sets.
func (l *load) environment(env []string) {
	direct, fromFile := map[string]*row{}, map[string]*row{}
	for _, r := range l.settings.rows {
		direct[envName(r.key)] = r
		fromFile[envName(r.key)+"_FILE"] = r
	}
	set := map[*row]string{}
	for _, name := range sortedNames(env) {
		content := env[name.at][len(name.text)+1:]
		r, isDirect := direct[name.text] // before fromFile: NIGHTLATCH_KEY_FILE is key_file
		if !isDirect {
			r = fromFile[name.text]
		}
		switch {
		case r == nil && !setByOrchestrator(name.text, content):
			l.fault(Fault{Where: name.text, Why: "no setting has this environment variable" + l.nearEnv(name.text)})
		case r == nil:
		case set[r] != "":
			l.fault(Fault{Where: name.text, Key: r.key, Why: fmt.Sprintf("%s is set too; allowed is one of the two", set[r])})
			l.spoil(r.key)
		case isDirect:
			set[r] = name.text
			l.apply(r, value{shape: aText, text: content, loose: true}, Origin{From: FromEnv, Name: name.text})
		default:
			set[r] = name.text
			l.envFile(r, name.text, content)
		}
	}
}

// envFile applies what stands in the file that a variable …_FILE names.
func (l *load) envFile(r *row, name, path string) {
	content, err := readSmall(l.path(path))
	if err != nil {
		l.fault(Fault{Where: name, Key: r.key, Why: "the file cannot be read: " + reason(err)})
		l.spoil(r.key)
		return
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	l.apply(r, value{shape: aText, text: text, loose: true}, Origin{From: FromEnv, Name: name})
}

// port applies PORT, which hosting platforms set, where nothing else sets listen.
func (l *load) port(env []string) {
	r := l.settings.row("listen")
	for _, pair := range env {
		if port, found := strings.CutPrefix(pair, "PORT="); found && port != "" && r.from.From == FromDefault && l.ok("listen") {
			l.apply(r, value{shape: aText, text: ":" + port, loose: true}, Origin{From: FromEnv, Name: "PORT"})
		}
	}
}

// nearEnv suggests a variable for an unknown one.
func (l *load) nearEnv(name string) string {
	if name == envPrefix+"PORT" {
		return "; did you mean NIGHTLATCH_LISTEN or PORT?"
	}
	known := make([]string, 0, 2*len(l.settings.rows))
	for _, r := range l.settings.rows {
		known = append(known, envName(r.key), envName(r.key)+"_FILE")
	}
	for _, array := range []string{groupKey, accountKey, ruleKey} {
		if name == envName(array) || strings.HasPrefix(name, envName(array)+"_") {
			return fmt.Sprintf("; [[%s]] stands in the settings file alone", array)
		}
	}
	return didYouMean(name, known)
}

type envVariable struct {
	text string
	at   int
}

// sortedNames are the names of our variables in order, each with the place of its last value.
func sortedNames(env []string) []envVariable {
	at := map[string]int{}
	for i, pair := range env {
		if name, _, found := strings.Cut(pair, "="); found && strings.HasPrefix(name, envPrefix) {
			at[name] = i
		}
	}
	out := make([]envVariable, 0, len(at))
	for name, i := range at {
		out = append(out, envVariable{name, i})
	}
	slices.SortFunc(out, func(a, b envVariable) int { return strings.Compare(a.text, b.text) })
	return out
}

var errTooLarge = errors.New("it is larger than 1 MiB")
