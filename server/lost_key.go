package server

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// lostEvery is how often it is looked whether the ring has other keys than when records were counted.
const lostEvery = time.Minute

// lost is what is known of records whose key is not in the ring. Whoever they belong to gets 503, and all others are
// served: the server is ready.
type lost struct {
	records atomic.Int64
	counted []uint32 // the keys of the ring when they were counted; Maintain's alone
}

// lookForLost counts the records whose key is not in the ring, at start and whenever the ring has other keys, and says so.
func (s *Server) lookForLost(ctx context.Context) {
	var has []uint32
	for _, k := range s.Service.Key().Keys() {
		has = append(has, k.ID)
	}
	if slices.Equal(has, s.lost.counted) {
		return
	}
	byKey, err := s.Service.LostKeys(ctx)
	if err != nil {
		return // whoever needs the database says so; it is counted the next time
	}
	all := int64(0)
	for key, records := range byKey {
		s.log.Error("records need a key that is not in the key ring, and whoever they belong to gets 503: put it back",
			"key", key, "records", records, "into", keyComesFrom(s.settings))
		all += records
	}
	s.lost.records.Store(all)
	s.lost.counted = has
}
