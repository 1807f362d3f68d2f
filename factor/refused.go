package factor

import (
	"errors"
	"time"
)

// ErrRefused is what every *Refused is: the response is wrong. errors.Is(err, ErrRefused) finds it.
var ErrRefused = errors.New("refused")

// ErrBusy is what a fault is that ends by itself when fewer ask at once: a factor had no room to judge. Nothing was judged,
// and no try is lost.
var ErrBusy = errors.New("too many ask at once, try again later")

// Reason says why a response was refused. The values are part of the API.
type Reason string

// The reasons. After a right first factor people are told which one it was.
const (
	Wrong   Reason = "wrong"
	Used    Reason = "used"    // it was right once; costs no try
	Expired Reason = "expired" // it was right but came too late
	Clock   Reason = "clock"   // it would be right at another time; ClockOffBy says how far
)

// Refused is a wrong response.
type Refused struct {
	Reason Reason
	// ClockOffBy is how far the authenticator's clock runs ahead of ours (negative: behind), in whole periods.
	// Set with Clock only.
	ClockOffBy time.Duration
	// Field names the field of the response that cannot be used ("phone", "password"), and Problem why
	// ("invalid", "too_short", "too_long", "too_common", "missing"). Both are empty for a wrong code.
	Field, Problem string
}

// Error says the reason.
func (r *Refused) Error() string {
	if r.Field != "" {
		return "refused: " + r.Field + " " + r.Problem
	}
	return "refused: " + string(r.Reason)
}

// Is makes every *Refused an ErrRefused.
func (r *Refused) Is(target error) bool { return target == ErrRefused }

// Refuse returns a *Refused for the reason.
func Refuse(reason Reason) error { return &Refused{Reason: reason} }

// RefuseField returns a *Refused for a field that cannot be used.
func RefuseField(field, problem string) error {
	return &Refused{Reason: Wrong, Field: field, Problem: problem}
}
