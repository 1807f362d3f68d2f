package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// dialHere dials this machine, whatever the name.
func dialHere(ctx context.Context, network, addr string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
}

// writeNginx writes the surroundings that a distribution has of its own, with all that is written to in our directory.
func (f *front) writeNginx() {
	f.t.Helper()
	cert, key := f.certificate()
	ask := f.deployed("nginx/nightlatch-ask.conf")
	decide := f.deployed("nginx/nightlatch-decide.conf", "127.0.0.1:8080", f.own)
	common := f.deployed("nginx/nightlatch.conf")
	example := f.deployed("nginx/example.conf",
		"listen 80", fmt.Sprintf("listen 127.0.0.1:%d", f.plain), "listen 443", fmt.Sprintf("listen 127.0.0.1:%d", f.tls),
		"/etc/nginx/tls/example.com.pem", cert, "/etc/nginx/tls/example.com.key", key,
		"nightlatch-decide.conf", decide, "nightlatch-ask.conf", ask,
		"127.0.0.1:8080", f.own, "127.0.0.1:3000", f.app.addr)
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // the workers may enter our directory
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%sdaemon off;\nworker_processes 1;\npid %s/pid;\nerror_log stderr;\nevents {}\nhttp {\n\taccess_log off;\n", user, f.dir)
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "\t%s_temp_path %s/temp_%s;\n", name, f.dir, name)
	}
	// The worst case: headers with "_" are read.
	fmt.Fprintf(&b, "\tunderscores_in_headers on;\n\tinclude %s;\n\tinclude %s;\n}\n", common, example)
	save(f.t, filepath.Join(f.dir, "nginx.conf"), []byte(b.String()))
}

func (f *front) checkNginx() []string {
	return []string{"-t", "-p", f.dir, "-e", "stderr", "-c", filepath.Join(f.dir, "nginx.conf")}
}

func (f *front) runNginx() []string { return f.checkNginx()[1:] }

// writeCaddy writes what a machine of its own would say by its place: which ports, and that nobody can ask Let's Encrypt.
func (f *front) writeCaddy() {
	f.t.Helper()
	file := f.deployed("caddy/Caddyfile", "127.0.0.1:8080", f.own, "127.0.0.1:3000", f.app.addr)
	text, err := os.ReadFile(file)
	if err != nil {
		f.t.Fatal(err)
	}
	global := fmt.Sprintf("{\n\tadmin off\n\thttp_port %d\n\thttps_port %d\n\tdefault_bind 127.0.0.1\n\tlocal_certs\n\tskip_install_trust\n}\n", f.plain, f.tls)
	save(f.t, file, append([]byte(global), text...))
}

func (f *front) checkCaddy() []string {
	return []string{"validate", "--config", filepath.Join(f.dir, "Caddyfile"), "--adapter", "caddyfile"}
}

func (f *front) runCaddy() []string {
	return []string{"run", "--config", filepath.Join(f.dir, "Caddyfile"), "--adapter", "caddyfile"}
}

func (f *front) writeHAProxy() {
	f.t.Helper()
	cert, key := f.certificate()
	var both []byte
	for _, name := range []string{cert, key} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.t.Fatal(err)
		}
		both = append(both, text...)
	}
	pem := filepath.Join(f.dir, "both.pem")
	save(f.t, pem, both)
	script := f.deployed("haproxy/nightlatch.lua")
	f.deployed("haproxy/haproxy.cfg",
		"bind :80", fmt.Sprintf("bind 127.0.0.1:%d", f.plain), "bind :443", fmt.Sprintf("bind 127.0.0.1:%d", f.tls),
		"/etc/haproxy/example.com.pem", pem, "/etc/haproxy/nightlatch.lua", script,
		"127.0.0.1:8080", f.own, "127.0.0.1:3000", f.app.addr)
}

func (f *front) checkHAProxy() []string {
	return []string{"-c", "-f", filepath.Join(f.dir, "haproxy.cfg")}
}

func (f *front) runHAProxy() []string {
	return []string{"-db", "-f", filepath.Join(f.dir, "haproxy.cfg")}
}

func (f *front) writeTraefik() {
	f.t.Helper()
	cert, key := f.certificate()
	file := f.deployed("traefik/nightlatch.yaml", "127.0.0.1:8080", f.own, "127.0.0.1:3000", f.app.addr,
		"/etc/traefik/example.com.pem", cert, "/etc/traefik/example.com.key", key)
	f.deployed("traefik/traefik.yaml", `":80"`, fmt.Sprintf("127.0.0.1:%d", f.plain), `":443"`, fmt.Sprintf("127.0.0.1:%d", f.tls),
		"/etc/traefik/nightlatch.yaml", file)
}

// checkTraefik only looks that it is a program: Traefik tells of a wrong file while it runs.
func (f *front) checkTraefik() []string { return []string{"version"} }

func (f *front) runTraefik() []string {
	return []string{"--configFile=" + filepath.Join(f.dir, "traefik.yaml")}
}
