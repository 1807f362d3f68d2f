package nightlatch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/internal/token"
)

// Device is a remembered browser, as its owner may see it.
type Device struct {
	ID         string
	User       string
	Client     Client       // where it was last used
	Proof      factor.Proof // the second proof that it carries, with its own time
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time

	token string // the hash of the part of its value that stays
}

// Is says whether a value that a browser holds (Next.Device) is one of this device, whichever.
func (d Device) Is(value string) bool {
	stays, _, ok := splitDevice(value)
	return ok && stays == d.token
}

// deviceData is what is sealed of a device. Its value is two tokens joined by a dot: one stays, by which the record is
// found, and one is replaced at each use, so that a copy and the original cannot both be used for long.
type deviceData struct {
	// Good are the hashes of the second tokens that were handed out and not seen again yet. There is more than one
	// where several tabs used the one before at once.
	Good []string `json:"good"`
	// Before is the hash of the one that they were handed out for. It is good until one of Good is seen, and not
	// after BeforeEnds.
	Before     string       `json:"before,omitempty"`
	BeforeEnds time.Time    `json:"before_ends,omitzero"`
	Proof      factor.Proof `json:"proof"`
	Client     Client       `json:"client"`
}

// deviceRead is a device with its record.
type deviceRead struct {
	deviceData
	record DeviceRecord
}

// shown says what the value that a browser has shown is worth.
type shown int

const (
	shownNothing shown = iota // nobody's, or another user's
	shownOver                 // its device has expired
	shownOlder                // a value that was replaced: somebody has a copy
	shownBefore               // the one before, while it is still good
	shownGood
)

func devicePlace(r DeviceRecord) seal.Place {
	return seal.Place{Table: "devices", Column: "sealed", ID: r.ID, User: r.User}
}

func deviceSubject(id string) string { return "device:" + id }

// splitDevice returns the hashes of both parts of a device's value.
func splitDevice(value string) (stays, turns string, ok bool) {
	first, second, _ := strings.Cut(value, ".")
	stays, ok = token.Hash(token.Device, first)
	if !ok {
		return "", "", false
	}
	turns, ok = token.Hash(token.Device, second)
	return stays, turns, ok
}

// findDevice finds the device of a user that a value is of, and says what the value is worth.
func (s *Service) findDevice(ctx context.Context, r Reader, user, value string, now time.Time) (d deviceRead, is shown, err error) {
	stays, turns, ok := splitDevice(value)
	if !ok {
		return d, shownNothing, nil
	}
	record, err := r.FindDevice(ctx, stays)
	if errors.Is(err, ErrNotFound) || err == nil && record.User != user {
		return d, shownNothing, nil
	}
	if err != nil {
		return d, shownNothing, err
	}
	if d, err = s.openDevice(record); err != nil {
		return d, shownNothing, err
	}
	switch {
	case !s.deviceEnds(d).After(now):
		is = shownOver
	case slices.Contains(d.Good, turns):
		is = shownGood
	case d.Before == turns && d.BeforeEnds.After(now):
		is = shownBefore
	default:
		is = shownOlder
	}
	return d, is, nil
}

func (s *Service) openDevice(r DeviceRecord) (deviceRead, error) {
	d := deviceRead{record: r}
	return d, s.open(r.Sealed, devicePlace(r), &d.deviceData)
}

// deviceEnds counts from the proof, whatever the use. A lower Policy.Remember holds at once.
func (s *Service) deviceEnds(d deviceRead) time.Time {
	ends := d.record.ExpiresAt
	if now := d.Proof.At.Add(s.policy.Remember); now.Before(ends) {
		ends = now
	}
	return ends
}

// endCopied ends a device of which an older value was shown: there are two who hold it, and nobody knows which is which.
func (c *change) endCopied(ctx context.Context, d deviceRead, from Client) error {
	if err := c.deleteDevice(ctx, d.record); err != nil {
		return err
	}
	return c.event(ctx, d.record.User, Event{
		Name: EventDeviceEnded, Reason: "copied", Client: from, Detail: map[string]string{"device": d.record.ID},
	})
}

// deleteDevice removes a device with what was counted on it.
func (c *change) deleteDevice(ctx context.Context, d DeviceRecord) error {
	if err := c.Delete(ctx, d); err != nil {
		return err
	}
	c.raise = true
	throttles, err := c.ThrottlesOf(ctx, deviceSubject(d.ID))
	if err != nil {
		return err
	}
	for _, t := range throttles {
		if err := c.Delete(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// DevicesOf returns the remembered devices of a user, the last used first. Errors: ErrUnavailable.
func (s *Service) DevicesOf(ctx context.Context, user string) ([]Device, error) {
	now := s.time()
	var list []Device
	err := s.store.View(ctx, func(r Reader) error {
		records, err := r.DevicesOf(ctx, user)
		if err != nil {
			return err
		}
		list = list[:0]
		for _, rec := range records {
			d, err := s.openDevice(rec)
			if err != nil {
				return err
			}
			ends := s.deviceEnds(d)
			if !ends.After(now) {
				continue
			}
			list = append(list, Device{
				ID: rec.ID, User: rec.User, Client: d.Client, Proof: d.Proof,
				CreatedAt: rec.CreatedAt, LastUsedAt: rec.LastUsedAt, ExpiresAt: ends, token: rec.Token,
			})
		}
		return nil
	})
	return list, s.outer(err)
}

// EndDevice ends one remembered device of the user that the session belongs to. It needs no fresh proof: it only takes
// away. Errors: ErrNotFound (also for another's), ErrUnauthenticated, ErrUnavailable.
func (s *Service) EndDevice(ctx context.Context, tok, id string, c Client) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		own, err := s.findSession(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		if _, err := tx.standing(ctx, own.User); err != nil {
			return err
		}
		devices, err := tx.DevicesOf(ctx, own.User)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(devices, func(d DeviceRecord) bool { return d.ID == id })
		if i < 0 {
			return ErrNotFound
		}
		if err := tx.deleteDevice(ctx, devices[i]); err != nil {
			return err
		}
		return tx.event(ctx, own.User, Event{
			Name: EventDeviceEnded, Reason: "forgotten", Client: c, Detail: map[string]string{"device": id},
		})
	})
}

// EndDevices ends all remembered devices of a user. Call it within Change. Errors: ErrUnavailable.
func (s *Service) EndDevices(ctx context.Context, user string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error { return tx.endDevices(ctx, user) })
}

func (c *change) endDevices(ctx context.Context, user string) error {
	if _, err := c.standing(ctx, user); err != nil {
		return err
	}
	devices, err := c.DevicesOf(ctx, user)
	if err != nil || len(devices) == 0 {
		return err
	}
	for _, d := range devices {
		if err := c.deleteDevice(ctx, d); err != nil {
			return err
		}
	}
	return c.event(ctx, user, Event{Name: EventDevicesEnded})
}
