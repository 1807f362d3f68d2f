package smtp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/nightlatch/nightlatch/factor"
)

// write makes the mail: text, and HTML beside it where there is some. It is made before anybody is connected to, so that
// it is never sent in part. It names no program and no machine.
func (s *Sender) write(m factor.Message) ([]byte, error) {
	if strings.ContainsAny(m.Subject, "\r\n\x00") {
		return nil, errors.New("smtp: the subject has a line end")
	}
	var id [16]byte
	if _, err := io.ReadFull(s.options.Rand, id[:]); err != nil {
		return nil, fmt.Errorf("smtp: read randomness for a message id: %w", err)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	if err := msg.To(m.To); err != nil {
		return nil, errors.New("smtp: the address cannot be written")
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(s.options.Now())
	msg.SetMessageIDWithValue(hex.EncodeToString(id[:]) + "@" + s.domain())
	// Whoever is on vacation does not answer (RFC 3834 §5; the second is for Exchange).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, errors.New("smtp: the mail cannot be written")
	}
	return b.Bytes(), nil
}
