package main

import (
	"context"
	"errors"
	"log/slog"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
)

// drivers are those that the program links.
func drivers() server.Drivers { return server.Drivers{SQLite: "sqlite", PostgreSQL: "pgx"} }

// open opens the database and the key that settings name, brings it up to date, and returns the server on it, whose
// hashes take the room beside; nil: the tool for a command beside a server. end closes both.
func (c *console) open(ctx context.Context, set *settings.Settings, log *slog.Logger, beside *room) (s *server.Server, end func() error, err error) {
	store, key, err := server.Open(ctx, set, server.Opening{Drivers: drivers(), Wait: beside != nil, Log: log, Now: c.now()})
	if err != nil {
		return nil, nil, err
	}
	config := server.Config{Settings: set, Store: store, Key: key, Log: log, Now: c.now, Rand: c.random, Tool: beside == nil}
	sendTraces := func() {}
	if beside != nil {
		config.Hashes, config.IDKey = beside.take, beside.memory.IDKey
		if config.Tracer, sendTraces, err = newTracing(ctx); err != nil {
			return nil, nil, errors.Join(err, store.Close())
		}
	}
	s, err = server.New(ctx, config)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return s, func() error {
		s.Close()
		sendTraces()
		return store.Close()
	}, nil
}

// logger is what settings say: text or JSON, from a level on, to standard error.
func (c *console) logger(set *settings.Settings) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(set.Log.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if set.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, options))
	}
	return slog.New(slog.NewTextHandler(c.stderr, options))
}
