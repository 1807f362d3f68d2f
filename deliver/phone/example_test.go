package phone_test

import (
	"fmt"

	"github.com/nightlatch/nightlatch/deliver/phone"
	"github.com/nightlatch/nightlatch/factor/sentcode"
)

// Codes by SMS to numbers of two countries.
func ExampleParser() {
	parse := phone.Parser([]string{"DE", "AT"})
	texts := sentcode.NewSMS(sentcode.Options{ParsePhone: parse})
	fmt.Println(texts.Info().Kind)

	number, spoken, err := parse("+49 (1512) 345-6712", "en")
	fmt.Println(number, spoken, err)
	_, _, err = parse("+44 7400 123456", "en")
	fmt.Println(err)
	// Output:
	// sms
	// +4915123456712 Germany, +49 1512 3456712 <nil>
	// phone: no number that an SMS may be sent to
}
