package web

import (
	"errors"
	"net/http"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// Codes that are sent are set up in steps: where to, for a number once more as it was understood, then the code. Only
// a form sends anything.

// destinationFields are the fields where destinations are typed, by kind. Another kind knows by itself where to send.
var destinationFields = map[factor.Kind]string{"email": "email", "sms": "phone"}

// pageDestination asks where codes are to be sent. Where that is answered already, it shows what comes next.
func (g *Gate) pageDestination(w http.ResponseWriter, r *http.Request, c caller, s setUp) {
	if destinationFields[s.kind] == "" || r.URL.Query().Get("change") != "" {
		if err := g.mayAdd(r, c, s.kind); err != nil {
			g.enrollFailed(w, r, s, err)
			return
		}
		g.askDestination(w, r, c, s)
		return
	}
	// Without a destination none can begin: the one that is there already is shown, or the factor refuses.
	e, err := g.begin(r, c, s, factor.Response{}, true)
	var invalid *nightlatch.InvalidError
	switch {
	case err == nil:
		g.showEnrollment(w, r, c, s, e, http.StatusOK, setUpView{Label: e.Label})
	case errors.As(err, &invalid) && invalid.Field == destinationFields[s.kind]:
		g.askDestination(w, r, c, s)
	default:
		g.enrollFailed(w, r, s, err)
	}
}

// askDestination asks where to: first the account's address, or what was entered before a fresh proof was asked for.
func (g *Gate) askDestination(w http.ResponseWriter, r *http.Request, c caller, s setUp) {
	key, words := g.told(w, r)
	v := destinationView{Destination: g.ownAddress(r, c, s.kind)}
	v.Status = words
	if kept := g.filled(r, c, key, s.page()); kept.Fields[destinationFields[s.kind]] != "" {
		v.Destination = kept.Fields[destinationFields[s.kind]]
	}
	g.showDestination(w, r, c, s, http.StatusOK, v)
}

// mayAdd says whether an enrollment of a kind could begin.
func (g *Gate) mayAdd(r *http.Request, c caller, kind factor.Kind) error {
	if !g.svc.Policy().MayEnroll(kind) {
		return nightlatch.ErrForbidden
	}
	if c.signIn != "" {
		return nil
	}
	return g.svc.Fresh(r.Context(), c.session)
}

// ownAddress is the account's address, to begin with. An unfinished sign-in is not told it.
func (g *Gate) ownAddress(r *http.Request, c caller, kind factor.Kind) string {
	if kind != "email" || c.signIn != "" {
		return ""
	}
	u, err := g.userOf(r, c)
	if err != nil {
		return ""
	}
	return u.Email
}

// showDestination shows the page that asks where to, or reads it back.
func (g *Gate) showDestination(w http.ResponseWriter, r *http.Request, c caller, s setUp, status int, v destinationView) {
	if err := g.frame(r, c, s, &v.setUpView); err != nil {
		g.errorPage(w, r, err)
		return
	}
	v.Name, v.Field, v.ReadsBack = wordsOf(g.info(s.kind)).Name, destinationFields[s.kind], g.readsBack(s.kind)
	g.pages.render(w, r, status, "destination", v)
}

// readsBack says whether a destination is shown once more before anything is sent: a slip in a number sends the code
// to somebody else, and costs money.
func (g *Gate) readsBack(kind factor.Kind) bool { return kind == "sms" && g.options.ReadBack != nil }

// formDestination takes the destination, reads it back, and when it is the right one sends the code.
func (g *Gate) formDestination(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	s := g.setUp(r)
	if !g.info(s.kind).Elsewhere {
		g.errorPage(w, r, nightlatch.ErrNotFound)
		return
	}
	if err := g.mayAdd(r, c, s.kind); err != nil {
		g.enrollFailed(w, r, s, err)
		return
	}
	v := destinationView{Destination: r.PostFormValue(destinationFields[s.kind])}
	if r.PostFormValue("correct") != "" {
		g.showDestination(w, r, c, s, http.StatusOK, v)
		return
	}
	if g.readsBack(s.kind) {
		var err error
		if v.Spoken, err = g.options.ReadBack(s.kind, v.Destination, g.pages.language(r)); err != nil {
			g.destinationFailed(w, r, c, s, v, fieldOf(err))
			return
		}
		if r.PostFormValue("sure") == "" {
			g.showDestination(w, r, c, s, http.StatusOK, v)
			return
		}
	}
	g.sendTo(w, r, c, s, v)
}

// sendTo begins the enrollment, which sends the code, and asks for it.
func (g *Gate) sendTo(w http.ResponseWriter, r *http.Request, c caller, s setUp, v destinationView) {
	response := factor.Response{Email: r.PostFormValue("email"), Phone: r.PostFormValue("phone")}
	e, err := g.begin(r, c, s, response, false)
	if err != nil {
		g.destinationFailed(w, r, c, s, v, err)
		return
	}
	page := setUpView{Label: e.Label}
	if p, ok := e.Prompt.(factor.Code); ok && p.SentTo != "" {
		page.Status = g.pages.say(r, "Code sent to %s.", p.SentTo)
	}
	g.showEnrollment(w, r, c, s, e, http.StatusOK, page)
}

// fieldOf makes a factor's refusal of a field one that is told at the field.
func fieldOf(err error) error {
	var refused *factor.Refused
	if errors.As(err, &refused) && refused.Field != "" {
		return FieldsError{refused.Field: refused.Problem}
	}
	return err
}

// destinationFailed shows the page again with what was wrong.
func (g *Gate) destinationFailed(w http.ResponseWriter, r *http.Request, c caller, s setUp, v destinationView, err error) {
	f := faultOf(err)
	field := destinationFields[s.kind]
	switch {
	case field != "" && f.Fields[field] == "taken":
		v.Problems = map[string]string{field: g.pages.say(r, "Codes go there already.")}
	case field != "" && f.Fields[field] != "":
		v.Problems = g.fieldProblems(r, f)
	case f.Code == "throttled", f.Code == "delivery_failed":
		v.Alert = unsentText(g.pages.language(r), f)
	default:
		g.enrollFailed(w, r, s, err)
		return
	}
	if len(v.Problems) > 0 {
		v.Spoken = ""
	}
	g.logFault(r, f, err)
	g.retryAfter(w, f)
	g.showDestination(w, r, c, s, f.Status, v)
}

// newSent is the page where the code is entered. Where it went is known only to the form that sent it.
func (g *Gate) newSent(r *http.Request, s setUp, v setUpView, p factor.Code) sentView {
	sent := sentView{setUpView: v, SentTo: p.SentTo, Other: s.page("change"), Field: destinationFields[s.kind]}
	sent.Destination = r.PostFormValue(sent.Field)
	if v.Status != "" { // it was sent just now
		sent.ResendIn = p.ResendAfter
	}
	return sent
}
