package twilio

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

const (
	sid   = "AC0123456789abcdef0123456789abcdef"
	token = "the-auth-token"
)

var code = factor.Message{
	Kind: "sms", To: "+4915123456712", Once: true, Text: "Übung: 012345 ist Ihr Code & mehr.\n@example.com #012345",
}

// made is the answer to a message that was made, as Twilio documents it.
const made = `{"account_sid": "AC0123456789abcdef0123456789abcdef", "api_version": "2010-04-01", "body": "Hello! 👍",
	"date_created": "Thu, 24 Aug 2023 05:01:45 +0000", "date_sent": null, "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
	"direction": "outbound-api", "error_code": null, "error_message": null, "from": "+15557122661", "num_media": "0",
	"num_segments": "1", "price": null, "price_unit": null, "messaging_service_sid": "MG00000000000000000000000000000000",
	"sid": "SM00000000000000000000000000000000", "status": "STATUS", "subresource_uris": {"media": "/media.json"},
	"tags": null, "to": "+4915123456712", "uri": "/2010-04-01/Accounts/AC/Messages/SM.json"}`

// documented are the parameters of the request that create a message, by
// https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
var documented = strings.Fields(`To StatusCallback ApplicationSid MaxPrice ProvideFeedback Attempt ValidityPeriod ForceDelivery
	ContentRetention AddressRetention SmartEncoded PersistentAction TrafficType ShortenUrls ScheduleType SendAt SendAsMms
	ContentVariables RiskCheck From MessagingServiceSid Body MediaUrl ContentSid Tags`)

