package server

import (
	"context"

	"github.com/nightlatch/nightlatch/factor/password"
)

// Hashing is what the slow hashes of passwords and recovery codes have to do now, and have done so far.
func (s *Server) Hashing() password.Load { return s.password.Limiter().Load() }

// sayBusy says how many were sent away since the last time:
// once for all, since a flood must not fill the log.
func (s *Server) sayBusy(context.Context) {
	load := s.Hashing()
	if away := load.Refused - s.sentAway; away > 0 {
		s.log.Warn("passwords were not judged: more of them wait than limits.waiting allows",
			"refused", away, "waiting", load.Waiting, "at_once", load.Parallel)
	}
	s.sentAway = load.Refused
}
