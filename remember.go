package nightlatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

const (
	// maxDevices is how many browsers are remembered of a user; the one that was not used for longest goes.
	maxDevices = 20
	// beforeGood is how long the value before stays good: the answer with the new one may be lost, or overtaken by
	// that of another tab.
	beforeGood = time.Minute
	// maxCandidates is how many values may be handed out for one that is shown again and again.
	maxCandidates = 4
)

// takeDevice puts the proof that a remembered device carries into a sign-in whose first factor was right, and hands
// out the next value. An older value proves nothing: it ends the device, and the second factor is asked for.
func (s *Service) takeDevice(ctx context.Context, tx *change, h *holder, start Start) error {
	if start.Token || start.Device == "" {
		return nil
	}
	d, is, err := s.findDevice(ctx, tx, h.user.ID, start.Device, tx.now)
	if err != nil || is == shownNothing {
		return err
	}
	h.in.Former = d.record.ID
	if is == shownOlder {
		return tx.endCopied(ctx, d, start.Client)
	}
	if is == shownOver || h.standing.AfterReset || LevelOf(h.in.Proofs) >= Level2 || !s.policy.carries(h, d.Proof) {
		return nil
	}
	proof := d.Proof
	proof.Device = d.record.ID
	h.addProof(proof)
	return s.turnDevice(ctx, tx, h, d, is, start)
}

// carries says whether the authenticator of a carried proof is still there to prove by.
func (p Policy) carries(h *holder, proof factor.Proof) bool {
	return slices.ContainsFunc(h.held, func(a factor.Held) bool {
		return a.ID == proof.Authenticator && a.Allows == factor.AllowsAll && p.isSecond(a.Kind)
	})
}

// turnDevice hands out the next value of a device.
func (s *Service) turnDevice(ctx context.Context, tx *change, h *holder, d deviceRead, is shown, start Start) error {
	stays, _, _ := strings.Cut(start.Device, ".")
	_, seen, _ := splitDevice(start.Device)
	next, hash := token.New(s.rand, token.Device)
	switch {
	case is == shownGood:
		d.Good, d.Before, d.BeforeEnds = []string{hash}, seen, tx.now.Add(beforeGood)
		d.Client, d.record.LastUsedAt = start.Client, tx.now
	case len(d.Good) >= maxCandidates:
		return nil // it is good, and has got enough of them
	default:
		d.Good = append(d.Good, hash)
	}
	h.in.device, h.in.deviceUntil = stays+"."+next, s.deviceEnds(d)
	return s.putDevice(ctx, tx, d)
}

func (s *Service) putDevice(ctx context.Context, tx *change, d deviceRead) (err error) {
	if d.record.Sealed, err = s.seal(d.deviceData, devicePlace(d.record)); err != nil {
		return err
	}
	return tx.Put(ctx, d.record)
}

// mayRemember says whether the device may be remembered by a right response to one of the offers.
func (s *Service) mayRemember(h *holder, d Decision) bool {
	return h.in != nil && h.confirms() == "" && !h.in.Start.Token && s.policy.Remember > 0 && d.Step == StepVerify &&
		slices.ContainsFunc(d.Offers, func(o factor.Held) bool { return s.policy.carries(h, factor.Proof{Authenticator: o.ID}) })
}

// rememberDevice remembers the browser of a sign-in by the proof that has just finished it.
func (s *Service) rememberDevice(ctx context.Context, tx *change, h *holder, proof factor.Proof, e Event) error {
	if h.in == nil || h.in.Start.Token || s.policy.Remember <= 0 || !s.policy.carries(h, proof) {
		return nil
	}
	if s.decide(h, tx.now).Step != StepDone {
		return nil
	}
	if err := tx.makeRoom(ctx, h.user.ID, h.in.Former); err != nil {
		return err
	}
	stays, hash := token.New(s.rand, token.Device)
	turns, good := token.New(s.rand, token.Device)
	d := deviceRead{
		deviceData: deviceData{Good: []string{good}, Proof: proof, Client: e.Client},
		record: DeviceRecord{
			ID: token.NewID(s.rand), Token: hash, User: h.user.ID,
			CreatedAt: tx.now, LastUsedAt: tx.now, ExpiresAt: proof.At.Add(s.policy.Remember),
		},
	}
	h.in.device, h.in.deviceUntil = stays+"."+turns, d.record.ExpiresAt
	if err := s.putDevice(ctx, tx, d); err != nil {
		return err
	}
	e.Name, e.Detail = EventDeviceRemembered, map[string]string{"device": d.record.ID}
	return tx.event(ctx, h.user.ID, e)
}

// makeRoom ends the device that the same browser was, and those that are too many.
func (c *change) makeRoom(ctx context.Context, user, former string) error {
	devices, err := c.DevicesOf(ctx, user)
	if err != nil {
		return err
	}
	kept := 0
	for _, d := range devices {
		if d.ID != former && kept < maxDevices-1 {
			kept++
			continue
		}
		if err := c.deleteDevice(ctx, d); err != nil {
			return err
		}
		e := Event{Name: EventDeviceEnded, Reason: "replaced", Detail: map[string]string{"device": d.ID}}
		if err := c.event(ctx, user, e); err != nil {
			return err
		}
	}
	return nil
}
