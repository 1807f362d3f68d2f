package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/factor/webauthn"
)

// flask is what Flask-Security keeps, whatever its tables are called (models fsqla to fsqla_v3).
type flask struct {
	users, roles, links, keys []record
}

// add sorts a table by its columns.
func (f *flask) add(columns []string, rows []record) {
	switch {
	case has(columns, "email", "password", "active"):
		f.users = append(f.users, rows...)
	case has(columns, "user_id", "role_id"):
		f.links = append(f.links, rows...)
	case has(columns, "credential_id", "public_key", "user_id"):
		f.keys = append(f.keys, rows...)
	case has(columns, "id", "name") && !has(columns, "user_id"):
		f.roles = append(f.roles, rows...)
	}
}

func readFlaskSecurity(ctx context.Context, in Input) (r Read, err error) {
	if in.Secrets.PasswordSalt == "" && !in.Secrets.SingleHash {
		return r, errors.New("--secrets must give password_salt, which is SECURITY_PASSWORD_SALT; " +
			"or single_hash = true where SECURITY_PASSWORD_SINGLE_HASH is True")
	}
	var all flask
	for _, path := range in.Files {
		isDatabase, err := isSQLite(path)
		if err != nil {
			return r, err
		}
		if isDatabase {
			err = all.readDatabase(ctx, in, path)
		} else {
			err = all.readDump(ctx, in, path)
		}
		if err != nil {
			return r, err
		}
	}
	if len(all.users) == 0 {
		return r, errors.New("there is no table with the columns email, password and active, or it is empty")
	}
	return r, all.accounts(ctx, in, &r)
}

func (f *flask) readDatabase(ctx context.Context, in Input, path string) error {
	found, err := readSQLite(ctx, in, path, func(columns []string) bool {
		probe := flask{}
		probe.add(columns, []record{{}})
		return len(probe.users)+len(probe.roles)+len(probe.links)+len(probe.keys) > 0
	})
	if err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(found)) {
		if rows := found[table]; len(rows) > 0 {
			f.add(keysOf(rows[0]), rows)
		}
	}
	return nil
}

func keysOf(r record) (names []string) {
	for name := range r {
		names = append(names, name)
	}
	return names
}

// optional are columns that a row of users may leave out.
func optional(r record) []string {
	if _, ok := r["fs_uniquifier"]; ok {
		return []string{"password", "active"}
	}
	return nil
}

// accounts fails with ctx alone.
func (f *flask) accounts(ctx context.Context, in Input, r *Read) error {
	roleNames := map[string]string{}
	for _, role := range f.roles {
		roleNames[role.text("id")] = role.text("name")
	}
	roles, keys := map[string][]string{}, map[string][]record{}
	for _, l := range f.links {
		id := l.text("user_id")
		roles[id] = append(roles[id], roleNames[l.text("role_id")])
	}
	for _, k := range f.keys {
		keys[k.text("user_id")] = append(keys[k.text("user_id")], k)
	}
	for i, u := range f.users {
		if err := ctx.Err(); err != nil { // a seal may take a quarter of a second
			return err
		}
		id := u.text("id")
		at := "user " + id
		if id == "" {
			at = fmt.Sprintf("user %d of the list", i+1)
		}
		r.Accounts = append(r.Accounts, flaskAccount(in.Secrets, at, u, append(roles[id], embedded(u)...), keys[id]))
	}
	return nil
}

// embedded are the names of roles that a dump holds with its user.
func embedded(u record) (names []string) {
	list, _ := u["roles"].([]any)
	for _, item := range list {
		switch v := item.(type) {
		case string:
			names = append(names, v)
		case map[string]any:
			names = append(names, record(v).text("name"))
		}
	}
	return names
}

func flaskAccount(s Secrets, at string, u record, roles []string, keys []record) Account {
	a := Account{
		At: at, Ref: u.text("fs_uniquifier"), Username: u.text("username"), Email: u.text("email"),
		EmailConfirmedAt: u.time("confirmed_at"), EmailConfirmed: !u.time("confirmed_at").IsZero(),
		Disabled: !u.truth("active", true), Created: u.time("create_datetime"), Handle: []byte(u.text("fs_webauthn_user_handle")),
	}
	if a.Ref == "" {
		a.Ref = strings.ToLower(a.Email)
	}
	if strings.EqualFold(a.Username, a.Email) {
		a.Username = ""
	}
	slices.Sort(roles)
	a.Groups = slices.DeleteFunc(slices.Compact(roles), func(name string) bool { return name == "" })
	a.PasswordHash = flaskHash(s, u.text("password"))
	a.flaskSecrets(s, u)
	a.flaskCodes(s, u.text("mf_recovery_codes"))
	for _, k := range keys {
		a.flaskKey(k)
	}
	return a
}

