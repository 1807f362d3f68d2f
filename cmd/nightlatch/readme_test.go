package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/nightlatch/nightlatch/server/settings"
)

// readmeSection is a section of the README: its settings and its commands, without comments.
func readmeSection(t *testing.T, title string) (toml string, commands []string) {
	t.Helper()
	_, text, found := strings.Cut(deployed(t, "README.md"), "\n## "+title+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	_, toml, _ = strings.Cut(text, "```toml\n")
	toml, _, _ = strings.Cut(toml, "```")
	_, lines, ok := strings.Cut(text, "```sh\n")
	lines, _, _ = strings.Cut(lines, "```")
	if !found || !ok {
		t.Fatalf("the README shows no commands under %q", title)
	}
	for line := range strings.Lines(lines) {
		command, _, _ := strings.Cut(line, " #")
		commands = append(commands, strings.TrimSpace(command))
	}
	return toml, commands
}

// follow does what a section of the README says, and returns the server that then runs.
func follow(t *testing.T, toml string, commands []string) *process {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nightlatch.toml"), []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		words := strings.Fields(command)
		cmd := exec.Command(words[0], words[1:]...)
		if strings.HasPrefix(command, "nightlatch serve") {
			p, err := startCommand(dir, []string{"NIGHTLATCH_LISTEN=localhost:0"}, cmd)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.kill)
			return p
		}
		cmd.Dir, cmd.Env, cmd.Stdin = dir, plainEnv(), strings.NewReader("correct horse battery staple\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	t.Fatal("nothing serves")
	return nil
}

// What the README says of proxies makes a server that nginx can ask.
func TestReadmeProxy(t *testing.T) {
	t.Parallel()
	toml, commands := readmeSection(t, "In front of your applications")
	p := follow(t, toml, commands)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/forward-auth", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Original-Method", "GET")
	req.Header.Set("X-Original-URL", "https://wiki.example.com/page")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if want := "https://auth.example.com/sign-in?to=https%3A%2F%2Fwiki.example.com%2Fpage"; resp.StatusCode != 401 || resp.Header.Get("Location") != want {
		t.Errorf("%d %s, want 401 %s", resp.StatusCode, resp.Header.Get("Location"), want)
	}
}

// What the README says of one application puts the lock before it.
func TestReadmeProtect(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "the application, for ", r.Header.Get("Remote-User"))
	}))
	t.Cleanup(app.Close)
	toml, commands := readmeSection(t, "Before one application, alone")
	last := len(commands) - 1
	if !strings.HasSuffix(commands[last], " http://localhost:3000") {
		t.Fatalf("%q", commands[last])
	}
	commands[last] = strings.Replace(commands[last], "http://localhost:3000", app.URL, 1)
	p := follow(t, toml, commands)
	b := newBrowser(p.url)
	if status, text, err := b.send(t.Context(), "GET", "/", ""); err != nil || status != 303 || strings.Contains(string(text), "the application") {
		t.Errorf("nobody: %d %s %v", status, text, err)
	}
	const own = "/.nightlatch/api/v1"
	if status, text, err := b.send(t.Context(), "POST", own+"/sign-in", `{"identifier":"ada","password":"correct horse battery staple"}`); err != nil || status != 200 {
		t.Fatalf("sign-in: %d %s %v", status, text, err)
	}
	if status, text, err := b.send(t.Context(), "GET", "/", ""); err != nil || status != 303 || strings.Contains(string(text), "the application") {
		t.Errorf("with a password only: %d %s %v", status, text, err)
	}
	// Beside an application the proof of the sign-in serves no change.
	if status, text, err := b.send(t.Context(), "POST", own+"/verifications", `{"kind":"password","password":"correct horse battery staple"}`); err != nil || status != 200 {
		t.Fatalf("a proof for the change: %d %s %v", status, text, err)
	}
	status, made, err := b.send(t.Context(), "POST", own+"/authenticators", `{"kind":"totp"}`)
	if err != nil || status != 201 {
		t.Fatalf("set-up: %d %s %v", status, made, err)
	}
	var set struct {
		Enrollment string
		TOTP       struct{ Secret string }
	}
	if err := json.Unmarshal(made, &set); err != nil {
		t.Fatal(err)
	}
	code, err := exec.Command("nightlatch", "otp", "code", "--secret", set.TOTP.Secret).Output()
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"enrollment":%q,"code":%q}`, set.Enrollment, strings.TrimSpace(string(code)))
	if status, text, err := b.send(t.Context(), "POST", own+"/authenticators/finish", body); err != nil || status != 201 {
		t.Fatalf("set-up: %d %s %v", status, text, err)
	}
	if status, text, err := b.send(t.Context(), "GET", "/", ""); err != nil || status != 200 || string(text) != "the application, for ada" {
		t.Errorf("with both: %d %s %v", status, text, err)
	}
}

var shownCommand = regexp.MustCompile(`(?m)^(?:sudo -u nightlatch |docker compose exec nightlatch /)?nightlatch ([a-z].*)$`)

// What the page on deployment shows is understood: settings by the server, commands by the command line.
func TestDeployPage(t *testing.T) {
	t.Parallel()
	page := deployed(t, "docs/deploy.md")
	_, toml, _ := strings.Cut(page, "```toml\n")
	toml, _, _ = strings.Cut(toml, "```")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nightlatch.toml"), []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := settings.Load(settings.Sources{Dir: dir}); err != nil || toml == "" {
		t.Error(err)
	}
	shown := shownCommand.FindAllStringSubmatch(page+deployed(t, "README.md"), -1)
	if len(shown) < 7 {
		t.Errorf("only %d commands are shown", len(shown))
	}
	for _, m := range shown {
		line, _, _ := strings.Cut(m[1], " #")
		parser, err := kong.New(new(commands), kong.Exit(func(int) {}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(line)); err != nil {
			t.Errorf("nightlatch %s: %v", line, err)
		}
	}
	for _, want := range []string{"127.0.0.1 nightlatch.test", "/etc/hosts", `\System32\drivers\etc\hosts`} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// The page on rules: its settings are one file that the server takes, and every key that a table may have stands on it.
func TestRulesPage(t *testing.T) {
	t.Parallel()
	page := deployed(t, "docs/rules.md")
	var file strings.Builder
	for _, block := range strings.Split(page, "```toml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		file.WriteString(text + "\n")
	}
	s, err := settings.Load(settings.Sources{Dir: written(t, file.String())})
	if err != nil || len(s.Rules) != 3 || len(s.Groups) != 1 || len(s.Accounts) != 1 {
		t.Fatalf("the page's settings: %v", err)
	}
	for table := range strings.SplitSeq("rule group account", " ") {
		_, err := settings.Load(settings.Sources{Dir: written(t, "[["+table+"]]\nx = 1\n")})
		_, keys, found := strings.Cut(fmt.Sprint(err), "allowed in [["+table+"]] are ")
		keys, _, _ = strings.Cut(keys, "\n")
		if !found {
			t.Fatalf("the keys of [[%s]] are not told: %v", table, err)
		}
		for key := range strings.SplitSeq(keys, ", ") {
			if !regexp.MustCompile(`(?m)^` + key + ` +=`).MatchString(page) {
				t.Errorf("the page does not show %s of [[%s]]", key, table)
			}
		}
	}
}

// written is a directory with these settings.
func written(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nightlatch.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
