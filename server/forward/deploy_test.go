package forward

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources are the files of deploy/ that a proxy reads.
var sources = map[string][]string{
	"nginx":   {"nginx/nightlatch.conf", "nginx/nightlatch-ask.conf", "nginx/nightlatch-decide.conf", "nginx/example.conf"},
	"caddy":   {"caddy/Caddyfile"},
	"haproxy": {"haproxy/haproxy.cfg", "haproxy/nightlatch.lua"},
	"traefik": {"traefik/nightlatch.yaml"},
}

// deployed is the text of a proxy's files, without comments.
func deployed(t *testing.T, proxy string) (text string) {
	t.Helper()
	for _, name := range sources[proxy] {
		file, err := os.ReadFile(filepath.Join("..", "..", "deploy", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		text += regexp.MustCompile(`(?m)(^|[\t ])(#|--).*$`).ReplaceAllString(string(file), "") + "\n"
	}
	return text
}

// clears says for each proxy whether its configuration removes a client's header of a name.
var clears = map[string]func(text, name string) bool{
	"nginx": func(text, name string) bool {
		if strings.Contains(name, ".") {
			return true // nginx takes no such name (ignore_invalid_headers)
		}
		return regexp.MustCompile(`(?m)^proxy_set_header ` + name + ` +("|\$nightlatch_)`).MatchString(text)
	},
	"caddy": func(text, name string) bool {
		for _, m := range regexp.MustCompile(`(?m)^\trequest_header -(\S+)\*$`).FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(name, m[1]) {
				return true
			}
		}
		return false
	},
	"haproxy": func(text, name string) bool {
		for _, m := range regexp.MustCompile(`(?m)^\thttp-request del-header (\S+) -m reg$`).FindAllStringSubmatch(text, -1) {
			if regexp.MustCompile("(?i)" + m[1]).MatchString(name) {
				return true
			}
		}
		return false
	},
	"traefik": func(text, name string) bool {
		return strings.Contains(text, "\n          "+name+`: ""`+"\n")
	},
}

// tells says for each proxy whether it hands the application our header of a name.
var tells = map[string]func(text, name string) bool{
	"nginx": func(text, name string) bool {
		variable := "$upstream_http_" + strings.ToLower(strings.ReplaceAll(name, "-", "_")) + ";"
		return strings.Contains(text, variable)
	},
	"caddy": func(text, name string) bool {
		list := regexp.MustCompile(`(?m)^\t\tcopy_headers (.*)$`).FindStringSubmatch(text)
		return list != nil && slices.Contains(strings.Fields(list[1]), name)
	},
	"haproxy": func(text, name string) bool { return strings.Contains(text, `"`+strings.ToLower(name)+`"`) },
	"traefik": func(text, name string) bool { return strings.Contains(text, "\n          - "+name+"\n") },
}

// Every header by which an application is told who asks is removed from a client's request, with "-", "_" and ".", and
// set anew, by the configuration of every proxy.
func TestDeployedProxiesClearIdentity(t *testing.T) {
	t.Parallel()
	for proxy := range sources {
		text := deployed(t, proxy)
		for _, name := range Names {
			for _, spelled := range []string{name, strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", ".")} {
				if !clears[proxy](text, spelled) {
					t.Errorf("%s: a client's %s is not removed", proxy, spelled)
				}
			}
			if !tells[proxy](text, name) {
				t.Errorf("%s: the application is not told %s", proxy, name)
			}
		}
		for _, name := range regexp.MustCompile(`(?i)\bRemote[-_][a-z]+`).FindAllString(text, -1) {
			if !slices.ContainsFunc(Names, func(n string) bool { return strings.EqualFold(n, strings.ReplaceAll(name, "_", "-")) }) && !strings.EqualFold(name, "remote_addr") {
				t.Errorf("%s: %s is none of ours", proxy, name)
			}
		}
	}
}

// yamlPaths reads the plain YAML of our file: maps and lists in block style, two spaces a level. It returns the values by
// their paths, joined by "/"; the items of a list count from 0.
func yamlPaths(t *testing.T, text string) map[string]string {
	t.Helper()
	at, items, out := []string{}, map[string]int{}, map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		content := strings.TrimLeft(line, " ")
		if content == "" {
			continue
		}
		indent := len(line) - len(content)
		if indent%2 != 0 || indent/2 > len(at) || strings.Contains(line, "\t") {
			t.Fatalf("line %d is indented by %d: %q", i+1, indent, line)
		}
		at = at[:indent/2]
		if rest, ok := strings.CutPrefix(content, "- "); ok {
			parent := strings.Join(at, "/")
			at, content = append(at, strconv.Itoa(items[parent])), rest
			items[parent]++
		}
		key, value, pair := strings.Cut(content, ": ")
		switch name, opens := strings.CutSuffix(content, ":"); {
		case opens:
			key, value = name, ""
		case !pair:
			out[strings.Join(at, "/")] = content
			continue
		}
		at = append(at, key)
		path := strings.Join(at, "/")
		if _, twice := out[path]; twice {
			t.Errorf("line %d says %s a second time", i+1, path)
		}
		out[path] = strings.Trim(value, `"`)
	}
	return out
}

