package web

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/factor/webauthn"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// postbox takes messages, or fails as it is told.
type postbox struct {
	mu   sync.Mutex
	sent []factor.Message
	err  error
}

func (p *postbox) Send(_ context.Context, m factor.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.sent = append(p.sent, m)
	}
	return p.err
}

func (p *postbox) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *postbox) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

// code is the one in the last message.
func (p *postbox) code(t *testing.T) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == 0 {
		t.Fatal("nothing was sent")
	}
	return regexp.MustCompile(`\b\d{6}\b`).FindString(p.sent[len(p.sent)-1].Text)
}

// noted is a store that counts what is written.
type noted struct {
	nightlatch.Store
	mu     sync.Mutex
	writes int
}

func (n *noted) Tx(ctx context.Context, do func(context.Context, nightlatch.Tx) error) error {
	n.mu.Lock()
	n.writes++
	n.mu.Unlock()
	return n.Store.Tx(ctx, do)
}

func (n *noted) written() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.writes
}

// full is a site with every factor that there is.
type full struct {
	*site
	post  *postbox
	store *noted
}

// keyOrigin is where the keys of these tests are at. An address of numbers, as the test server has, is no RP ID.
const keyOrigin = "http://localhost"

func newFull(t *testing.T, change func(*nightlatch.Config, *Options)) *full {
	t.Helper()
	f := &full{post: &postbox{}}
	keys, err := webauthn.New(webauthn.Options{RPID: "localhost", Origins: []string{keyOrigin}})
	if err != nil {
		t.Fatal(err)
	}
	shape := sentcode.Options{ParsePhone: spoken}
	mails, texts := sentcode.NewEmail(shape), sentcode.NewSMS(shape)
	f.site = newSite(t, func(c *nightlatch.Config, o *Options) {
		f.store = &noted{Store: c.Store}
		c.Store = f.store
		c.Factors = slices.Concat([]factor.Factor{keys}, c.Factors[:2], []factor.Factor{mails, texts}, c.Factors[2:])
		c.Senders = map[factor.Kind]nightlatch.Sender{"email": f.post, "sms": f.post}
		o.ReadBack = func(kind factor.Kind, text, lang string) (string, error) {
			return texts.ReadBack(factor.Response{Kind: kind, Phone: text}, lang)
		}
		if change != nil {
			change(c, o)
		}
	})
	return f
}

// spoken reads numbers of one country.
func spoken(text, _ string) (e164, spoken string, err error) {
	digits := regexp.MustCompile(`[^0-9]`).ReplaceAllString(text, "")
	if !strings.HasPrefix(text, "+44") || len(digits) != 12 {
		return "", "", errors.New("no number")
	}
	return "+" + digits, "+44 " + digits[2:4] + " " + digits[4:] + " (United Kingdom)", nil
}

// newKey is a security key at the site.
func newKey(seed byte) *softkey.Key {
	key := softkey.New(rand.NewChaCha8([32]byte{seed}))
	key.Origin = keyOrigin
	return key
}

// touch presses the button of a form for keys and does what the script does.
func (v *visitor) touch(key *softkey.Key, button string, fields map[string]string) {
	v.t.Helper()
	action, form, err := v.touched(key, button, fields)
	if err != nil {
		v.t.Fatal(err)
	}
	v.request(http.MethodPost, action, form)
}

// touched is what the script would send, or what the browser says instead.
func (v *visitor) touched(key *softkey.Key, button string, fields map[string]string) (action string, form url.Values, err error) {
	v.t.Helper()
	action, _, form = v.form(button, "", fields)
	i := slices.IndexFunc(v.all, func(e *element) bool { return e.attrs["data-public-key"] != "" && e.attrs["action"] == action })
	if i < 0 {
		v.t.Fatalf("no options for a key on %s:\n%s", v.path, v.body)
	}
	answer := key.Get
	if _, create := v.all[i].attrs["data-create"]; create {
		answer = key.Create
	}
	credential, err := answer([]byte(v.all[i].attrs["data-public-key"]))
	form.Set("credential", string(credential))
	return action, form, err
}

// addKey adds a security key in a session.
func (v *visitor) addKey(key *softkey.Key, label string) {
	v.t.Helper()
	v.get("/account/authenticators/new/webauthn")
	v.touch(key, "Add security key", map[string]string{"Name": label})
	v.want(200, v.path)
	v.announced("status", "Authenticator added.")
}

// addEmail adds an address in a session.
func (v *visitor) addEmail(f *full, address string) {
	v.t.Helper()
	v.get("/account/authenticators/new/email")
	v.press("Send code", "", map[string]string{"Email": address})
	v.press("Continue", "", map[string]string{"Code": f.post.code(v.t), "Name": "My mail"})
	v.announced("status", "Authenticator added.")
}
