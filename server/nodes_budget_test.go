package server

import (
	"net/http"
	"testing"
	"time"
)

// TestBudgetsAreShared: what a throttle or a budget of messages gives is given once, however the tries are spread over nodes.
func TestBudgetsAreShared(t *testing.T) {
	t.Parallel()
	const free, many = 5, 16
	eachDatabase(t, func(t *testing.T, n nodes) {
		_, code, _ := n.enrolled("anna")
		n.enrolled("berta")
		for what, c := range map[string]struct {
			ask  func(c *client, half *client) (int, object)
			want map[int]int
		}{
			"wrong codes": {func(_, half *client) (int, object) {
				return half.verify("totp", "00000000")
			}, map[int]int{401: free, 429: many - free}},
			"wrong recovery codes": {func(_, half *client) (int, object) {
				return half.verify("recovery", "AAAA-AAAA-AAAA-AAAA")
			}, map[int]int{401: free, 429: many - free}},
			"wrong passwords": {func(c, _ *client) (int, object) {
				return c.signIn("berta", otherSecret)
			}, map[int]int{401: free, 429: many - free}},
			"an unknown name": {func(c, _ *client) (int, object) {
				return c.signIn("nobody", otherSecret)
			}, map[int]int{401: free, 429: many - free}},
		} {
			var requests []func() (int, object)
			for i, half := range n.halfIn("anna", many) {
				other := n.client([2]*Server{n.a, n.b}[i%2])
				requests = append(requests, func() (int, object) { return c.ask(other, half) })
			}
			got := map[int]int{}
			for _, o := range atOnce(requests...) {
				got[o.status]++
			}
			for status, want := range c.want {
				if got[status] != want {
					t.Errorf("%s, spread over two nodes: %v, want %v", what, got, c.want)
					break
				}
			}
			n.clock.move(time.Hour)
		}
		n.halfIn("anna", 1)[0].want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": code()})
	})
}

// TestMessagesAreShared: so many messages go to an address in an hour, from whichever node.
func TestMessagesAreShared(t *testing.T) {
	t.Parallel()
	const most, many = 3, 8
	eachDatabase(t, func(t *testing.T, n nodes) {
		c, _, _ := n.enrolled("anna")
		begun := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "email", "email": "other@example.com"})
		code, mails := n.mailed(aCode, 0)
		c.want(http.StatusCreated, "POST", "/authenticators/finish", object{"enrollment": begun["enrollment"], "code": code})
		n.clock.move(2 * time.Hour)
		var requests []func() (int, object)
		for _, half := range n.halfIn("anna", many) {
			requests = append(requests, half.posting("/challenges", object{"kind": "email"}))
		}
		got := map[int]int{}
		for _, o := range atOnce(requests...) {
			got[o.status]++
		}
		if got[http.StatusOK] != most || got[http.StatusTooManyRequests] != many-most {
			t.Errorf("%v, want %d sent, and %d refused", got, most, many-most)
		}
		sent := 0
		for _, text := range n.outbox()[mails:] {
			if aCode.MatchString(text) {
				sent++
			}
		}
		if sent != most {
			t.Errorf("%d messages were sent, want %d", sent, most)
		}
	}, "MAIL_URL=outbox:", "POLICY_FIRST_ENROLLMENT=password", "POLICY_FACTORS=totp,email,recovery", "SENT_CODE_PER_DESTINATION_PER_HOUR=3")
}
