package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

type object = map[string]any

// answer is what came back. Where nothing did, or 503, nobody can say whether the request was carried out.
type answer struct {
	status  int
	body    object
	unknown bool
	took    time.Duration
	what    string // the request
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// is says whether the answer is known and of the status. What is neither unknown nor expected is a fault.
func (a answer) is(status int) bool { return !a.unknown && a.status == status }

// unexpected is the fault that an answer is.
func (a answer) unexpected() error {
	return fmt.Errorf("%s answered %d after %s: %v", a.what, a.status, a.took.Round(time.Millisecond), a.body)
}

// errOver: the test is over.
var errOver = errors.New("over")

// ask sends a request to a node that is up: the one of the number, or, with a negative one, any. A node that nobody listens
// at has got nothing, so another is asked. It fails only when the test is over, or no node is there for a long time.
func (w *world) ask(ctx context.Context, number int, method, path, token string, body any) (answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	begun := time.Now()
	for time.Since(begun) < patience {
		n := w.nodes[max(number, 0)%len(w.nodes)]
		if number < 0 {
			n = w.nodes[w.any(len(w.nodes))]
		}
		url := n.address()
		if url == "" {
			if err := rest(ctx, 10*time.Millisecond); err != nil {
				return answer{}, err
			}
			continue
		}
		a, err := w.send(ctx, url, method, path, token, text)
		a.what = method + " " + path + " at " + n.name
		var dial *net.OpError
		switch {
		case ctx.Err() != nil:
			return a, errOver
		case errors.As(err, &dial) && dial.Op == "dial":
			if err := rest(ctx, 10*time.Millisecond); err != nil {
				return a, err
			}
			continue
		case err != nil || a.status == http.StatusServiceUnavailable:
			a.unknown = true
			w.unknown.Add(1)
		default:
			w.known.Add(1)
		}
		return a, nil
	}
	return answer{}, fmt.Errorf("%s %s: no node has answered for %s", method, path, patience)
}

func (w *world) send(ctx context.Context, url, method, path, token string, text []byte) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return a, err
	}
	if string(text) == "null" {
		req.Body, req.ContentLength, req.GetBody = http.NoBody, 0, nil
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	begun := time.Now()
	resp, err := w.http.Do(req)
	a.took = time.Since(begun)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	a.status = resp.StatusCode
	read, err := io.ReadAll(resp.Body)
	if err == nil && len(read) > 0 && read[0] == '{' {
		err = json.Unmarshal(read, &a.body)
	}
	if err == nil && len(read) > 0 && read[0] == '[' {
		var list []any
		err = json.Unmarshal(read, &list)
		a.body = object{"list": list}
	}
	return a, err
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return errOver
	case <-time.After(d):
		return nil
	}
}
