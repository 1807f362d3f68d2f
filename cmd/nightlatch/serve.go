package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/nightlatch/nightlatch/server/settings"
)

type serveCommand struct {
	serverFlags `embed:""`
	Demo        bool `help:"Try it out: all factors, and an account whose password is printed. Loopback only."`
}

// stopWithin is how long requests under way may take once the server is told to stop.
const stopWithin = 10 * time.Second

// Run serves until it is told to stop.
func (cmd serveCommand) Run(ctx context.Context, c *console) error {
	from := cmd.sources(c)
	from.Demo = cmd.Demo
	set, err := settings.Load(from)
	if err != nil {
		return err
	}
	log := c.logger(set)
	listener, err := listen(ctx, set)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	s, end, err := c.open(ctx, set, log, false)
	if err != nil {
		return err
	}
	if set.Demo {
		if err := c.announceDemo(ctx, s); err != nil {
			return errors.Join(err, end())
		}
	}
	spendMemory()
	handler, err := s.Handler()
	if err != nil {
		return errors.Join(err, end())
	}
	maintain, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { s.Maintain(maintain) })
	err = c.serve(ctx, listener, handler, set, log)
	stop()
	running.Wait()
	return errors.Join(err, end())
}

// spendMemory lets the heap grow to five times what lives, which is some ten megabytes: a decision about a request makes
// little and needs it briefly, and to look through all that lives again and again would cost more than the decision.
// Whoever sets GOGC decides.
func spendMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// listen takes the address before anything else is touched, and lets the default of public_url follow it.
func listen(ctx context.Context, set *settings.Settings) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", set.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another address with --listen, or listen in the settings", set.Listen, err)
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok {
		set.FollowListen(strconv.Itoa(at.Port))
	}
	return l, nil
}

func (c *console) serve(ctx context.Context, l net.Listener, h http.Handler, set *settings.Settings, log *slog.Logger) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, Protocols: protocols(), MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	if err := c.print("nightlatch: ready on %s", readyURL(l, set)); err != nil {
		return errors.Join(err, srv.Close())
	}
	log.Info("serving", "listen", l.Addr().String(), "public_url", set.PublicURL)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		log.Warn("requests were broken off", "error", err)
		return srv.Close()
	}
	return nil
}

// protocols are HTTP/1.1, and HTTP/2 for proxies that speak it without TLS.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// readyURL names what the server listens on: the host as it was set, the port as it truly is.
func readyURL(l net.Listener, set *settings.Settings) string {
	host, port, err := net.SplitHostPort(set.Listen)
	if err != nil {
		return "http://" + l.Addr().String()
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok {
		port = strconv.Itoa(at.Port)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
