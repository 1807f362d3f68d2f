package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
)

// checkpointMost bounds what is read as a checkpoint.
const checkpointMost = 1 << 30

type eventsVerify struct {
	settingsFlags `embed:""`
	Checkpoint    string `placeholder:"FILE" help:"What events checkpoint wrote earlier; - is standard input. The trails must go on from there."`
	JSON          bool   `name:"json" help:"Write JSON."`
}

// verification is what was found.
type verification struct {
	OK       bool         `json:"ok"`
	Accounts int          `json:"accounts"`
	Events   int64        `json:"events"` // in trails that are whole
	Broken   []brokenJSON `json:"broken"`
}

// brokenJSON names the first event of an account that is not what was written.
type brokenJSON struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Event   int64  `json:"event"` // counted from 1; 0: what counts them was changed
	Reason  string `json:"reason"`
	Key     uint32 `json:"key,omitempty"` // with the reason "no key": which is missing
}

func (b brokenJSON) String() string {
	if b.Reason == nightlatch.TrailNoKey {
		return fmt.Sprintf("account %s: it cannot be judged: key %d is not in the key ring", word(b.Account), b.Key)
	}
	if b.Event == 0 {
		return fmt.Sprintf("account %s: the record that counts its events was changed", word(b.Account))
	}
	return fmt.Sprintf("account %s: event %d: %s", word(b.Account), b.Event, b.Reason)
}

// Run verifies all trails. The answer is no when one is broken.
func (cmd eventsVerify) Run(ctx context.Context, c *console) error {
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		before, err := cmd.read(c, s)
		if err != nil {
			return err
		}
		v, err := verifyTrails(ctx, s, before)
		if err != nil {
			return err
		}
		if cmd.JSON {
			out := json.NewEncoder(c.stdout)
			out.SetIndent("", "  ")
			err = out.Encode(v)
		} else {
			err = c.showVerification(v)
		}
		if err == nil {
			err = v.verdict()
		}
		return err
	})
}

// verdict is nil, or what to do. That a key is missing says nothing of whether somebody changed a trail.
func (v verification) verdict() error {
	unjudged := 0
	for _, b := range v.Broken {
		if b.Reason == nightlatch.TrailNoKey {
			unjudged++
		}
	}
	var all []error
	if broken := len(v.Broken) - unjudged; broken > 0 {
		all = append(all, fmt.Errorf("%d of %d trails are not what was written; look at who could write to the database, and compare with a backup", broken, v.Accounts))
	}
	if unjudged > 0 {
		all = append(all, fmt.Errorf("%d of %d trails cannot be judged: put back the keys that are missing; where there never was such a key, somebody changed them", unjudged, v.Accounts))
	}
	return errors.Join(all...)
}

func (c *console) showVerification(v verification) error {
	for _, b := range v.Broken {
		if err := c.print("%s", b); err != nil {
			return err
		}
	}
	if !v.OK {
		return nil
	}
	return c.print("%d events of %d accounts are what was written.", v.Events, v.Accounts)
}

// verifyTrails verifies the trails of all users, of those who have events alone, and of those whom a checkpoint knows.
func verifyTrails(ctx context.Context, s *server.Server, before map[string]nightlatch.Trail) (verification, error) {
	v := verification{Broken: []brokenJSON{}}
	one := func(user string) error {
		v.Accounts++
		is, err := s.Service.VerifyTrail(ctx, user, before[user])
		delete(before, user)
		var broken *nightlatch.BrokenTrailError
		if !errors.As(err, &broken) {
			v.Events += is.Events
			return err
		}
		v.Broken = append(v.Broken, brokenJSON{ID: user, Event: broken.Seq, Reason: broken.Reason, Key: broken.Key})
		return nil
	}
	if err := s.Service.TrailUsers(ctx, one); err != nil {
		return v, err
	}
	for _, user := range slices.Sorted(maps.Keys(before)) { // of whom nothing is left
		if err := one(user); err != nil {
			return v, err
		}
	}
	ids := make([]string, len(v.Broken))
	for i, b := range v.Broken {
		ids[i] = b.ID
	}
	names, err := findNames(ctx, s, ids)
	for i, b := range v.Broken {
		v.Broken[i].Account = names.of(b.ID)
	}
	v.OK = len(v.Broken) == 0
	return v, err
}

// read reads the checkpoint, if there is one, and believes none that the key ring did not make.
func (cmd eventsVerify) read(c *console, s *server.Server) (map[string]nightlatch.Trail, error) {
	before := map[string]nightlatch.Trail{}
	if cmd.Checkpoint == "" {
		return before, nil
	}
	in := c.stdin
	if cmd.Checkpoint != "-" {
		f, err := os.Open(cmd.Checkpoint)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	var point nightlatch.Checkpoint
	d := json.NewDecoder(io.LimitReader(in, checkpointMost))
	d.DisallowUnknownFields()
	if err := d.Decode(&point); err != nil {
		return nil, fmt.Errorf("checkpoint %s cannot be read: %w", cmd.Checkpoint, err)
	}
	if err := s.Service.CheckCheckpoint(point); err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", cmd.Checkpoint, err)
	}
	for _, t := range point.Trails {
		before[t.User] = t
	}
	return before, nil
}

type eventsCheckpoint struct {
	settingsFlags `embed:""`
	File          string `arg:"" optional:"" help:"Where to write it, mode 0600; absent: standard output. A file that is there is replaced."`
}

// Run writes how long all trails are. It does not verify them: verify does, with the checkpoint before this one.
func (cmd eventsCheckpoint) Run(ctx context.Context, c *console) error {
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		point, err := s.Service.Checkpoint(ctx)
		if err != nil {
			return err
		}
		text, err := json.Marshal(point)
		if err != nil {
			return err
		}
		if cmd.File == "" {
			return c.print("%s", text)
		}
		return writePrivate(cmd.File, append(text, '\n'))
	})
}

// writePrivate writes a file of mode 0600, whole or not at all.
func writePrivate(path string, text []byte) error {
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(text))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}
