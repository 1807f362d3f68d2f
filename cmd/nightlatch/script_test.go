package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCommands are what scripts can do beside testscript's own.
//
//	status N ARGUMENT…          run nightlatch within the test; its output is in the files out and err
//	exits N STDIN ARGUMENT…     run nightlatch as a process that reads the file STDIN; its output is in the files out and err
//	serve [KEY=VALUE]… [FLAG]…  start a server and wait until it is ready; URL is where
//	end                         end it as an operator does; what it logged is in the file log
//	                            (stop is testscript's own: it ends the script, which then passes)
//	http N METHOD PATH [JSON]   send a request to it, with the cookies so far, and demand the status N; see get
//	forget                      be another browser
//	get NAME PATH               set the variable NAME from the last answer: session.account.id, recovery_codes.0
//	keep NAME                   set the variable NAME from the last standard output
//	sql FILE STATEMENT…         run statements on a database, as somebody who got at the file would
//	now NAME SECONDS            set the variable NAME to the Unix time so many seconds from now, in the first
//	                            two thirds of a step of 30 s: what follows has time before the next one
var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"status": status, "exits": exits, "serve": serveScript, "end": endScript, "http": httpScript,
	"forget": forgetScript, "get": getScript, "keep": keepScript, "now": nowScript, "sql": sqlScript,
}

// world is what one script has running.
type world struct {
	server  *process
	browser *browser
	answer  []byte
}

type worldKey struct{}

func theWorld(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: exits N STDIN ARGUMENT…")
	}
	cmd := exec.Command("nightlatch", args[2:]...)
	var out, err bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &out, &err
	cmd.Env = plainEnv()
	if args[1] != "-" {
		cmd.Stdin = strings.NewReader(ts.ReadFile(args[1]))
	}
	_ = cmd.Run() // its status tells
	ts.Logf("[stdout]\n%s[stderr]\n%s", out.String(), err.String())
	ts.Check(os.WriteFile(ts.MkAbs("out"), out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), err.Bytes(), 0o600))
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("nightlatch %s: status %s, want %s", strings.Join(args[2:], " "), got, args[0])
	}
}

func serveScript(ts *testscript.TestScript, _ bool, args []string) {
	var env []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		env, args = append(env, args[0]), args[1:]
	}
	w := theWorld(ts)
	p, err := startServer(ts.MkAbs("."), env, args...)
	if p != nil {
		ts.Defer(p.kill)
	}
	ts.Check(err)
	w.server, w.browser = p, newBrowser(p.url)
	ts.Setenv("URL", p.url)
	_, port, _ := strings.Cut(strings.TrimPrefix(p.url, "http://"), ":")
	ts.Setenv("AT", port)
	ts.Logf("%s%s", ready, p.url)
}

func endScript(ts *testscript.TestScript, _ bool, _ []string) {
	p := theWorld(ts).server
	err := p.stop()
	ts.Check(os.WriteFile(ts.MkAbs("log"), []byte(p.stderr.String()), 0o600))
	ts.Check(err)
}

func httpScript(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: http N METHOD PATH [JSON]")
	}
	w, body := theWorld(ts), ""
	if len(args) == 4 {
		body = args[3]
	}
	status, text, err := w.browser.send(context.Background(), args[1], args[2], body)
	ts.Check(err)
	ts.Logf("%d %s", status, text)
	w.answer = text
	ts.Check(os.WriteFile(ts.MkAbs("answer"), text, 0o600))
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%s %s answered %d, want %s: %.500s", args[1], args[2], status, args[0], text)
	}
}

func forgetScript(ts *testscript.TestScript, _ bool, _ []string) {
	w := theWorld(ts)
	w.browser = newBrowser(w.server.url)
}

func getScript(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: get NAME PATH")
	}
	var v any
	ts.Check(json.Unmarshal(theWorld(ts).answer, &v))
	for _, key := range strings.Split(args[1], ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			ts.Check(err)
			if v = nil; i < len(in) {
				v = in[i]
			}
		}
	}
	text, ok := v.(string)
	if !ok {
		ts.Fatalf("there is no text at %s", args[1])
	}
	ts.Setenv(args[0], text)
}

func keepScript(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: keep NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func sqlScript(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: sql FILE STATEMENT…")
	}
	db, err := sql.Open(drivers().SQLite, ts.MkAbs(args[0])+"?_pragma=busy_timeout(5000)")
	ts.Check(err)
	for _, text := range args[1:] {
		_, err := db.ExecContext(context.Background(), text)
		ts.Check(err)
	}
	ts.Check(db.Close())
}

func nowScript(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: now NAME SECONDS")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	const step, needed = 30 * time.Second, 10 * time.Second
	if left := time.Until(time.Now().Truncate(step).Add(step)); left < needed {
		time.Sleep(left)
	}
	ts.Setenv(args[0], strconv.FormatInt(time.Now().Unix()+n, 10))
}
