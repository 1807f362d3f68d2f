package deliver_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

// provider is what a company's own SMS service might look like.
type provider struct{}

var errNumberBlocked = errors.New("number blocked")

func (provider) SendText(_ context.Context, number, text string) error {
	fmt.Printf("to %s: %s\n", number, text)
	return nil
}

// ownSMS is an own sender of SMS: it hands messages over, and says in this package's words what went wrong.
type ownSMS struct{ provider provider }

func (s ownSMS) Send(ctx context.Context, m factor.Message) error {
	err := s.provider.SendText(ctx, m.To, m.Text)
	switch {
	case errors.Is(err, errNumberBlocked):
		return deliver.Refused(err) // the person is asked to check the number
	case errors.Is(err, context.DeadlineExceeded):
		return deliver.Unclear(err) // it may have gone out: a code is not sent twice
	}
	return deliver.Temporary(err) // not sent, try again; nil stays nil
}

func ExampleSender_sms() {
	var sms deliver.Sender = ownSMS{provider{}}
	err := deliver.Retry(sms, deliver.Retries{}).Send(context.Background(), factor.Message{
		Kind: "sms", To: "+4915123456712", Text: "Example: 012345 is your code to sign in.", Once: true,
	})
	fmt.Println(err)
	// Output:
	// to +4915123456712: Example: 012345 is your code to sign in.
	// <nil>
}

func ExampleSender_mail() {
	// An own sender of mails, as a function: a queue, an API, another program.
	var mail deliver.Sender = deliver.Func(func(_ context.Context, m factor.Message) error {
		fmt.Printf("to %s: %s\n", m.To, m.Subject)
		return nil
	})
	err := mail.Send(context.Background(), factor.Message{
		Kind: "email", To: "ada@example.com", Subject: "Your code to sign in to Example", Text: "012345", HTML: "<p>012345</p>",
	})
	fmt.Println(err)
	// Output:
	// to ada@example.com: Your code to sign in to Example
	// <nil>
}

func ExampleFailover() {
	first := deliver.Func(func(context.Context, factor.Message) error {
		return deliver.Temporary(errors.New("the first provider has an outage"))
	})
	second := deliver.Func(func(_ context.Context, m factor.Message) error {
		fmt.Println("the second sends to", m.To)
		return nil
	})
	sms := deliver.Failover(deliver.Retry(first, deliver.Retries{Backoff: 1}), second)
	fmt.Println(sms.Send(context.Background(), factor.Message{Kind: "sms", To: "+4915123456712"}))
	// Output:
	// the second sends to +4915123456712
	// <nil>
}