// Debian has no Traefik, and TestProxy… run it only where its program is named. What can be seen of its file without it is
// that its parts fit together: headers are cleared
// before the question, the question is asked before each application, nothing but WebSockets is agreed on, and nobody else
// is believed.
func TestDeployedTraefik(t *testing.T) {
	t.Parallel()
	got := yamlPaths(t, deployed(t, "traefik"))
	for path, want := range map[string]string{
		"http/routers/application/middlewares/0":                                        "nightlatch-clear",
		"http/routers/application/middlewares/1":                                        "nightlatch-plain",
		"http/routers/application/middlewares/2":                                        "nightlatch",
		"http/routers/application/service":                                              "application",
		"http/routers/application/rule":                                                 "Host(`app.example.com`) && !Method(`CONNECT`)",
		"http/routers/application-websocket/middlewares/0":                              "nightlatch-clear",
		"http/routers/application-websocket/middlewares/1":                              "nightlatch-websocket",
		"http/routers/application-websocket/middlewares/2":                              "nightlatch",
		"http/routers/application-websocket/service":                                    "application",
		"http/routers/application-websocket/tls":                                        "{}",
		"http/routers/application-websocket/rule":                                       "Host(`app.example.com`) && !Method(`CONNECT`) && HeaderRegexp(`Upgrade`, `(?i)^websocket$`)",
		"http/middlewares/nightlatch-clear/headers/customRequestHeaders/HTTP2-Settings": "",
		"http/middlewares/nightlatch-plain/headers/customRequestHeaders/Connection":     "",
		"http/middlewares/nightlatch-plain/headers/customRequestHeaders/Upgrade":        "",
		"http/middlewares/nightlatch-websocket/headers/customRequestHeaders/Connection": "Upgrade",
		"http/middlewares/nightlatch-websocket/headers/customRequestHeaders/Upgrade":    "websocket",
		"http/routers/nightlatch/service":                                               "nightlatch",
		"http/routers/nightlatch/rule":                                                  "Host(`auth.example.com`) && !PathPrefix(`/forward-auth`)",
		"http/middlewares/nightlatch/forwardAuth/address":                               "http://127.0.0.1:8080/forward-auth?redirect=true",
		"http/middlewares/nightlatch/forwardAuth/trustForwardHeader":                    "false",
		"http/services/application/loadBalancer/servers/0/url":                          "http://127.0.0.1:3000",
		"http/services/nightlatch/loadBalancer/servers/0/url":                           "http://127.0.0.1:8080",
		"http/routers/application/tls":                                                  "{}",
		"http/routers/nightlatch/tls":                                                   "{}",
		"http/middlewares/nightlatch-clear/headers/customRequestHeaders":                "",
	} {
		if v, ok := got[path]; !ok || v != want {
			t.Errorf("%s is %q, want %q", path, v, want)
		}
	}
	for path, value := range got {
		if name, ok := strings.CutPrefix(path, "http/middlewares/nightlatch-clear/headers/customRequestHeaders/"); ok && value != "" {
			t.Errorf("%s is not cleared, but set to %q", name, value)
		}
	}
}
