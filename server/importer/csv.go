package importer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// columns are what the header row may name, in any order. username or email must be there.
var columns = []string{
	"username", "email", "password_hash", "groups", "kind", "label", "secret", "algorithm", "digits", "period", "counter",
}

// row is one line by the names of its columns.
type row map[string]string

// readCSV reads a table with a header row. Several rows of one account are several factors of it; what they say of the
// account itself stands in one of them, or alike in several.
func readCSV(ctx context.Context, in Input) (r Read, err error) {
	for _, path := range in.Files {
		text, err := readFile(path, maxText)
		if err != nil {
			return Read{}, err
		}
		if err := readTable(ctx, in, path, text, &r); err != nil {
			return Read{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	return r, nil
}

func readTable(ctx context.Context, in Input, path string, text []byte, r *Read) error {
	table := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	table.FieldsPerRecord = -1
	header, err := table.Read()
	if err != nil {
		return tableError(err)
	}
	if err := checkHeader(header); err != nil {
		return err
	}
	accounts, err := groupRows(ctx, in, path, table, header, r)
	for _, g := range accounts {
		g.read(r)
	}
	return err
}

// groupRows gathers the rows of each account, in the order of their first ones.
func groupRows(
	ctx context.Context, in Input, path string, table *csv.Reader, header []string, r *Read,
) (accounts []*rowsOf, err error) {
	byName := map[string]*rowsOf{}
	for {
		cells, err := table.Read()
		if errors.Is(err, io.EOF) {
			return accounts, nil
		}
		if err != nil {
			return nil, tableError(err)
		}
		if err := in.rows.row(ctx); err != nil {
			return nil, err
		}
		line, _ := table.FieldPos(0)
		at := in.place(path, "line "+strconv.Itoa(line))
		if len(cells) != len(header) {
			r.refuse(at, "", fmt.Errorf("it has %d cells, the header has %d", len(cells), len(header)))
			continue
		}
		values := row{}
		for i, cell := range cells {
			values[header[i]] = strings.TrimSpace(cell)
		}
		name := strings.ToLower(values["username"])
		if name == "" {
			name = strings.ToLower(values["email"])
		}
		if name == "" {
			r.refuse(at, "", errors.New("it has neither username nor email"))
			continue
		}
		if byName[name] == nil {
			byName[name] = &rowsOf{}
			accounts = append(accounts, byName[name])
		}
		byName[name].at, byName[name].rows = append(byName[name].at, at), append(byName[name].rows, values)
	}
}

func tableError(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty; the first line must be the header")
	}
	var at *csv.ParseError
	if errors.As(err, &at) {
		return fmt.Errorf("line %d: %w", at.Line, at.Err)
	}
	return err
}

func checkHeader(header []string) error {
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
		if !slices.Contains(columns, header[i]) {
			return fmt.Errorf("the header has the column %.40q; allowed are %s", header[i], strings.Join(columns, ","))
		}
		if slices.Contains(header[:i], header[i]) {
			return fmt.Errorf("the header has the column %s twice", header[i])
		}
	}
	if !slices.Contains(header, "username") && !slices.Contains(header, "email") {
		return errors.New("the header has neither username nor email")
	}
	return nil
}

// rowsOf are the rows of one account.
type rowsOf struct {
	at   []string
	rows []row
}

// fits says how a row speaks of another account than the rows before it, or nil. What it leaves empty they said.
func fits(first, later row) error {
	for _, column := range []string{"username", "email", "password_hash", "groups"} {
		before, now := first[column], later[column]
		same := before == now || column != "password_hash" && strings.EqualFold(before, now)
		if now != "" && before != "" && !same {
			return fmt.Errorf("the name is taken by an earlier line, which has another %s", column)
		}
	}
	return nil
}

func (g rowsOf) read(r *Read) {
	a := Account{At: g.at[0]}
	whole := row{}
	for i, cells := range g.rows {
		if err := fits(whole, cells); err != nil {
			r.refuse(g.at[i], cells["username"], err)
			continue
		}
		for column, value := range cells {
			if whole[column] == "" {
				whole[column] = value
			}
		}
		f, err := factorOf(cells)
		switch {
		case err != nil:
			a.Left = append(a.Left, Left{At: g.at[i], What: cells["kind"], Why: err.Error(), Guards: true})
		case f.Kind != "":
			f.At = g.at[i]
			a.Factors = append(a.Factors, f)
		case i > 0:
			r.refuse(g.at[i], cells["username"], errors.New("it names no factor, and an earlier line has the account"))
		}
	}
	a.Username, a.Email, a.PasswordHash = whole["username"], whole["email"], whole["password_hash"]
	a.Groups = strings.FieldsFunc(whole["groups"], func(r rune) bool { return strings.ContainsRune(";,| \t", r) })
	// The same line again is the same account; another one of that name is somebody else's.
	a.Ref = strings.ToLower(a.Name()+" "+a.Email) + " " + a.PasswordHash
	// Without a password it hands a factor out to somebody who is there.
	a.Adds = a.PasswordHash == "" && a.Email == "" && len(a.Groups) == 0
	a.MayExist = !a.Adds && a.PasswordHash == "" && len(a.Groups) == 0 && len(a.Factors)+len(a.Left) > 0
	r.Accounts = append(r.Accounts, a)
}

// factorOf is the factor of a row; one without a kind has none.
func factorOf(cells row) (Factor, error) {
	f := Factor{Kind: factor.Kind(cells["kind"]), Label: cells["label"]}
	switch f.Kind {
	case "":
		if cells["secret"] != "" {
			return f, errors.New("it has a secret and no kind")
		}
		return f, nil
	case totp.ByTime, totp.ByCounter:
		uri, err := uriOf(cells)
		f.TOTP = uri
		return f, err
	case sentcode.Email, sentcode.SMS:
		f.To = cells["secret"]
		if f.Kind == sentcode.SMS && f.To == "" {
			return f, errors.New("secret is empty; for sms it is the number")
		}
		return f, nil
	}
	return f, fmt.Errorf("there is no kind %.20q that a table can hold; allowed are totp, hotp, email, sms", string(f.Kind))
}

// uriOf is the authenticator app or token of a row.
func uriOf(cells row) (*totp.URI, error) {
	secret, err := totp.ParseSecret(cells["secret"])
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	uri := &totp.URI{Kind: factor.Kind(cells["kind"])}
	uri.Secret = secret
	uri.Algorithm = totp.Algorithm(strings.ReplaceAll(strings.ToUpper(cells["algorithm"]), "-", ""))
	for column, into := range map[string]*int{"digits": &uri.Digits, "period": &uri.Period} {
		if text := cells[column]; text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%s is %.20q, which is no number above zero", column, text)
			}
			*into = n
		}
	}
	if text := cells["counter"]; text != "" && uri.Kind == totp.ByCounter {
		if uri.Counter, err = strconv.ParseUint(text, 10, 63); err != nil {
			return nil, fmt.Errorf("counter is %.20q, which is no number", text)
		}
	}
	if uri.Kind == totp.ByCounter {
		uri.Period = 0
	}
	return uri, nil
}
