package recovery

import (
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

var _ factor.Restorer = (*Factor)(nil)

// Restored is as in factor.Restorer: every code of the set counts as used.
func (f *Factor) Restored(of factor.State, _ time.Time) (after factor.State, left int, err error) {
	s, err := decode(of)
	if err != nil {
		return nil, 0, err
	}
	for i := range s.Codes {
		s.Codes[i].Used = true
	}
	after, err = s.encode()
	return after, s.left(), err
}
