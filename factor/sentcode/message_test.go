package sentcode

import (
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/locale"
)

var purposes = []factor.Purpose{factor.ForSignIn, factor.ForFreshProof, factor.ForEnrollment}

func TestTextMessage(t *testing.T) {
	t.Parallel()
	for _, lang := range append(locale.Languages(), "") {
		for _, purpose := range purposes {
			for _, service := range []string{"Nightlatch", "The Royal Society for the Prevention of Forgotten Passwords"} {
				text := textMessage(lang, wordsFor(purpose), service, "id.example.com", "012345", locale.Duration(lang, DefaultLifetime))
				if n, ok := septets(text); !ok || n > segment {
					t.Errorf("%s, %s: %d septets: %q", lang, purpose, n, text)
				}
				if !strings.HasSuffix(text, "\n@id.example.com #012345") {
					t.Errorf("%s, %s: last line of %q", lang, purpose, text)
				}
				if !strings.Contains(text, service[:3]) || strings.Count(text, "012345") != 2 {
					t.Errorf("%s, %s: service and code in %q", lang, purpose, text)
				}
			}
		}
	}
}

func TestTextMessageIsWhole(t *testing.T) {
	t.Parallel()
	f := both(Options{Service: "Acme\r\n@evil.example #1"})[1]
	p := newPerson(t, f, address[SMS][0])
	p.ask()
	p.pending = nil
	got := p.ask().Message.Text
	code := regexp.MustCompile(`\d{6}`).FindString(got)
	want := "Acme @evil.example #1: " + code +
		" is your code to sign in. It is good for 10 minutes. Never share it.\n@id.example.com #" + code
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The host is where the code is typed in: the setting, else the origin without its port, else none is said.
func TestHost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ option, origin, want string }{
		"of the origin": {"", "https://ID.example.com:8443", "@id.example.com"},
		"of the option": {"login.example.com:443", "https://other.example", "@login.example.com"},
		"localhost":     {"", "http://localhost:8080", "@localhost"},
		"none":          {"", "", ""},
		"IPv6":          {"", "http://[::1]:8080", ""},
		"hostile":       {"", "https://a b", ""},
		"one letter":    {"a", "", "@a"},
		"dot at first":  {"", "https://.example.com", ""},
		"dash at last":  {"", "https://example.com-:443", ""},
		"not a name":    {"", "https://exam_ple.com", ""},
		"long":          {strings.Repeat("a", 253), "", "@" + strings.Repeat("a", 253)},
		"too long":      {"", "https://" + strings.Repeat("a", 254), ""},
	} {
		p := newPerson(t, both(Options{Host: tc.option})[1], address[SMS][0])
		p.call.Origin = tc.origin
		text := p.ask().Message.Text
		last := text[strings.LastIndexByte(text, '\n')+1:]
		if tc.want == "" && strings.Contains(text, "\n") || tc.want != "" && !strings.HasPrefix(last, tc.want+" #") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// What cannot be written in one SMS is still written whole.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	host := strings.Repeat("long.", 40) + "example"
	text := textMessage("en", wordsFor(factor.ForSignIn), "Дом", host, "012345", "10 minutes")
	if want := "Дом: your code is 012345. Never share it.\n@" + host + " #012345"; text != want {
		t.Errorf("%q", text)
	}
	for name, want := range map[string]string{
		"Nightlatch": "Nightlatch", "The Royal Society of Keys": "The Royal Society", strings.Repeat("x", 30): strings.Repeat("x", 20),
	} {
		if got := cut(name); got != want {
			t.Errorf("cut %q = %q", name, got)
		}
	}
	if n, ok := septets("a€"); n != 3 || !ok {
		t.Errorf("%d, %v", n, ok)
	}
}

