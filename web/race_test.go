package web_test

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

// atOnce sends requests at the same time and counts the answers by their code.
func atOnce(t *testing.T, parallel int, send func(n int) answer) map[string]int {
	t.Helper()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		start = make(chan struct{})
		count = map[string]int{}
	)
	for n := range parallel {
		wg.Go(func() {
			<-start
			a := send(n)
			code, _ := a.at("code").(string)
			if a.status < 300 {
				code = "right"
			}
			if reason, ok := a.at("reason").(string); ok {
				code += " " + reason
			}
			mu.Lock()
			defer mu.Unlock()
			count[code]++
		})
	}
	close(start)
	wg.Wait()
	return count
}

// alone is the person's client for one request of many: it keeps nothing of the answer.
func (c *client) alone() *client {
	copied := *c
	copied.http = &http.Client{Transport: c.http.Transport}
	return &copied
}

// TestOneRightCodeAtOnce: of fifty in one sign-in, one is right.
func TestOneRightCodeAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(true)
	p.enroll()
	h.clock.move(time.Minute)
	for _, kind := range []string{"totp", "recovery"} {
		p.signIn(true)
		code := p.code()
		if kind == "recovery" {
			code = p.codes[0]
		}
		count := atOnce(t, 50, func(int) answer { return p.alone().verify(kind, code) })
		if count["right"] != 1 || count["right"]+count["unauthenticated"]+count["refused used"] != 50 {
			t.Errorf("%s: %v", kind, count)
		}
	}
}

// TestOneCodeInManySignIns: a code that is given in fifty sign-ins at once opens one.
func TestOneCodeInManySignIns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(true)
	p.enroll()
	h.clock.move(time.Minute)
	var doors []*client
	for range 50 {
		p.signIn(true)
		doors = append(doors, p.client)
	}
	count := atOnce(t, 50, func(n int) answer { return doors[n].alone().verify("totp", p.code()) })
	if count["right"] != 1 || count["refused used"] != 49 {
		t.Errorf("%v", count)
	}
	p.signIn(true)
	p.verify("totp", p.nextCode()).want(http.StatusOK) // what was used cost no try
}

// TestWrongCodesAtOnce: exactly the free tries are answered as wrong, in one sign-in or in many.
func TestWrongCodesAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "THROTTLE_FREE_TRIES=7")
	p, q := h.add("anna"), h.add("bert")
	for _, who := range []*person{p, q} {
		who.signIn(true)
		who.enroll()
	}
	h.clock.move(time.Minute)
	p.signIn(true)
	wrong := p.wrongCode()
	count := atOnce(t, 50, func(int) answer { return p.alone().verify("totp", wrong) })
	if count["refused wrong"] != 7 || count["throttled"] != 43 {
		t.Errorf("in one sign-in: %v", count)
	}
	var doors []*client
	for range 50 {
		q.signIn(true)
		doors = append(doors, q.client)
	}
	count = atOnce(t, 50, func(n int) answer { return doors[n].alone().verify("totp", q.wrongCode()) })
	if count["refused wrong"] != 7 || count["throttled"] != 43 {
		t.Errorf("in many sign-ins: %v", count)
	}
}

// TestOneEnrollmentAtOnce: an enrollment that is finished eight times makes one authenticator and one set of codes.
func TestOneEnrollmentAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(true)
	begun := p.post("/authenticators", map[string]any{"kind": "totp"}).want(http.StatusCreated)
	p.phone = generator(t, begun.text("totp", "secret"))
	body := map[string]any{"enrollment": begun.text("enrollment"), "code": p.code()}
	count := atOnce(t, 8, func(int) answer {
		a := p.alone().post("/authenticators/finish", body)
		if a.status == http.StatusCreated {
			p.token = a.text("token")
		}
		return a
	})
	if count["right"] != 1 || count["right"]+count["not_found"]+count["unauthenticated"] != 8 {
		t.Errorf("%v", count)
	}
	if list := p.get("/authenticators").want(http.StatusOK); len(list.list()) != 1 {
		t.Errorf("authenticators: %s", list.body)
	}
}

// TestOneNameAtOnce: of fifty who want the same name one gets it.
func TestOneNameAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "SIGN_UP_PER_ADDRESS_PER_HOUR=100")
	count := atOnce(t, 50, func(n int) answer {
		name := "anna"
		if n%2 == 1 {
			name = "ANNA"
		}
		return h.client().post("/accounts", map[string]any{"username": name, "password": secret})
	})
	if count["right"] != 1 || count["conflict"] != 49 {
		t.Errorf("%v", count)
	}
}
