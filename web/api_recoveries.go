package web

import (
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch"
)

// recoveriesJSON is what helps a person who has lost every second factor.
type recoveriesJSON struct {
	Ways []wayJSON `json:"ways"`
	Hold *holdJSON `json:"hold"`
}

type wayJSON struct {
	Way    nightlatch.Way `json:"way"`
	Left   int            `json:"left,omitempty"`
	SentTo string         `json:"sent_to,omitempty"`
}

// holdJSON is a recovery by mail that waits.
type holdJSON struct {
	BegunAt time.Time `json:"begun_at"`
	Until   time.Time `json:"until"`
}

// getRecoveries lists the ways that the account has now, and the hold that waits.
func (g *Gate) getRecoveries(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	all, err := g.svc.Recoveries(r.Context(), c.step())
	if err != nil {
		return 0, nil, err
	}
	j := recoveriesJSON{Ways: make([]wayJSON, 0, len(all.Ways))}
	for _, o := range all.Ways {
		j.Ways = append(j.Ways, wayJSON{o.Way, o.Left, o.SentTo})
	}
	if all.Hold != nil {
		j.Hold = &holdJSON{all.Hold.Begun, all.Hold.Until}
	}
	return http.StatusOK, j, nil
}

// postRecoveries asks for a way, in a sign-in after a right password.
func (g *Gate) postRecoveries(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		Way nightlatch.Way `json:"way"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if in.Way == "" {
		return 0, nil, FieldsError{"way": "missing"}
	}
	if err := g.svc.AskRecovery(r.Context(), c.step(), in.Way, c.client); err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, struct{}{}, nil
}

// postRecoveriesConfirmations begins the hold that a mailed link stands for. Nobody is signed in by that.
func (g *Gate) postRecoveriesConfirmations(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if in.Token == "" {
		return 0, nil, FieldsError{"token": "missing"}
	}
	return http.StatusNoContent, nil, g.svc.BeginHold(r.Context(), in.Token, c.client)
}

// deleteRecoveries ends the hold.
func (g *Gate) deleteRecoveries(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	return http.StatusNoContent, nil, g.svc.CancelHold(r.Context(), c.step(), c.client)
}