// origin-bound one-time codes: our own texts are read by the specification's algorithm as what they are, and its
// vectors are read as they say, so that this reading is the right one.
func TestOriginBound(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(filepath.Join("testdata", "sms_origin_bound.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			Message string
			Expect  json.RawMessage
		}
	}
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors.Cases {
		var want struct {
			Host string `json:"top_level_host"`
			Code string
		}
		failure := json.Unmarshal(v.Expect, &want) != nil
		host, code, ok := parseOriginBound(v.Message)
		if ok == failure || host != want.Host || code != want.Code {
			t.Errorf("%q: %q, %q, %v", v.Message, host, code, ok)
		}
	}
	if len(vectors.Cases) < 13 {
		t.Errorf("only %d cases", len(vectors.Cases))
	}
	for _, lang := range locale.Languages() {
		for _, purpose := range purposes {
			text := textMessage(lang, wordsFor(purpose), "Night @latch #1", "example.com", "012345", "10 minutes")
			if host, code, ok := parseOriginBound(text); host != "example.com" || code != "012345" || !ok {
				t.Errorf("%q: %q, %q", text, host, code)
			}
		}
	}
}

// parseOriginBound is the specification's section "Parsing", without the embedded host.
func parseOriginBound(message string) (host, code string, ok bool) {
	message = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(message)
	last := message[strings.LastIndexByte(message, '\n')+1:]
	m := regexp.MustCompile(`^@([^ \t\f#@]+) #([^ \t\f]+)`).FindStringSubmatch(last)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

func TestMail(t *testing.T) {
	t.Parallel()
	for _, lang := range locale.Languages() {
		for _, purpose := range purposes {
			f := both(Options{Service: "Keys <&> Co", Host: "id.example.com"})[0]
			p := newPerson(t, f, address[Email][0])
			p.call.Lang, p.call.Purpose = lang, purpose
			var m *factor.Message
			if purpose == factor.ForEnrollment {
				prompt, _, err := f.BeginEnrollment(t.Context(), p.call, factor.Response{Email: "new@example.com"})
				if err != nil {
					t.Fatal(err)
				}
				m = prompt.(factor.Code).Message
			} else {
				m = p.ask().Message
			}
			if got, want := bare(m.HTML), strings.Join(strings.Fields(m.Text), " "); got != want {
				t.Errorf("%s, %s: HTML %q, text %q", lang, purpose, got, want)
			}
			code := regexp.MustCompile(`\n\d{6}\n`)
			if len(code.FindAllString(m.Text, -1)) != 1 || strings.ContainsAny(m.Subject, "0123456789\n") {
				t.Errorf("%s, %s: %q, subject %q", lang, purpose, m.Text, m.Subject)
			}
			for _, part := range []string{"Keys <&> Co", "id.example.com", locale.Duration(lang, DefaultLifetime)} {
				if !strings.Contains(m.Text, part) {
					t.Errorf("%s, %s: %q lacks %q", lang, purpose, m.Text, part)
				}
			}
			if !strings.Contains(m.Subject, "Keys <&> Co") || !strings.Contains(m.HTML, `<html lang="`+lang+`" dir="ltr">`) {
				t.Errorf("%s, %s: subject %q, HTML %q", lang, purpose, m.Subject, m.HTML)
			}
			if lang != "en" && strings.Contains(m.Text, "code to") {
				t.Errorf("%s, %s: %q", lang, purpose, m.Text)
			}
		}
	}
}

// bare is the words of an HTML text.
func bare(page string) string {
	page = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(page)), " ")
}

// The service says its name by the option, else by the call, else by its host.
func TestService(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ service, issuer, origin, want string }{
		"option": {"Keys", "Locks", "https://example.com", "Keys"},
		"call":   {"", "Locks", "https://example.com", "Locks"},
		"host":   {"", " ", "https://example.com", "example.com"},
		"none":   {"", "", "", "Nightlatch"},
	} {
		p := newPerson(t, both(Options{Service: tc.service})[0], address[Email][0])
		p.call.Issuer, p.call.Origin = tc.issuer, tc.origin
		if m := p.ask().Message; m.Subject != "Your code to sign in to "+tc.want {
			t.Errorf("%s: %q", name, m.Subject)
		}
	}
}

// What is sent again says how long the code is good then.
func TestTimeLeftIsSaid(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		p.ask()
		p.wait(3*60e9 + 1)
		if m := p.ask().Message; !strings.Contains(m.Text, "6 minutes") {
			t.Errorf("%q", m.Text)
		}
	})
}
