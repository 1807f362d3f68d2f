package totp

import (
	"context"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// diagnosed is how far an authenticator's clock may be off for the answer to say so.
const diagnosed = 10 * time.Minute

// byTime is the factor of authenticator apps.
type byTime struct {
	options Options
	window  int
	err     error // what is wrong with the options; nothing works then
}

// New makes the factor of authenticator apps, kind "totp". With options for which Check fails, each of its methods
// fails with the same error, and lets nobody in.
func New(o Options) factor.Factor {
	f := byTime{err: o.check(ByTime)}
	f.options, f.window = o.filled(ByTime)
	return f
}

func (byTime) Info() factor.Info {
	return factor.Info{Kind: ByTime, Name: "Authenticator app", Class: factor.Possession}
}

func (f byTime) BeginEnrollment(_ context.Context, c factor.Call, _ factor.Response) (factor.Prompt, factor.State, error) {
	if f.err != nil {
		return nil, nil, f.err
	}
	return begin(f.options, ByTime, c)
}

// FinishEnrollment judges as Verify does, with the same window: what works here works at the next sign-in. The code is
// used up by it.
func (f byTime) FinishEnrollment(_ context.Context, c factor.Call, pending factor.State, r factor.Response) (factor.Enrolled, error) {
	if f.err != nil {
		return factor.Enrolled{}, f.err
	}
	s, err := decodeAs(ByTime, pending)
	if err != nil {
		return factor.Enrolled{}, err
	}
	return finish(f.judge(s, c.Now, r))
}

func (f byTime) Challenge(_ context.Context, c factor.Call, _ factor.State) (factor.Prompt, factor.State, error) {
	return challenge(f.options, f.err, ByTime, c)
}

func (f byTime) Verify(_ context.Context, c factor.Call, _ factor.State, r factor.Response) (factor.Verdict, error) {
	if f.err != nil {
		return factor.Verdict{}, f.err
	}
	return verify(f.options, ByTime, c, func(s state) (state, *factor.Refused) { return f.judge(s, c.Now, r) })
}

// judge returns the state after a right code, or why it is none, and with Clock the state that keeps what was told.
func (f byTime) judge(s state, now time.Time, r factor.Response) (state, *factor.Refused) {
	g := s.generator()
	t := g.typed(r.Code)
	present, ok := g.step(now)
	if !ok {
		return s, &factor.Refused{Reason: factor.Wrong}
	}
	switch step, found := g.inWindow(t, present, f.window, s.Last); {
	case !found:
		refused, later := g.diagnose(t, present, f.window, s.Last)
		return s.tell(later), refused
	case step <= s.Last, slices.Contains(s.Told, step):
		return s, &factor.Refused{Reason: factor.Used}
	default:
		s.Last = step
		return s.tell(nil), nil
	}
}

// diagnose says why a code outside the window is wrong. It accepts nothing. The very step that was used last is used
// wherever it lies; any other step says that the authenticator's clock is off. later are the steps at which the code
// would be good: whoever guesses one is told of it, so it must not be.
func (g Generator) diagnose(t typed, present int64, window int, last int64) (refused *factor.Refused, later []int64) {
	reach := int64(diagnosed/time.Second) / int64(g.Period)
	from := max(present-reach, 0)
	refused = &factor.Refused{Reason: factor.Wrong}
	g.fits(t, uint64(from), uint64(present-from+reach)+1, func(counter uint64) {
		step, off := int64(counter), time.Duration(int64(counter)-present)*time.Duration(g.Period)*time.Second
		if step > present+int64(window) {
			later = append(later, step)
		}
		switch {
		case last > 0 && step == last:
			refused = &factor.Refused{Reason: factor.Used}
		case refused.Reason == factor.Used || step >= present-int64(window) && step <= present+int64(window):
		case refused.Reason == factor.Wrong || off.Abs() < refused.ClockOffBy.Abs():
			refused = &factor.Refused{Reason: factor.Clock, ClockOffBy: off}
		}
	})
	return refused, later
}
