package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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
	beside := newRoom(set)
	listener, err := listen(ctx, set)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	metrics, err := listenForMetrics(ctx, set)
	if err != nil {
		return err
	}
	defer closeMetrics(metrics)
	s, end, err := c.open(ctx, set, log, beside)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		log.Info("stopping") // told to while it waited for its database: nothing has failed
		return nil
	}
	if err != nil {
		return err
	}
	if set.Demo {
		if err := c.announceDemo(ctx, s); err != nil {
			return errors.Join(err, end())
		}
	}
	handler, err := s.Handler()
	if err != nil {
		return errors.Join(err, end())
	}
	maintain, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { s.Maintain(maintain) })
	running.Go(func() { beside.watch(maintain) })
	running.Go(func() { spendMemory(maintain, set.Limits.Hashes) })
	running.Go(func() { serveMetrics(maintain, metrics, s.Metrics(), log) })
	err = c.serve(ctx, listener, handler, set, log)
	stop()
	running.Wait()
	return errors.Join(err, end())
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
	in := &doors{Listener: l, most: connections(set, log)}
	defer in.watch()()
	srv := newServer(h, in, log)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(in) }()
	if err := c.print("nightlatch: ready on %s", readyURL(l, set)); err != nil {
		return errors.Join(err, srv.Close())
	}
	log.Info("serving", "listen", l.Addr().String(), "public_url", set.PublicURL)
	letGoOfStart()
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

// Who sends slowly is waited for so long: for the headers, for the rest of a request, until the answer is taken, and for
// the next request. The application that --protect stands before has its own times for what passes to it.
const (
	headersWithin = 10 * time.Second
	requestWithin = 30 * time.Second
	answerWithin  = time.Minute
	nextWithin    = 2 * time.Minute
	mostHeaders   = 32 << 10 // bytes; more is 431
	mostStreams   = 100      // of one connection, at once, by HTTP/2
)

func newServer(h http.Handler, in *doors, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: attended(h), ReadHeaderTimeout: headersWithin, ReadTimeout: requestWithin, WriteTimeout: answerWithin, IdleTimeout: nextWithin,
		MaxHeaderBytes: mostHeaders, Protocols: protocols(), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: mostStreams},
		ConnState: in.note, ConnContext: within, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
}

// otherFiles is how many descriptors are left for what is no connection to us: the database, the application behind
// --protect, providers.
const otherFiles = 256

// connections is limits.connections, or what the system lets us have.
func connections(set *settings.Settings, log *slog.Logger) int {
	may := descriptors()
	if may == 0 || uint64(set.Limits.Connections)+otherFiles <= may { //nolint:gosec // at least 8
		return set.Limits.Connections
	}
	most := max(8, int(may)-otherFiles) //nolint:gosec // less than limits.connections allows
	log.Warn("limits.connections is more than the system allows: raise its limit of open files", "open_files", may, "connections", most)
	return most
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
