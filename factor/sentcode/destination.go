package sentcode

import (
	"errors"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/factor"
)

const (
	maxAddress = 254 // bytes (RFC 5321 §4.5.3.1.3, erratum 1690)
	maxPhone   = 64  // bytes of what is typed
)

// e164Form is the longest and the shortest number that there is (ITU-T E.164 §6).
var e164Form = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// destination is where the response wants codes to go, as it is kept, or a *factor.Refused with its field.
func (f *Factor) destination(c factor.Call, r factor.Response) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	if f.kind == SMS {
		to, _, err := f.phone(r.Phone, c.Lang)
		return to, err
	}
	to := strings.TrimSpace(r.Email)
	if problem := addressProblem(to); problem != "" {
		return "", factor.RefuseField("email", problem)
	}
	return to, nil
}

// ReadBack is the destination of a response as it is shown to the person before anything is sent: a number in its
// international form with its country. It fails with a *factor.Refused where BeginEnrollment would for the same reason.
func (f *Factor) ReadBack(r factor.Response, lang string) (string, error) {
	if f.err == nil && f.kind == SMS {
		_, spoken, err := f.phone(r.Phone, lang)
		return spoken, err
	}
	return f.destination(factor.Call{Lang: lang}, r)
}

func (f *Factor) phone(text, lang string) (e164, spoken string, err error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", "", factor.RefuseField("phone", "missing")
	case len(text) > maxPhone || !utf8.ValidString(text):
		return "", "", factor.RefuseField("phone", "invalid")
	}
	e164, spoken, err = f.options.ParsePhone(text, lang)
	if err != nil {
		return "", "", factor.RefuseField("phone", "invalid")
	}
	if !e164Form.MatchString(e164) {
		return "", "", errors.New("sentcode: ParsePhone returned what is not E.164")
	}
	return e164, spoken, nil
}

// addressProblem says what is wrong with an address, or "". Quoted local parts, comments and names beside the address
// are refused: mail programs disagree about whom they mean.
func addressProblem(address string) string {
	const special = "\"<>()[],;:\\ \t\r\n"
	wide := norm.NFKC.String(address) // what is written wide must not be an address of another form
	switch {
	case address == "":
		return "missing"
	case len(address) > maxAddress:
		return "too_long"
	case !utf8.ValidString(address), strings.ContainsAny(address+wide, special), strings.Count(wide, "@") != 1,
		strings.ContainsFunc(address, unseen):
		return "invalid"
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" {
		return "invalid"
	}
	return ""
}

// unseen: a character that leaves no mark, so that two addresses would look alike.
func unseen(r rune) bool {
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// sameDestination compares addresses without regard to case, as at every other door; numbers are equal in E.164 or not.
func sameDestination(a, b string) bool { return a == b || key(a) == key(b) }

func key(address string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(address)))
}

// mask is what may be shown of a destination: "•••• 12", "a•••@example.com".
func mask(kind factor.Kind, to string) string {
	if kind == SMS {
		return "•••• " + to[max(len(to)-2, 0):]
	}
	_, size := utf8.DecodeRuneInString(to)
	return to[:size] + "•••" + to[max(strings.LastIndexByte(to, '@'), 0):]
}
