package server

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/nightlatch/nightlatch/deliver/smtp"
)

// clockOff is how far the clocks of the machine and of its disk may be apart, and time may go back.
const clockOff = time.Minute

// earliest is before the program was made.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock looks for what tells of a wrong one without asking anybody: codes depend on it.
func (d *doctor) clock() {
	now := d.Now().UTC()
	const set = "set it, and keep it right with NTP: codes of authenticator apps depend on it"
	switch {
	case now.Before(earliest):
		d.fault("clock", "it says %s, which is before this program was made; %s", now.Format(time.RFC3339), set)
		return
	case d.last.Sub(now) > clockOff:
		d.fault("clock", "it says %s, and the newest event is of %s; %s", now.Format(time.RFC3339), d.last.UTC().Format(time.RFC3339), set)
		return
	}
	if off, ok := d.diskClock(); ok && off.Abs() > clockOff {
		d.fault("clock", "it says %s, and the disk of data_dir is %s off; %s", now.Format(time.RFC3339), off.Round(time.Second), set)
		return
	}
	d.fine("clock", "%s; nothing here contradicts it", now.Format(time.RFC3339))
}

// diskClock is how far the clock that stamps files in data_dir, which may be another machine's, is from ours.
func (d *doctor) diskClock() (time.Duration, bool) {
	f, err := os.CreateTemp(d.Settings.DataDir, ".doctor-*")
	if err != nil {
		return 0, false
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }()
	if _, err := f.WriteString("now"); err != nil {
		return 0, false
	}
	info, err := f.Stat()
	if err != nil {
		return 0, false
	}
	return info.ModTime().Sub(d.Now()), true
}

// keys looks whether the ring has all that records and servers need.
func (d *doctor) keys(ctx context.Context, s *Server) {
	ring := s.Service.Key()
	uses, err := s.KeyUses(ctx)
	if err != nil {
		d.fault("key", "what is sealed was not counted: %v", err)
		return
	}
	lacking := false
	for _, u := range uses {
		if !u.Date.IsZero() || u.Records == 0 {
			continue
		}
		lacking = true
		if u.Number == 0 {
			d.fault("key", "%d values are no sealed ones: somebody changed them; put a backup back", u.Records)
		} else {
			d.fault("key", "%d records need key %d, which is not in the key ring: put it back into %s", u.Records, u.Number, keyComesFrom(d.Settings))
		}
	}
	if !lacking {
		d.fine("key", "it is the one of this database; newest is number %d, and a copy belongs into your backup", ring.Newest())
	}
	switch use, err := s.store.KeyUse(ctx); {
	case err != nil:
		d.fault("database", "%v", err)
	case use.Newest > ring.Newest():
		d.warn("key", "key %d was made elsewhere and is not in %s: add it before it seals", use.Newest, keyComesFrom(d.Settings))
	}
}

func (d *doctor) mail(ctx context.Context) {
	set := d.Settings
	switch {
	case set.Mail.URL == "":
		d.warn("mail", "none is sent: people hear of nothing that happens to their account; set mail.url")
		return
	case set.Mail.URL == "outbox:":
		d.warn("mail", "it goes to the outbox and to nobody; set mail.url to your mail server")
		return
	}
	sender, err := smtp.New(smtp.Options{URL: set.Mail.URL, From: set.Mail.From})
	if err == nil {
		err = sender.Check(ctx)
	}
	if err != nil {
		d.fault("mail", "%v; look at mail.url: host, port, user and password, and that the port is open from here", err)
		return
	}
	d.fine("mail", "the mail server lets this program in; nothing was sent")
}

// sms is not tried: every provider counts what it is asked.
func (d *doctor) sms() {
	switch set := d.Settings; {
	case set.SMS.Provider == "outbox":
		d.warn("sms", "text messages go to the outbox and to nobody; set sms.provider")
	case set.SMS.Provider != "" && len(set.SMS.Countries) == 0:
		d.warn("sms", "sms.countries is empty: no number may be enrolled; name countries there")
	case set.SMS.Provider != "":
		d.fine("sms", "by %s, which was not asked", set.SMS.Provider)
	}
}

// metrics are read by whoever reaches them.
func (d *doctor) metrics() {
	at := d.Settings.MetricsListen
	if at == "" {
		return
	}
	host, _, err := net.SplitHostPort(at)
	switch {
	case err != nil:
		d.fault("metrics", "metrics_listen, %s, is no HOST:PORT", at)
	case !isLoopback(host):
		d.warn("metrics", "%s is served to whoever reaches it, without a password: let metrics_listen name loopback or a private network", at)
	default:
		d.fine("metrics", "for this machine alone, at http://%s/metrics", at)
	}
}
