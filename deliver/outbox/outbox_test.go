package outbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

var noon = time.Date(2026, 11, 22, 13, 0, 0, 0, time.FixedZone("CET", 3600))

func open(t *testing.T, path string) *Outbox {
	t.Helper()
	b, err := Open(Options{Path: path, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func send(t *testing.T, b *Outbox, m factor.Message) {
	t.Helper()
	if err := b.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// lines reads a file as whoever watches it does.
func lines(t *testing.T, path string) (entries []Entry) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		var e Entry
		if json.Unmarshal(s.Bytes(), &e) == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

func TestSend(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.jsonl")
	b := open(t, path)
	if list := b.List(); list == nil || len(list) != 0 {
		t.Errorf("at first %v", list)
	}
	send(t, b, factor.Message{Kind: "email", To: "ada@example.com", Subject: "Ihr Code", Text: "a\nb <&>", HTML: "<p>a</p>"})
	send(t, b, factor.Message{Kind: "sms", To: "+4915123456712", Text: "012345"})
	list := b.List()
	if len(list) != 2 || list[0].ID == list[1].ID || len(list[0].ID) != 32 {
		t.Fatalf("%+v", list)
	}
	want := []Entry{
		{list[0].ID, "+4915123456712", "sms", "", "012345", noon.UTC()},
		{list[1].ID, "ada@example.com", "email", "Ihr Code", "a\nb <&>", noon.UTC()},
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Entry{want[1], want[0]}, lines(t, path)); diff != "" {
		t.Errorf("the file: %s", diff)
	}
	text, err := json.Marshal(list[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"` + list[0].ID + `","to":"+4915123456712","kind":"sms","subject":"","text":"012345","at":"2026-11-22T12:00:00Z"}`; string(text) != want {
		t.Errorf("%s", text)
	}
	list[0].To = "changed"
	if b.List()[0].To == "changed" {
		t.Error("the list is not a copy")
	}
}

// The file is its owner's, whoever made it, and what it held stays.
func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, before := range map[string]string{"new": "", "old": `{"id":"1"}` + "\n"} {
		path := filepath.Join(dir, name)
		if before != "" {
			if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		b := open(t, path)
		send(t, b, factor.Message{Text: "x"})
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), before) || strings.Count(string(text), "\n") != 1+len(before)/10 {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		if len(b.List()) != 1 {
			t.Errorf("%s: %v", name, b.List())
		}
	}
	if _, err := Open(Options{Path: filepath.Join(dir, "none", "outbox.jsonl")}); err == nil {
		t.Error("a directory that is not there")
	}
}

func TestKeepsTheLast(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	for i := range kept + 5 {
		send(t, b, factor.Message{Text: fmt.Sprint(i)})
	}
	list := b.List()
	if len(list) != kept || list[0].Text != "1004" || list[kept-1].Text != "5" {
		t.Errorf("%d, from %s to %s", len(list), list[0].Text, list[len(list)-1].Text)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.jsonl")
	b := open(t, path)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Send(gone, factor.Message{}); !deliver.IsTemporary(err) {
		t.Errorf("the caller has gone: %v", err)
	}
	b.rand = iotest.ErrReader(errors.New("gone"))
	if err := b.Send(t.Context(), factor.Message{}); err == nil {
		t.Error("without randomness")
	}
	b = open(t, path)
	// A line that was written in part does not spoil the next one.
	if _, err := b.file.WriteString(`{"id":"half`); err != nil {
		t.Fatal(err)
	}
	b.torn = true
	send(t, b, factor.Message{Text: "whole"})
	send(t, b, factor.Message{Text: "too"})
	if got := lines(t, path); len(got) != 2 || got[0].Text != "whole" || got[1].Text != "too" {
		t.Errorf("%+v", got)
	}
	if err := b.file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(t.Context(), factor.Message{Text: "lost"}); !deliver.IsTemporary(err) || len(b.List()) != 2 {
		t.Errorf("the file cannot be written: %v", err)
	}
	b = open(t, path)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if err := b.Send(t.Context(), factor.Message{}); err == nil {
		t.Error("a closed outbox took a message")
	}
}

// Two nodes write into one file, and each from many goroutines.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.jsonl")
	boxes := []*Outbox{open(t, path), open(t, path)}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if err := boxes[i%2].Send(t.Context(), factor.Message{Text: strings.Repeat("x", 3000)}); err != nil {
				t.Error(err)
			}
			boxes[i%2].List()
		})
	}
	wg.Wait()
	if got := lines(t, path); len(got) != 40 {
		t.Errorf("%d lines are whole", len(got))
	}
}
