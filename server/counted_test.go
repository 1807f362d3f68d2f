package server

import (
	"testing"
)

// TestLinksToOneMailbox: what is counted of links that strangers have mailed, to whom they go.
func TestLinksToOneMailbox(t *testing.T) {
	t.Parallel()
	s := newSite(t).mustStart()
	may := func(l linkTo, want bool, when string) {
		t.Helper()
		if ok, err := s.countLink(t.Context(), l, ""); err != nil || ok != want {
			t.Errorf("%s: %v, %v", when, ok, err)
		}
	}
	mailbox := linkTo{name: "anna@example.com"}
	for range linksPerDestination + 1 {
		_, err := s.countLink(t.Context(), linkTo{name: mailbox.name, none: true}, "")
		mustDo(t, err)
	}
	may(mailbox, true, "after those that were mailed to nobody")
	for range linksPerDestination - 1 {
		may(linkTo{name: "anna+shop@example.com"}, true, "to the same mailbox, within what may be")
	}
	may(mailbox, false, "one too many")
	may(linkTo{name: "anna+other@example.com"}, false, "one too many to the same mailbox, by another address")
	may(linkTo{name: "bert@example.com"}, true, "to another mailbox")
	may(linkTo{name: mailbox.name, reset: true}, true, "the first reset")
	may(linkTo{name: mailbox.name, reset: true}, false, "the second reset")
}

// TestLinksFromOneNetwork: where one network has asked too often, nothing more is counted of names.
func TestLinksFromOneNetwork(t *testing.T) {
	t.Parallel()
	s := newSite(t).mustStart()
	for range linksPerAddress {
		_, err := s.countLink(t.Context(), linkTo{name: "nobody@example.com", none: true}, "2001:db8::1")
		mustDo(t, err)
	}
	if ok, err := s.countLink(t.Context(), linkTo{name: "anna@example.com"}, "2001:db8::2"); err != nil || ok {
		t.Errorf("from the same network: %v, %v", ok, err)
	}
	if ok, err := s.countLink(t.Context(), linkTo{name: "anna@example.com"}, "2001:db8:0:1::1"); err != nil || !ok {
		t.Errorf("from another: %v, %v", ok, err)
	}
}
