package forward

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// upgradedEvery is how often it is looked whether an upgraded connection may go on: it ends within 30 seconds of what
// allowed it.
const upgradedEvery = 15 * time.Second

// upgraded is the answer to a request to upgrade (a WebSocket). Once it is one, it is watched.
type upgraded struct {
	http.ResponseWriter
	p     *Protector
	r     *http.Request
	asked Request

	once sync.Once
	over chan struct{}
}

// Unwrap is for http.ResponseController.
func (u *upgraded) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// Hijack hands the connection out and begins to watch it.
func (u *upgraded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return conn, buffer, err
	}
	u.over = make(chan struct{})
	go u.watch(conn, u.over)
	return conn, buffer, nil
}

func (u *upgraded) watch(conn net.Conn, over <-chan struct{}) {
	tick := time.NewTicker(upgradedEvery)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		if out, err := u.p.d.Decide(u.r, u.asked); err != nil || out.Answer != Pass {
			_ = conn.Close()
			return
		}
	}
}

// end is called when the connection is over.
func (u *upgraded) end() {
	u.once.Do(func() {
		if u.over != nil {
			close(u.over)
		}
	})
}