// flaskHash says how a hash was made: all but Django's are of the password's HMAC, unless single_hash is set.
func flaskHash(s Secrets, hash string) string {
	if hash == "" || s.SingleHash || !strings.HasPrefix(hash, "$") {
		return hash
	}
	return password.Double(s.PasswordSalt, hash)
}

// flaskSecrets adds what the second step (tf_…) and unified sign-in (us_…) ask for.
func (a *Account) flaskSecrets(s Secrets, u record) {
	switch method := u.text("tf_primary_method"); method {
	case "", "none":
	case "authenticator":
		a.flaskApp(s, u.text("tf_totp_secret"))
	case "sms":
		a.add(Factor{Kind: sentcode.SMS, To: u.text("tf_phone_number")})
	case "email", "mail":
		a.add(Factor{Kind: sentcode.Email, To: a.Email})
	default:
		a.leave("the second step", fmt.Errorf("its method %.20q is none that is known", method), true)
	}
	text := u.text("us_totp_secrets")
	if text == "" {
		return
	}
	var unified map[string]string
	if json.Unmarshal([]byte(text), &unified) != nil {
		a.leave("us_totp_secrets", errors.New("it is no JSON object of texts"), true)
		return
	}
	for _, method := range slices.Sorted(maps.Keys(unified)) {
		switch method {
		case "authenticator":
			a.flaskApp(s, unified[method])
		case "sms":
			a.add(Factor{Kind: sentcode.SMS, To: u.text("us_phone_number")})
		case "email": // a way to sign in without a password, which is none here
		default:
			a.leave("us_totp_secrets", fmt.Errorf("its method %.20q is none that is known", method), true)
		}
	}
}

// add adds a factor, once.
func (a *Account) add(f Factor) {
	same := func(o Factor) bool {
		if o.Kind != f.Kind {
			return false
		}
		if f.TOTP != nil {
			return o.TOTP != nil && string(o.TOTP.Secret) == string(f.TOTP.Secret)
		}
		return f.To != "" && o.To == f.To
	}
	if !slices.ContainsFunc(a.Factors, same) {
		a.Factors = append(a.Factors, f)
	}
}

func (a *Account) leave(what string, why error, guards bool) {
	a.Left = append(a.Left, Left{At: a.At, What: what, Why: why.Error(), Guards: guards})
}

func (a *Account) flaskApp(s Secrets, text string) {
	uri, err := passlibTOTP(s.TOTPSecrets, text)
	if err != nil {
		a.leave("totp", err, true)
		return
	}
	a.add(Factor{Kind: totp.ByTime, TOTP: uri})
}

// flaskCodes adds the recovery codes that are left: a list joined by commas, each plain or sealed by Fernet.
func (a *Account) flaskCodes(s Secrets, list string) {
	if list == "" {
		return
	}
	var codes []string
	for _, text := range strings.Split(list, ",") {
		code, err := fernetCode(s.RecoveryKeys, strings.TrimSpace(text))
		if err != nil {
			a.leave("recovery codes", err, false)
			return
		}
		codes = append(codes, code)
	}
	a.Factors = append(a.Factors, Factor{Kind: recovery.Kind, Codes: codes})
}

// flaskKey adds a row of the WebAuthn table.
func (a *Account) flaskKey(k record) {
	name := k.text("name")
	what := fmt.Sprintf("%s %q", webauthn.Kind, name)
	id, idErr := k.bytes("credential_id")
	public, publicErr := k.bytes("public_key")
	if err := errors.Join(idErr, publicErr); err != nil {
		a.leave(what, err, true)
		return
	}
	first := k.text("usage") == "first"
	c := webauthn.Credential{
		ID: id, PublicKey: public, Counter: uint32(k.number("sign_count")), //nolint:gosec // 32 bits by its standard
		Transports:     strings.FieldsFunc(k.text("transports"), func(r rune) bool { return r == ',' }),
		BackupEligible: k.text("device_type") == "multi_device", BackedUp: k.truth("backup_state", false),
		Discoverable: first && strings.Contains(strings.ReplaceAll(k.text("extensions"), " ", ""), `"rk":true`),
	}
	a.Factors = append(a.Factors, Factor{
		Kind: webauthn.Kind, Label: name, Key: &c, Created: k.time("create_datetime"), LastUsed: k.time("lastuse_datetime"),
	})
}
