package web

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

func TestRefusedText(t *testing.T) {
	t.Parallel()
	clock := func(by time.Duration) error { return &factor.Refused{Reason: factor.Clock, ClockOffBy: by} }
	for _, test := range []struct {
		err  error
		want string
	}{
		{factor.Refuse(factor.Wrong), "That code is wrong."},
		{factor.Refuse(factor.Used), "That code was already used."},
		{factor.Refuse(factor.Expired), "That code has expired."},
		{clock(90 * time.Second), "That code is wrong. The clock of your device is about 90 seconds ahead: let it set its time by the network."},
		{clock(-4 * time.Minute), "That code is wrong. The clock of your device is about 4 minutes behind: let it set its time by the network."},
		{errors.New("anything else"), "That code is wrong."},
	} {
		if got := refusedText("en", test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
	if got := throttledText("en", 30*time.Second); got != "Too many wrong tries. Please wait 30 seconds." {
		t.Errorf("throttled: %q", got)
	}
}

func TestProblemText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		field, problem string
		limit          int
		want           string
	}{
		{"username", "taken", 0, "This username is taken."},
		{"confirm", "invalid", 0, "The passwords do not match."},
		{"phone", "invalid", 0, "Check that you entered your phone number correctly."},
		{"password", "too_short", 15, "Too short: it needs 15 characters at least."},
		{"password", "too_long", 256, "Too long: it may have 256 characters at most."},
		{"anything", "missing", 0, "This must be filled in."},
		{"anything", "unheard of", 0, "This cannot be used."},
	} {
		if got := problemText("en", test.field, test.problem, test.limit); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.field, test.problem, got, test.want)
		}
	}
	for _, problem := range []string{"taken", "too_short", "too_long", "too_common", "invalid", "missing"} {
		for _, field := range []string{"username", "email", "password", "label"} {
			if problem == "taken" && field == "password" || problem == "invalid" && (field == "password" || field == "label") {
				continue // cannot be
			}
			if got := problemText("en", field, problem, 8); strings.HasPrefix(got, "This cannot be used") && problem != "invalid" {
				t.Errorf("%s %s has no words", field, problem)
			}
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := []kindWords{
		wordsOf(factor.Info{Kind: "carrier_pigeon", Name: "Pigeon"}),
		wordsOf(factor.Info{Kind: "sms"}), wordsOf(factor.Info{Kind: "totp"}), wordsOf(factor.Info{Kind: "webauthn"}),
	}
	strongestFirst(kinds)
	var order []string
	for _, k := range kinds {
		order = append(order, k.Kind)
	}
	if got := strings.Join(order, " "); got != "webauthn totp sms carrier_pigeon" {
		t.Errorf("order %s", got)
	}
	if k := kinds[3]; k.Name != "Pigeon" || len(k.Adds) != 1 || k.Adds[0].Button == "" {
		t.Errorf("a kind that is not ours: %+v", k)
	}
	for _, k := range knownKinds {
		if k.Name == "" || k.Why == "" {
			t.Errorf("%s has no words", k.Kind)
		}
	}
}

func TestShowTakesTheShapeOfThePrompt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		prompt factor.Prompt
		want   verifyView
	}{
		{factor.Code{Digits: 6}, verifyView{Shape: askCode}},
		{factor.Code{Digits: 6, Counter: true}, verifyView{Shape: askCode, NextCode: true}},
		{factor.Code{Digits: 6, SentTo: "•••• 12"}, verifyView{Shape: askCode, SentTo: "•••• 12", MayResend: true}},
		{factor.Code{}, verifyView{Shape: askRecovery}},
		{factor.Password{}, verifyView{Shape: askPassword}},
		{factor.PublicKey{Options: []byte("{}")}, verifyView{Shape: askKey, Options: "{}"}},
		{factor.Wait{Until: now.Add(time.Minute)}, verifyView{Shape: askWait, Wait: time.Minute}},
		{factor.Keep{}, verifyView{}},
	} {
		var got verifyView
		got.show(test.prompt, now)
		if got.Shape != test.want.Shape || got.SentTo != test.want.SentTo || got.NextCode != test.want.NextCode ||
			got.MayResend != test.want.MayResend || got.Options != test.want.Options || got.Wait != test.want.Wait {
			t.Errorf("%#v: %+v", test.prompt, got)
		}
	}
}

func TestErrorsHaveWords(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 405, 409, 413, 415, 429, 500, 502, 503, 599, 0} {
		if v := newError("de", status); v.Code != status || v.Title == "" || v.Text == "" {
			t.Errorf("%d: %+v", status, v)
		}
	}
}

func TestInGroups(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "ABCD": "ABCD", "ABCDE": "ABCD E", "ABCDEFGHIJ": "ABCD EFGH IJ"} {
		if got := inGroups(in); got != want {
			t.Errorf("inGroups(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEventText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, label, want string }{
		{"signed_in", "", "Signed in"},
		{"authenticator_added", "My phone", `An authenticator was added: "My phone"`},
		{"door_painted", "", "door painted"},
	} {
		if got := eventText("en", test.name, test.label); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestEventTextOfDetails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		detail map[string]string
		want   string
	}{
		{"administrator_acted", map[string]string{"did": "reset", "name": "ada"}, `As an administrator, to "ada": The second factor was reset`},
		{"administrator_acted", nil, "Did something to an account as an administrator"},
		{"account_changed", map[string]string{"admin": "yes"}, "The account became an administrator's"},
		{"account_changed", map[string]string{"admin": "no"}, "The account is no administrator's any more"},
		{"account_changed", map[string]string{"groups": "staff"}, "The account was changed"},
		{"reset", map[string]string{"did": "reset"}, "The second factor was reset"},
	} {
		if got := textOf("en", nightlatch.Event{Name: test.name, Detail: test.detail}); got != test.want {
			t.Errorf("%s %v: %q, want %q", test.name, test.detail, got, test.want)
		}
	}
}

// An event without words would be shown by the name that programs give it.
func TestEveryEventOfTheEngineHasWords(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../event.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^\tEvent\w+ += "(\w+)"`).FindAllSubmatch(source, -1)
	if len(names) == 0 {
		t.Fatal("event.go has no events")
	}
	for _, m := range names {
		if _, ok := eventTexts[string(m[1])]; !ok {
			t.Errorf("%s has no words in trail.go", m[1])
		}
	}
}

func TestBrowserText(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0":                                                        "Firefox on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0":               "Edge on Windows",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                         "Chrome on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15":                   "Safari on macOS",
		"curl/8.5.0": "curl",
		"":           "Unknown browser",
		"\x00<b>":    "Unknown browser",
	} {
		if got := browserText("en", agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}
