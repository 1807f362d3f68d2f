package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/internal/post"
)

// answer is what counts of a message resource, or of an error: https://www.twilio.com/docs/usage/twilios-response.
// Twilio's own sentences are not kept, since they quote the number.
type answer struct {
	SID       string          `json:"sid"`        // of a message
	Status    json.RawMessage `json:"status"`     // of a message: a word; of an error: the HTTP status
	ErrorCode int             `json:"error_code"` // of a message
	Code      int             `json:"code"`       // of an error
}

// word is the status of a message.
func (a answer) word() string {
	var s string
	_ = json.Unmarshal(a.Status, &s)
	return s
}

// judge says what an answer means. nil: Twilio has taken the message over.
func judge(a post.Answer) error {
	var body answer
	understood := json.Unmarshal(a.Body, &body) == nil
	switch {
	case a.Status >= 200 && a.Status < 300:
		if !understood || body.SID == "" {
			return deliver.Unclear(fmt.Errorf("twilio: status %d, and an answer that is no message", a.Status))
		}
		return judgeMessage(body)
	case a.Status == http.StatusTooManyRequests || isBusy(body.Code):
		return deliver.Temporary(failure(a.Status, body.Code, "too many requests"))
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden && !isNumberFault(body.Code):
		return failure(a.Status, body.Code, "the account or its token is refused: check account_sid and auth_token")
	case a.Status >= 500:
		// Twilio's own error, or a 503, says that nothing was made. Anything else may be said by somebody between.
		if understood && body.Code != 0 || a.Status == http.StatusServiceUnavailable {
			return deliver.Temporary(failure(a.Status, body.Code, "an outage"))
		}
		return deliver.Unclear(failure(a.Status, body.Code, "an outage"))
	case isNumberFault(body.Code):
		return deliver.Refused(failure(a.Status, body.Code, "the number is refused"))
	}
	return failure(a.Status, body.Code, "the request is refused: check from, messaging_service_sid and the account")
}

// judgeMessage reads the status of a message that was made.
func judgeMessage(a answer) error {
	switch a.word() {
	case "accepted", "scheduled", "queued", "sending", "sent", "delivered", "read", "receiving", "received", "partially_delivered":
		return nil
	case "failed", "undelivered", "canceled":
		err := failure(http.StatusCreated, a.ErrorCode, "the message was not sent")
		switch {
		case isNumberFault(a.ErrorCode):
			return deliver.Refused(err)
		case isBusy(a.ErrorCode):
			return deliver.Temporary(err)
		}
		return err
	}
	return deliver.Unclear(errors.New("twilio: the message has a status that is unknown"))
}

func failure(status, code int, what string) error {
	if code == 0 {
		return fmt.Errorf("twilio: %s (status %d)", what, status)
	}
	return fmt.Errorf("twilio: %s (status %d, code %d, see https://www.twilio.com/docs/errors/%d)", what, status, code, code)
}

// isNumberFault: nothing but another number helps the person.
func isNumberFault(code int) bool {
	switch code {
	case 21211, // invalid To
		21214,        // To cannot be reached
		21217, 21421, // not valid
		21408,        // sending to its region is not enabled
		21610,        // its owner unsubscribed
		21612,        // not reachable from this sender
		21614,        // no mobile number
		21635,        // a landline
		30003,        // the handset cannot be reached
		30004,        // blocked
		30005,        // unknown
		30006,        // a landline, or a carrier that cannot be reached
		60200, 60205: // invalid; a landline
		return true
	}
	return false
}

// isBusy: the same request may work later.
func isBusy(code int) bool {
	switch code {
	case 20429, // too many requests
		21611, // the sender's queue is full
		30001, // the same, told by the message
		30022: // the rate of a campaign
		return true
	}
	return false
}
