package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/server/settings"
)

func TestTables(t *testing.T) {
	t.Parallel()
	const hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
	s := load(t, `
totp = { digits = 8, period = 60 }
sms.twilio.from = "Acme"
rule = [ { level = 1, host = "*.example.com" } ]

[[group]]
name = "ops"
description = "Those on call"

[[account]]
username = "ada"
email = "ada@example.com"
password_hash = "`+hash+`"
groups = ["ops"]
admin = true
totp_secret = "base32secret3232"

[[account]]
email = "bob@example.com"
password_hash = '`+hash+`'
totp_secret = "hex:3132333435363738393031323334353637383930"
`)
	if s.TOTP.Digits != 8 || s.TOTP.Period != 60 || s.SMS.Twilio.From != "Acme" {
		t.Errorf("inline tables and dotted keys are not read: %+v %+v", s.TOTP, s.SMS)
	}
	if diff := cmp.Diff([]settings.Group{{Name: "ops", Description: "Those on call"}}, s.Groups); diff != "" {
		t.Error(diff)
	}
	want := []settings.Account{
		{Username: "ada", Email: "ada@example.com", PasswordHash: hash, Groups: []string{"ops"}, Admin: true, TOTPSecret: "base32secret3232"},
		{Email: "bob@example.com", PasswordHash: hash, TOTPSecret: "hex:3132333435363738393031323334353637383930"},
	}
	if diff := cmp.Diff(want, s.Accounts); diff != "" {
		t.Error(diff)
	}
	if len(s.Rules) != 1 || s.Rules[0].Level != 1 || s.Rules[0].Line != 4 || s.Rules[0].Host != "*.example.com" {
		t.Errorf("rules = %+v", s.Rules)
	}
}

func TestRule(t *testing.T) {
	t.Parallel()
	s := load(t, `
[[rule]]
path = "/public/**"
level = 0
[[rule]]
host = "app.example.com"
methods = ["GET", "HEAD"]
networks = ["192.168.0.0/16"]
hours = "Mon-Fri 08:00-18:00 Europe/Berlin"
max_age = "1h"
kinds = ["webauthn"]
groups = ["ops"]
`)
	if got := s.Rules[0].Level; got != 0 {
		t.Errorf("level = %d, want 0", got)
	}
	r := s.Rules[1]
	if r.Level != 2 || r.MaxAge != time.Hour || r.Line != 5 || len(r.Networks) != 1 || len(r.Hours) != 1 {
		t.Fatalf("rule = %+v", r)
	}
	h := r.Hours[0]
	if h.Days != [7]bool{false, true, true, true, true, true, false} || h.From != 480 || h.To != 1080 || h.Zone.String() != "Europe/Berlin" {
		t.Errorf("hours = %+v", h)
	}
}

// TestListMasks: what is shown has no secret in it.
func TestListMasks(t *testing.T) {
	t.Parallel()
	s, err := settings.Load(settings.Sources{Dir: directory(t, `
database_url = "postgres://app:hush-1@db.example.com/app?password=hush-2"
[mail]
url = "smtp://hush-3:hush-4@mail.example.com:587"
[sms.twilio]
auth_token = "hush-5"
[sms.webhook]
url = "https://sms.example.com/hush-6?k=hush-7"
secret = "hush-8"
[[account]]
username = "ada"
password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$HUSHaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
totp_secret = "HUSHHUSHHUSHHUSH"
`), Env: []string{"NIGHTLATCH_KEY=hush-10"}})
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, line := range s.List() {
		all += line.Key + "=" + plain(line.Value) + "\n"
	}
	if strings.Contains(strings.ToLower(all), "hush") {
		t.Errorf("a secret is shown:\n%s", all)
	}
	for _, want := range []string{
		"mail.url=smtp://********@mail.example.com:587\n", "key=********\n", "database_url=postgres://********@db.example.com/app?********\n",
		"sms.webhook.url=https://sms.example.com/********?********\n",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}
