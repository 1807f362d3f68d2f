package nightlatch

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Client is where a request came from, as far as it is to be believed.
type Client struct {
	Addr  string `json:"addr,omitempty"`  // an IP address without a port
	Agent string `json:"agent,omitempty"` // the User-Agent, cut to 200 bytes
	Lang  string `json:"-"`               // the language to answer in, BCP 47
}

// Event is a line of a user's trail. It never holds a secret, a code or a token.
type Event struct {
	Seq           int64             `json:"-"` // counts from 1, set by the engine
	At            time.Time         `json:"-"` // set by the engine
	Name          string            `json:"-"` // one of the Event… constants, or an application's own
	Kind          factor.Kind       `json:"kind,omitempty"`
	Authenticator string            `json:"authenticator,omitempty"`
	Label         string            `json:"label,omitempty"`
	Reason        string            `json:"reason,omitempty"`
	By            string            `json:"by,omitempty"` // who did it, if not the user: "administrator", "command line"
	Client        Client            `json:"client,omitzero"`
	Detail        map[string]string `json:"detail,omitempty"`
	// Tell are addresses that hear of it besides the user's own: the one before a change, say.
	Tell []string `json:"-"`
}

// The engine's events.
const (
	EventFirstFactorRefused   = "first_factor_refused"
	EventFirstFactorProven    = "first_factor_proven"
	EventRefused              = "refused" // a wrong, used or expired response to a second factor
	EventThrottled            = "throttled"
	EventSignedIn             = "signed_in"
	EventSignInGivenUp        = "sign_in_given_up"
	EventProven               = "proven" // a fresh proof within a session
	EventSignedOut            = "signed_out"
	EventSessionEnded         = "session_ended"
	EventSessionsEnded        = "sessions_ended"
	EventEnrollmentBegun      = "enrollment_begun"
	EventEnrollmentRefused    = "enrollment_refused"
	EventAuthenticatorAdded   = "authenticator_added"
	EventAuthenticatorRemoved = "authenticator_removed"
	EventAuthenticatorRenamed = "authenticator_renamed"
	EventPreferred            = "authenticator_preferred"
	EventCodeSent             = "code_sent" // Kind says how
	EventCodesMade            = "recovery_codes_made"
	EventCodeUsed             = "recovery_code_used"
	EventReset                = "reset"
	EventUnlocked             = "unlocked"
	EventWarning              = "warning"
	EventConfirmationAsked    = "confirmation_asked" // Detail "what" is what
	EventConfirmed            = "confirmed"          // Detail "what" is what
	EventConfirmationUsed     = "confirmation_used"  // Detail "what" is what for

	EventAuthenticatorSuspended = "authenticator_suspended" // by **This was not me**
	EventDeviceRemembered       = "device_remembered"
	EventDeviceEnded            = "device_ended" // Reason: "forgotten", "copied"
	EventDevicesEnded           = "devices_ended"
	EventNewBrowser             = "new_browser"           // a sign-in from a browser that was not seen before
	EventWrongCodes             = "repeated_wrong_codes"  // after a right password
	EventWrongProofs            = "repeated_wrong_proofs" // within a session
	EventNotMe                  = "not_me"                // Detail "event" is the name of what was disowned
	EventNoticesRead            = "notices_read"          // on the account page, where there is no address
	EventRecoveryAsked          = "recovery_asked"
	EventRecoveryBegun          = "recovery_begun" // the hold
	EventRecoveryCanceled       = "recovery_canceled"
	EventRecoveryCode           = "recovery_code_sent" // the hold is over
	EventRecovered              = "recovered"          // enrolled anew by a hold's code
	EventHelpAsked              = "help_asked"         // of the administrators
	EventCodeGiven              = "code_given"         // by an administrator
	EventRestored               = "restored"           // the store was read from a backup
	EventReminded               = "enrollment_reminded"
	EventWouldStop              = "policy_would_stop" // Policy.ReportOnly let it pass
)

// addEvent writes e at the end of the user's trail and st with it. Call it once a transaction per user, last, or
// with the same st again.
func (s *Service) addEvent(ctx context.Context, tx Tx, st *standing, e Event, now time.Time) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	st.Events++
	r := EventRecord{User: st.record.User, Seq: st.Events, At: now, Name: e.Name, Data: data}
	r.MAC = s.eventMAC(r, st.Head)
	st.Head = r.MAC
	return tx.Put(ctx, r)
}

func (s *Service) eventMAC(r EventRecord, before []byte) []byte {
	return s.Key().MAC("event", eventParts(r, before)...)
}

// eventParts is what binds an event to its place in the trail: every part has its length before it.
func eventParts(r EventRecord, before []byte) [][]byte {
	var seq, at [8]byte
	binary.BigEndian.PutUint64(seq[:], uint64(r.Seq))
	binary.BigEndian.PutUint64(at[:], uint64(r.At.UnixMicro()))
	return [][]byte{before, []byte(r.User), seq[:], at[:], []byte(r.Name), r.Data}
}

func (s *Service) logEvent(user string, e Event) {
	attrs := []any{slog.String("event", e.Name), slog.String("user", user)}
	for _, a := range []struct{ name, value string }{
		{"kind", string(e.Kind)}, {"authenticator", e.Authenticator}, {"reason", e.Reason}, {"by", e.By}, {"addr", e.Client.Addr},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	s.log.Info("event", attrs...)
}

// EventsOf returns at most limit events of a user, the newest first; before is the Seq to page from, 0 for the newest.
// Errors: ErrUnavailable.
func (s *Service) EventsOf(ctx context.Context, user string, before int64, limit int) ([]Event, error) {
	var events []Event
	err := s.store.View(ctx, func(r Reader) error {
		records, err := r.EventsOf(ctx, user, before, limit)
		if err != nil {
			return err
		}
		events = events[:0]
		for _, rec := range records {
			events = append(events, readEvent(rec))
		}
		return nil
	})
	return events, s.outer(err)
}
