package nightlatch_test

import (
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// Factors are told the network that asks, so that they can share out what is scarce.
func TestFactorsAreToldTheNetwork(t *testing.T) {
	t.Parallel()
	var from string
	phrase := knock("phrase")
	phrase.info.Class = factor.Knowledge
	phrase.verify = func(c factor.Call, _ factor.State, _ factor.Response) (factor.Verdict, error) {
		from = c.From
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	for addr, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.3": "192.0.2.0/24", "2001:db8:1:2::3": "2001:db8:1::/48",
		"fe80::1%eth0": "fe80::/48", "": "", "elsewhere": "",
	} {
		w := newWorld(t, withFactors(phrase, knock("slow")))
		w.add("ann")
		for _, user := range []string{"ann", ""} {
			from = "nothing"
			_, err := w.ProveFirst(w.Context(), nightlatch.First{
				User: user, Name: "ann", Response: factor.Response{Kind: "phrase"},
				Start: nightlatch.Start{Client: nightlatch.Client{Addr: addr}},
			})
			w.want(err, nightlatch.ErrWrongCredentials)
			if from != want {
				t.Errorf("%q: told %q, want %q", addr, from, want)
			}
		}
	}
}