// provider answers as Twilio does, to what is what Twilio documents.
func provider(t *testing.T, want url.Values, status int, answer string) string {
	t.Helper()
	known := map[string]bool{}
	for _, name := range documented {
		known[name] = true
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/2010-04-01/Accounts/"+sid+"/Messages.json" || r.URL.RawQuery != "" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if user, password, ok := r.BasicAuth(); !ok || user != sid || password != token {
			t.Errorf("signed in as %q with %q", user, password)
		}
		if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
			t.Errorf("content type %q", got)
		}
		if got := r.Header.Get("User-Agent"); got != "Nightlatch" {
			t.Errorf("user agent %q", got)
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		form, err := url.ParseQuery(string(b))
		if err != nil {
			t.Error(err)
		}
		for name, values := range form {
			if !known[name] || len(values) != 1 {
				t.Errorf("%s = %q: Twilio documents no such parameter, or it stands there twice", name, values)
			}
		}
		if diff := cmp.Diff(want, form); diff != "" {
			t.Error(diff)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func fromNumber() url.Values {
	return url.Values{"To": {code.To}, "Body": {code.Text}, "From": {"+15557122661"}}
}

func newSender(t *testing.T, base string) *Sender {
	t.Helper()
	s, err := New(Options{AccountSID: sid, AuthToken: token, From: "+15557122661", BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSend(t *testing.T) {
	t.Parallel()
	if err := newSender(t, provider(t, fromNumber(), 201, made)).Send(t.Context(), code); kindOf(err) != "unclear" {
		t.Errorf("a status that Twilio does not have: %v", err)
	}
	answer := strings.Replace(made, "STATUS", "queued", 1)
	if err := newSender(t, provider(t, fromNumber(), 201, answer)+"/").Send(t.Context(), code); err != nil {
		t.Error(err)
	}
	byService := url.Values{"To": {code.To}, "Body": {code.Text}, "MessagingServiceSid": {"MG0"}}
	s, err := New(Options{
		AccountSID: sid, AuthToken: token, From: "+15557122661", MessagingServiceSID: "MG0", BaseURL: provider(t, byService, 201, answer),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), code); err != nil {
		t.Error(err)
	}
	if err := s.Send(t.Context(), factor.Message{Kind: "email"}); kindOf(err) != "plain" {
		t.Errorf("a mail: %v", err)
	}
}

func kindOf(err error) string {
	switch {
	case err == nil:
		return "sent"
	case errors.Is(err, deliver.ErrUnclear):
		return "unclear"
	case errors.Is(err, factor.ErrDestination):
		return "refused"
	case deliver.IsTemporary(err):
		return "temporary"
	}
	return "plain"
}

// fault is an error as Twilio documents it. Its sentence quotes the number.
func fault(status, code string) string {
	return `{"code": ` + code + `, "message": "The 'To' number +4915123456712 is wrong: 012345", "more_info": "https://www.twilio.com/docs/errors/` +
		code + `", "status": ` + status + `}`
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	message := func(status, code string) string {
		return strings.NewReplacer("STATUS", status, `"error_code": null`, `"error_code": `+code).Replace(made)
	}
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"accepted":              {201, message("accepted", "null"), "sent"},
		"scheduled":             {201, message("scheduled", "null"), "sent"},
		"sending":               {201, message("sending", "null"), "sent"},
		"sent":                  {200, message("sent", "null"), "sent"},
		"delivered":             {201, message("delivered", "null"), "sent"},
		"failed":                {201, message("failed", "30008"), "plain"},
		"failed, no reason":     {201, message("failed", "null"), "plain"},
		"undelivered, landline": {201, message("undelivered", "30006"), "refused"},
		"failed, busy":          {201, message("failed", "30001"), "temporary"},
		"canceled":              {201, message("canceled", "null"), "plain"},
		"no such status":        {201, message("eaten", "null"), "unclear"},
		"no JSON":               {200, "<html>Welcome to the hotel</html>", "unclear"},
		"no message":            {200, "{}", "unclear"},
		"nothing":               {204, "", "unclear"},
		"a redirect":            {302, "", "plain"},
		"not valid":             {400, fault("400", "21211"), "refused"},
		"not reached":           {400, fault("400", "21214"), "refused"},
		"seems not valid":       {400, fault("400", "21217"), "refused"},
		"region":                {400, fault("400", "21408"), "refused"},
		"region, as 403":        {403, fault("403", "21408"), "refused"},
		"unsubscribed":          {400, fault("400", "21610"), "refused"},
		"not from here":         {400, fault("400", "21612"), "refused"},
		"no mobile":             {400, fault("400", "21614"), "refused"},
		"landline":              {400, fault("400", "21635"), "refused"},
		"invalid parameter":     {400, fault("400", "60200"), "refused"},
		"from is wrong":         {400, fault("400", "21212"), "plain"},
		"trial":                 {400, fault("400", "21608"), "plain"},
		"no code":               {400, "", "plain"},
		"queue is full":         {400, fault("400", "21611"), "temporary"},
		"credentials":           {401, fault("401", "20003"), "plain"},
		"forbidden":             {403, fault("403", "20005"), "plain"},
		"no such account":       {404, fault("404", "20404"), "plain"},
		"too many":              {429, fault("429", "20429"), "temporary"},
		"too many, bare":        {429, "", "temporary"},
		"its own outage":        {500, fault("500", "20500"), "temporary"},
		"unavailable":           {503, "<html>", "temporary"},
		"somebody between":      {500, "<html>", "unclear"},
		"gateway":               {502, "", "unclear"},
		"gateway's time":        {504, "", "unclear"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newSender(t, provider(t, fromNumber(), tc.status, tc.body)).Send(t.Context(), code)
			if got := kindOf(err); got != tc.want {
				t.Errorf("%s, want %s: %v", got, tc.want, err)
			}
			for _, secret := range []string{token, "012345", code.To} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%q is in %q", secret, err)
				}
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	dropping := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer dropping.Close()
	if err := newSender(t, dropping.URL).Send(t.Context(), code); kindOf(err) != "unclear" {
		t.Errorf("dropped: %v", err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hangUp()
		<-r.Context().Done()
	}))
	defer hanging.Close()
	if err := newSender(t, hanging.URL).Send(ctx, code); kindOf(err) != "unclear" {
		t.Errorf("hanging: %v", err)
	}
	if err := newSender(t, "https://"+strings.TrimPrefix(dropping.URL, "http://")).Send(t.Context(), code); kindOf(err) != "temporary" {
		t.Errorf("no TLS: %v", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := Options{AccountSID: sid, AuthToken: token, From: "Acme"}
	for name, change := range map[string]func(*Options){
		"":                       func(*Options) {},
		"base_url: not secret":   func(o *Options) { o.BaseURL = "http://api.example.com" },
		"base_url: not read":     func(o *Options) { o.BaseURL = "https://%zz" },
		"account_sid: missing":   func(o *Options) { o.AccountSID = "" },
		"auth_token: missing":    func(o *Options) { o.AuthToken = "" },
		"from: neither, nor one": func(o *Options) { o.From = "" },
	} {
		o := good
		change(&o)
		_, err := New(o)
		option, _, wrong := strings.Cut(name, ":")
		if (err != nil) != wrong || wrong && !strings.HasPrefix(err.Error(), "twilio: "+option+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := New(Options{AccountSID: "../../x", AuthToken: token, From: "Acme"})
	if err != nil || s.address != DefaultBaseURL+"/2010-04-01/Accounts/..%2F..%2Fx/Messages.json" {
		t.Errorf("%s, %v", s.address, err)
	}
}
