package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch/server/settings"
)

// settingsFlags are the flags of every command that reads settings.
type settingsFlags struct {
	Config  string  `placeholder:"FILE" help:"The settings file; else nightlatch.toml in the working directory, if there is one."`
	DataDir *string `placeholder:"DIR" help:"The directory of the database and the key file."`
}

// sources are where the settings of this command come from.
func (f settingsFlags) sources(c *console) settings.Sources {
	from := settings.Sources{File: f.Config, Env: c.env, Flags: map[string]string{}}
	setFlag(from.Flags, "data_dir", f.DataDir)
	return from
}

// serverFlags are the flags of the server.
type serverFlags struct {
	settingsFlags `embed:""`
	Listen        *string `placeholder:"HOST:PORT" help:"The address that the server listens on; port 0 is any free one."`
	PublicURL     *string `name:"public-url" placeholder:"URL" help:"The origin that people type."`
	Protect       *string `placeholder:"URL" help:"Put the lock before the application at URL."`
}

func (f serverFlags) sources(c *console) settings.Sources {
	from := f.settingsFlags.sources(c)
	setFlag(from.Flags, "listen", f.Listen)
	setFlag(from.Flags, "public_url", f.PublicURL)
	from.Protect = f.Protect
	return from
}

// setFlag notes a flag that was given, be it empty.
func setFlag(flags map[string]string, key string, given *string) {
	if given != nil {
		flags[key] = *given
	}
}

type configCommand struct {
	serverFlags `embed:""`
	JSON        bool `name:"json" help:"Write JSON."`
}

// Run shows every setting. Secrets are masked.
func (cmd configCommand) Run(c *console) error {
	s, err := settings.Load(cmd.sources(c))
	if err != nil {
		return err
	}
	if cmd.JSON {
		text, err := json.MarshalIndent(s.List(), "", "  ")
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		return c.print("%s", text)
	}
	return c.print("%s", describe(s.List()))
}

// describe writes each setting as a line with its key, value and source, and below that its sentence, and its
// default where the value is another.
func describe(list []settings.Setting) string {
	keys, values := 0, 0
	for _, line := range list {
		keys, values = max(keys, len(line.Key)), max(values, min(len(literal(line.Value)), 40))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s  %-*s  FROM", keys, "KEY", values, "VALUE")
	for _, line := range list {
		fmt.Fprintf(&b, "\n%-*s  %-*s  %s", keys, line.Key, values, literal(line.Value), line.From)
		fmt.Fprintf(&b, "\n%s", wrap(line.Doc, "    ", 100))
		switch {
		case line.Note != "":
			fmt.Fprintf(&b, "\n%s", wrap("Default: "+line.Note, "    ", 100))
		case line.From != "default": // else the value is the default
			fmt.Fprintf(&b, "\n%s", wrap("Default: "+literal(line.Default), "    ", 100))
		}
	}
	return b.String()
}

// wrap breaks a text between words, so that each line with its indent has at most width characters.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	used := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
			b.WriteString(indent)
			used = len(indent)
		case used+1+n > width:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

// literal is a value as it would stand in the settings file.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case []string:
		quoted := make([]string, len(v))
		for i, item := range v {
			quoted[i] = strconv.Quote(item)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}
