package importer

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/factor/webauthn"
)

// authelia is what Authelia keeps: the storage database, whose secrets are sealed, and the users file.
type authelia struct {
	apps, keys, owners map[string][]record // by the user's name
	users              map[string]yamlNode
	hasUsers           bool
}

func readAuthelia(ctx context.Context, in Input) (r Read, err error) {
	a := authelia{apps: map[string][]record{}, keys: map[string][]record{}, owners: map[string][]record{}, users: map[string]yamlNode{}}
	for _, path := range in.Files {
		isDatabase, err := isSQLite(path)
		if err != nil {
			return r, err
		}
		if isDatabase {
			err = a.readStorage(ctx, in, path)
		} else {
			err = a.readUsers(ctx, in, path)
		}
		if err != nil {
			return r, err
		}
	}
	if len(a.apps)+len(a.keys) > 0 && in.Secrets.EncryptionKey == "" {
		return r, errors.New("--secrets must give encryption_key, which is storage.encryption_key")
	}
	key := sha256.Sum256([]byte(in.Secrets.EncryptionKey))
	for i, name := range slices.Sorted(maps.Keys(a.names())) {
		if i%256 == 0 && ctx.Err() != nil {
			return r, ctx.Err()
		}
		account := a.account(name)
		if a.hasUsers && account.Adds {
			r.refuse(account.At, name, errors.New("it is in the database and not in the users file"))
			continue
		}
		a.factors(key, name, &account)
		r.Accounts = append(r.Accounts, account)
	}
	if len(r.Accounts)+len(r.Refused) == 0 {
		return r, errors.New("there is neither a user nor a second factor in these files")
	}
	return r, nil
}

func (a *authelia) readStorage(ctx context.Context, in Input, path string) error {
	isApp := func(c []string) bool { return has(c, "username", "secret", "digits", "period", "algorithm") }
	isKey := func(c []string) bool { return has(c, "username", "kid", "public_key", "sign_count", "rpid") }
	isOwner := func(c []string) bool { return has(c, "username", "rpid", "userid") }
	found, err := readSQLite(ctx, in, path, func(c []string) bool { return isApp(c) || isKey(c) || isOwner(c) })
	if err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(found)) {
		rows := found[table]
		if len(rows) == 0 || strings.HasPrefix(table, "_bkp") {
			continue
		}
		switch columns := keysOf(rows[0]); {
		case isApp(columns):
			byUser(a.apps, rows)
		case isKey(columns):
			byUser(a.keys, rows)
		default:
			byUser(a.owners, rows)
		}
	}
	return nil
}

// byUser adds rows to those of their users.
func byUser(of map[string][]record, rows []record) {
	for _, r := range rows {
		name := r.text("username")
		of[name] = append(of[name], r)
	}
}

func (a *authelia) readUsers(ctx context.Context, in Input, path string) error {
	text, err := readFile(path, maxUsers)
	if err != nil {
		return err
	}
	tree, err := parseYAML(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	users, ok := tree.fields["users"]
	if !ok || users.fields == nil {
		return fmt.Errorf("%s is neither a SQLite database nor a file with users", path)
	}
	for name, u := range users.fields {
		if err := in.rows.row(ctx); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		a.users[name] = u
	}
	a.hasUsers = true
	return nil
}

// names are those of all users, in either place.
func (a *authelia) names() map[string]bool {
	names := map[string]bool{}
	for name := range a.users {
		names[name] = true
	}
	for _, of := range []map[string][]record{a.apps, a.keys} {
		for name := range of {
			names[name] = true
		}
	}
	return names
}

// account is a user of the file; one who is not there has factors alone (Authelia asks a directory about it).
func (a *authelia) account(name string) Account {
	u, ok := a.users[name]
	if !ok {
		return Account{At: "user " + name, Username: name, Adds: true}
	}
	out := Account{
		At: fmt.Sprintf("user %s, line %d", name, u.line), Ref: strings.ToLower(name), Username: name,
		Email: u.fields["email"].text, Disabled: yes(u.fields["disabled"].text),
		PasswordHash: strings.TrimPrefix(u.fields["password"].text, "{CRYPT}"),
	}
	for _, g := range u.fields["groups"].items {
		out.Groups = append(out.Groups, g.text)
	}
	out.EmailConfirmed = out.Email != "" // its operator wrote it
	if strings.EqualFold(out.Username, out.Email) {
		out.Username = ""
	}
	return out
}

// factors adds what the database has of a user.
func (a *authelia) factors(key [32]byte, name string, to *Account) {
	for _, r := range a.apps[name] {
		uri, err := autheliaApp(key, r)
		if err != nil {
			to.leave("totp", err, true)
			continue
		}
		to.Factors = append(to.Factors, Factor{
			Kind: totp.ByTime, TOTP: uri, Created: r.time("created_at"), LastUsed: r.time("last_used_at"),
		})
	}
	for _, r := range a.keys[name] {
		c, err := autheliaKey(key, r)
		if err != nil {
			to.leave(fmt.Sprintf("%s %q", webauthn.Kind, r.text("description")), err, true)
			continue
		}
		to.Factors = append(to.Factors, Factor{
			Kind: webauthn.Kind, Key: c, Label: r.text("description"), Created: r.time("created_at"), LastUsed: r.time("last_used_at"),
		})
	}
	for _, r := range a.owners[name] {
		if len(to.Handle) == 0 {
			to.Handle = []byte(r.text("userid"))
		}
	}
}

// autheliaOpen opens what Authelia sealed up to schema 24: AES-256-GCM, whose key is SHA-256 of the encryption key, as
// nonce, text and tag.
func autheliaOpen(key [32]byte, r record, column string) ([]byte, error) {
	var sealed []byte
	switch v := r[column].(type) {
	case []byte:
		sealed = v
	case string:
		sealed = []byte(v)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("%s is missing", column)
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened: encryption_key is another, or a newer Authelia has sealed it", column)
	}
	return plain, nil
}

func autheliaApp(key [32]byte, r record) (*totp.URI, error) {
	plain, err := autheliaOpen(key, r, "secret")
	if err != nil {
		return nil, err
	}
	uri := &totp.URI{Kind: totp.ByTime}
	if uri.Secret, err = totp.ParseSecret(string(plain)); err != nil {
		return nil, err
	}
	if uri.Algorithm, err = totp.ParseAlgorithm(r.text("algorithm")); err != nil {
		return nil, err
	}
	uri.Digits, uri.Period = int(r.number("digits")), int(r.number("period"))
	return uri, nil
}

func autheliaKey(key [32]byte, r record) (*webauthn.Credential, error) {
	public, err := autheliaOpen(key, r, "public_key")
	if err != nil {
		return nil, err
	}
	id, err := unbase64(r.text("kid"))
	if err != nil {
		return nil, fmt.Errorf("kid %w", err)
	}
	aaguid, err := hex.DecodeString(strings.ReplaceAll(r.text("aaguid"), "-", ""))
	if err != nil {
		return nil, errors.New("aaguid is no UUID")
	}
	return &webauthn.Credential{
		ID: id, PublicKey: public, RPID: r.text("rpid"), AAGUID: aaguid,
		Counter:      uint32(r.number("sign_count")), //nolint:gosec // 32 bits by its standard
		Transports:   strings.FieldsFunc(r.text("transport"), func(r rune) bool { return r == ',' }),
		Discoverable: r.truth("discoverable", false), Verified: r.truth("verified", false),
		BackupEligible: r.truth("backup_eligible", false), BackedUp: r.truth("backup_state", false),
	}, nil
}
