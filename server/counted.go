package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/web"
)

// What is counted stands in the engine's table of throttles, under a kind of its own.
const (
	signUpKind factor.Kind = "sign_up"
	linkKind   factor.Kind = "mailed_link"
)

// countedWindow is the hour in which something may happen so often.
const countedWindow = time.Hour

// Links that strangers can have mailed, in an hour: to one destination, and asked for from one address. The first reset to a
// destination is mailed even where those to it are used up: else whoever has other mails sent there keeps its owner from a
// new password.
const (
	linksPerDestination = 5
	firstResets         = 1
	linksPerAddress     = 30
)

// linkTo is to whom somebody has a link mailed, which says what it counts against.
type linkTo struct {
	// name is where it goes or, where nobody has that name, the name itself as it is compared.
	name string
	// none: nothing goes there. It is counted all the same, so that it takes as long, but apart: what is not mailed must not
	// keep the mailbox of that name, which may be somebody's, from what is.
	none  bool
	reset bool
}

// count counts one more of what may happen so often in an hour. Where that were too many it counts nothing and says how
// long to wait; it writes all the same, so that it takes as long. It joins the transaction of ctx.
func (s *Server) count(ctx context.Context, subject string, kind factor.Kind, most int) (wait time.Duration, err error) {
	for range 3 { // on PostgreSQL the record may expire between the look and the writing
		if wait, err = s.countOnce(ctx, subject, kind, most); !errors.Is(err, nightlatch.ErrConflict) {
			break
		}
	}
	return wait, err
}

func (s *Server) countOnce(ctx context.Context, subject string, kind factor.Kind, most int) (wait time.Duration, err error) {
	err = s.store.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		now := s.now().UTC().Truncate(time.Microsecond)
		wait = 0
		row, made, err := madeOf(ctx, tx, subject, kind, now)
		if err != nil {
			return err
		}
		if len(made) >= most {
			wait = made[len(made)-most].Add(countedWindow).Sub(now)
		} else {
			made = append(made, now)
		}
		if row.Data, err = json.Marshal(made); err != nil {
			return err
		}
		row.ExpiresAt = now.Add(countedWindow)
		return tx.Put(ctx, row)
	})
	return wait, err
}

// madeOf reads what was counted in the last hour, and the record that it stands in.
func madeOf(
	ctx context.Context, r nightlatch.Reader, subject string, kind factor.Kind, now time.Time,
) (row nightlatch.ThrottleRecord, made []time.Time, err error) {
	row = nightlatch.ThrottleRecord{Subject: subject, Kind: kind}
	rows, err := r.ThrottlesOf(ctx, subject)
	if err != nil {
		return row, nil, err
	}
	for _, one := range rows {
		if one.Kind != kind {
			continue
		}
		row = one
		if err := json.Unmarshal(row.Data, &made); err != nil {
			return row, nil, err
		}
	}
	return row, slices.DeleteFunc(made, func(at time.Time) bool { return now.Sub(at) >= countedWindow }), nil
}

// countSignUp counts one more account that is made from an address, and returns *nightlatch.ThrottledError where that
// were too many within the hour. It is called before the password is hashed: a hash costs us more than the request
// that asks for it. An address that nobody knows counts for nothing. fault is what is wrong with the account, and what is
// returned then; a name that somebody has counts apart. What is refused takes the same time whether one is taken or not.
func (s *Server) countSignUp(ctx context.Context, addr string, fault error) error {
	network := networkOf(addr)
	if network == "" {
		return fault
	}
	since := time.Now()
	err := fault
	var fields web.FieldsError
	switch {
	case errors.As(fault, &fields):
		err = s.countTaken(ctx, network, fields)
	case fault == nil:
		var wait time.Duration
		if wait, err = s.count(ctx, signUpsMade+network, signUpKind, s.settings.SignUp.PerAddressPerHour); err == nil && wait > 0 {
			err = &nightlatch.ThrottledError{RetryAfter: wait}
		}
	}
	if err != nil {
		evenly(ctx, since)
	}
	return err
}

// Names of what is counted of a network: accounts that were made, and names that were taken.
const (
	signUpsMade  = "sign_up:"
	signUpsTaken = "sign_up_taken:"
)

// countTaken counts a sign-up that fields refuse, where they tell of a name that somebody has it: nobody is to try all names.
// Where that were too many they no longer do, and what is right but for that is throttled, for as long as the same were with
// a name that is free.
func (s *Server) countTaken(ctx context.Context, network string, fields web.FieldsError) error {
	other := web.FieldsError{}
	for field, problem := range fields {
		if problem != "taken" {
			other[field] = problem
		}
	}
	if len(other) == len(fields) {
		return fields
	}
	most := s.settings.SignUp.PerAddressPerHour
	wait, err := s.count(ctx, signUpsTaken+network, signUpKind, most)
	switch {
	case err != nil:
		return err
	case wait == 0:
		return fields
	case len(other) > 0:
		return other
	}
	made, err := s.spent(ctx, signUpsMade+network, signUpKind, most)
	if err != nil {
		return err
	}
	if made > 0 {
		wait = made
	}
	return &nightlatch.ThrottledError{RetryAfter: wait}
}

// spent says how long count would say to wait.
func (s *Server) spent(ctx context.Context, subject string, kind factor.Kind, most int) (wait time.Duration, err error) {
	err = s.store.View(ctx, func(r nightlatch.Reader) error {
		_, made, err := madeOf(ctx, r, subject, kind, s.now())
		if err == nil && len(made) >= most {
			wait = made[len(made)-most].Add(countedWindow).Sub(s.now())
		}
		return err
	})
	return wait, err
}

// countLink counts one more link that somebody has mailed, and says whether that may be. People type passwords where names
// stand, so a name is kept as a MAC alone, by the oldest key, which stays when the ring grows. Where an address has asked too
// often no name is looked at: a stranger must not fill the store with names made up.
func (s *Server) countLink(ctx context.Context, l linkTo, addr string) (bool, error) {
	if network := networkOf(addr); network != "" {
		wait, err := s.count(ctx, "links_from:"+network, linkKind, linksPerAddress)
		if err != nil || wait > 0 {
			return false, err
		}
	}
	purpose := "mailed_link"
	if l.none {
		purpose = "link_not_mailed"
	}
	key := s.Service.Key()
	mac, err := key.MACWith(key.Keys()[0].ID, purpose, []byte(mailboxOf(l.name)))
	if err != nil {
		return false, err
	}
	subject := base64.RawURLEncoding.EncodeToString(mac)
	wait, err := s.count(ctx, "link:"+subject, linkKind, linksPerDestination)
	if err != nil || !l.reset {
		return wait == 0, err
	}
	later, err := s.count(ctx, "reset:"+subject, linkKind, firstResets)
	return min(wait, later) == 0, err
}

// mailboxOf leaves out what follows a plus sign in an address, as the engine does: as a rule all of it is one mailbox.
func mailboxOf(name string) string {
	at := strings.LastIndexByte(name, '@')
	if plus := strings.IndexByte(name, '+'); 0 < plus && plus < at {
		return name[:plus] + name[at:]
	}
	return name
}

// networkOf counts an IPv6 network of 64 bits as one address, since one customer has at least that many.
func networkOf(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	bits := 32
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}
