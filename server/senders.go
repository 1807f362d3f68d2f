package server

import (
	"fmt"
	"path/filepath"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/deliver/outbox"
	"github.com/nightlatch/nightlatch/deliver/phone"
	"github.com/nightlatch/nightlatch/deliver/smtp"
	"github.com/nightlatch/nightlatch/deliver/twilio"
	"github.com/nightlatch/nightlatch/deliver/webhook"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/internal/post"
	"github.com/nightlatch/nightlatch/notice"
	"github.com/nightlatch/nightlatch/server/settings"
)

// outboxFile is where the outbox writes, in data_dir.
const outboxFile = "outbox.jsonl"

// senders are the ways to deliver messages that settings name.
func (s *Server) senders(set *settings.Settings) (map[factor.Kind]nightlatch.Sender, error) {
	all := map[factor.Kind]nightlatch.Sender{}
	if set.Mail.URL != "" {
		sender, err := s.mailSender(set)
		if err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		all[sentcode.Email] = sender
	}
	if set.SMS.Provider != "" {
		sender, err := s.smsSender(set)
		if err != nil {
			return nil, fmt.Errorf("sms: %w", err)
		}
		all[sentcode.SMS] = sender
	}
	return all, nil
}

func (s *Server) mailSender(set *settings.Settings) (nightlatch.Sender, error) {
	if set.Mail.URL == "outbox:" {
		return s.openOutbox(set)
	}
	sender, err := smtp.New(smtp.Options{URL: set.Mail.URL, From: set.Mail.From})
	if err != nil {
		return nil, err
	}
	return deliver.Retry(sender, deliver.Retries{}), nil
}

func (s *Server) smsSender(set *settings.Settings) (nightlatch.Sender, error) {
	var sender deliver.Sender
	var err error
	switch set.SMS.Provider {
	case "outbox":
		return s.openOutbox(set)
	case "twilio":
		t := set.SMS.Twilio
		sender, err = twilio.New(twilio.Options{
			AccountSID: t.AccountSID, AuthToken: t.AuthToken, From: t.From, MessagingServiceSID: t.MessagingServiceSID, BaseURL: t.BaseURL,
		})
	case "webhook":
		if u, err := post.ReadURL(set.SMS.Webhook.URL); err == nil && !post.IsSecret(u) {
			s.log.Warn("codes can be read on the way to sms.webhook.url: it is http, beyond this machine")
		}
		sender, err = webhook.New(webhook.Options{URL: set.SMS.Webhook.URL, Secret: set.SMS.Webhook.Secret})
	default:
		return nil, fmt.Errorf("provider %q is unknown", set.SMS.Provider)
	}
	if err != nil {
		return nil, err
	}
	return deliver.Retry(sender, deliver.Retries{}), nil
}

// noticeWriter writes what owners are told by mail.
func (s *Server) noticeWriter() nightlatch.Notices {
	return notice.Writer{Service: s.settings.TOTP.Issuer, URL: s.pagesURL() + "/account", Links: s.pagesURL()}
}

// openOutbox is one outbox for mails and text messages.
func (s *Server) openOutbox(set *settings.Settings) (nightlatch.Sender, error) {
	if s.outbox != nil {
		return s.outbox, nil
	}
	path := filepath.Join(set.DataDir, outboxFile)
	if set.Demo {
		path = "" // it is read on /demo/outbox
	}
	box, err := outbox.Open(outbox.Options{Path: path, Now: s.now, Rand: s.rand})
	if err != nil {
		return nil, err
	}
	s.outbox = box
	return box, nil
}

// sentCodes are the factors whose codes are sent, where there is a way to send them.
func (s *Server) sentCodes(set *settings.Settings) []factor.Factor {
	o := sentcode.Options{
		Digits: set.SentCode.Digits, Lifetime: set.SentCode.Lifetime, ResendAfter: &set.SentCode.ResendAfter,
		Tries: set.SentCode.Tries, Host: set.Public().Hostname(), Service: set.TOTP.Issuer,
	}
	var list []factor.Factor
	if set.Mail.URL != "" {
		s.mails = sentcode.NewEmail(o)
		list = append(list, s.mails)
	}
	if set.SMS.Provider != "" && len(set.SMS.Countries) > 0 {
		o.ParsePhone = phone.Parser(set.SMS.Countries)
		s.texts = sentcode.NewSMS(o)
		list = append(list, s.texts)
	}
	return list
}

// address is what a code is mailed by before a first enrollment. An address that no code can be sent to is none.
func (s *Server) address(u nightlatch.User) (factor.Enrolled, bool) {
	if s.mails == nil {
		return factor.Enrolled{}, false
	}
	e, err := s.mails.NewState(u.Email)
	return e, err == nil
}

// readBack is a phone number as it is shown before anything is sent to it. Other destinations are read by themselves.
func (s *Server) readBack(kind factor.Kind, text, lang string) (string, error) {
	switch {
	case kind == sentcode.SMS && s.texts != nil:
		return s.texts.ReadBack(factor.Response{Kind: kind, Phone: text}, lang)
	case kind == sentcode.Email && s.mails != nil:
		return s.mails.ReadBack(factor.Response{Kind: kind, Email: text}, lang)
	}
	return text, nil
}
