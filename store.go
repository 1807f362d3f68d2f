package nightlatch

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// What a Store answers. Any other error means that the store is not to be relied on now; the engine then
// answers ErrUnavailable and lets nobody in.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the record was changed or removed meanwhile, or one with the same unique value exists.
	ErrConflict = errors.New("conflict")
)

// Store keeps the engine's records. sqlstore is one; storetest tells what every other must do.
//
// A commit is durable when Tx returns: it survives the death of the process and of the machine. Times are kept
// to the microsecond, in UTC; the zero time stays zero.
type Store interface {
	// View runs f on what is committed. It never waits for a writer. f may be run again. A Reader that has the method
	// Within(context.Context) context.Context is asked by it for the ctx with which the users of the application are
	// read meanwhile: a store that keeps those too can read them from the same connection.
	View(ctx context.Context, f func(r Reader) error) error

	// Tx runs f in one transaction and commits when f returns nil; else, and when f panics, nothing of it
	// stays. It returns f's error as it is. Transactions that touch the same user do not overlap: one waits
	// for the other, or is rolled back and f runs again, so f must have no effects but its writes. The ctx
	// that f gets carries the transaction: Tx with that ctx joins it.
	Tx(ctx context.Context, f func(ctx context.Context, tx Tx) error) error
}

// Reader finds records. A Find… within a Tx also locks what it reads until the Tx ends.
// Find… returns ErrNotFound; …Of returns an empty list.
type Reader interface {
	FindUser(ctx context.Context, user string) (UserRecord, error)
	// AuthenticatorsOf returns all of a user, the oldest first.
	AuthenticatorsOf(ctx context.Context, user string) ([]AuthenticatorRecord, error)
	// HoldingsOf returns what each of several users holds, in no order. It asks little more for a page of users than for
	// one of them.
	HoldingsOf(ctx context.Context, users []string) ([]Holding, error)
	// FindLookup finds an authenticator by its kind and its non-empty Lookup.
	FindLookup(ctx context.Context, kind factor.Kind, lookup string) (AuthenticatorRecord, error)
	// FindSignIn and FindSession find by the hash of the token.
	FindSignIn(ctx context.Context, token string) (SignInRecord, error)
	FindSession(ctx context.Context, token string) (SessionRecord, error)
	// SessionsOf returns all of a user, the last used first.
	SessionsOf(ctx context.Context, user string) ([]SessionRecord, error)
	FindPending(ctx context.Context, id string) (PendingRecord, error)
	// PendingsOf returns all of a sign-in or session, by its ID, the newest first. Whose it is is not known where there is
	// none: who decides on that has locked the user before.
	PendingsOf(ctx context.Context, owner string) ([]PendingRecord, error)
	ThrottlesOf(ctx context.Context, subject string) ([]ThrottleRecord, error)
	// EventsOf returns at most limit events of a user with Seq below before (0: the newest), newest first.
	EventsOf(ctx context.Context, user string, before int64, limit int) ([]EventRecord, error)
	// MessagesDue returns at most limit messages whose DueAt is not after now, the oldest first.
	MessagesDue(ctx context.Context, now time.Time, limit int) ([]MessageRecord, error)
	// FindDevice finds by the hash of the token.
	FindDevice(ctx context.Context, token string) (DeviceRecord, error)
	// DevicesOf returns all of a user, the last used first.
	DevicesOf(ctx context.Context, user string) ([]DeviceRecord, error)
	// FindLink finds by the hash of the token.
	FindLink(ctx context.Context, token string) (LinkRecord, error)
	// LinksOf returns all of a user, the newest first.
	LinksOf(ctx context.Context, user string) ([]LinkRecord, error)
	// UsersAfter returns at most limit users whose id is greater than user, in the order of their ids.
	UsersAfter(ctx context.Context, user string, limit int) ([]UserRecord, error)
	// FindEvents returns at most limit events that q fits, the newest first: with q.User by their Seq, else by their At
	// and, within one, by their User and Seq.
	FindEvents(ctx context.Context, q EventQuery, limit int) ([]EventRecord, error)
	// SealedAfter returns at most limit records of one of SealedTables whose sealed value does not begin with except and
	// whose key is greater than after, in the order of their keys.
	SealedAfter(ctx context.Context, table, after string, except []byte, limit int) ([]SealedRecord, error)
	// CountSealed counts the records of each of SealedTables, and of "events", by their key.
	CountSealed(ctx context.Context) ([]SealedCount, error)
	// Epoch is a number that RaiseEpoch raises. A cache of sessions reads it and forgets all when it moved.
	Epoch(ctx context.Context) (int64, error)
}

// Tx is a Reader that also writes.
type Tx interface {
	Reader

	// Put inserts a record whose Revision is 0, and else replaces the one with the same key and that Revision;
	// the kept record's Revision is one more. It returns ErrConflict when there is no such one, or when a
	// unique value is taken. An EventRecord is only ever inserted.
	Put(ctx context.Context, r Record) error

	// Delete removes the record with the same key and Revision, else it returns ErrConflict. Deleting a
	// UserRecord removes everything of that user but the events and the
	// messages.
	Delete(ctx context.Context, r Record) error

	// PutSealed puts box in the place of r.Box where that still stands at r.Revision, else it returns ErrConflict. The
	// Revision stays, since what is sealed is the same.
	PutSealed(ctx context.Context, r SealedRecord, box []byte) error

	// RaiseEpoch makes the Epoch larger.
	RaiseEpoch(ctx context.Context) error

	// Expire removes at most limit records of each type whose ExpiresAt is neither zero nor after now, and
	// returns how many it removed. Authenticators are removed too.
	Expire(ctx context.Context, now time.Time, limit int) (int, error)
}

// Record is what a Tx writes, by value: a UserRecord, AuthenticatorRecord, SignInRecord, SessionRecord, PendingRecord,
// ThrottleRecord, EventRecord, MessageRecord, DeviceRecord or LinkRecord.
type Record interface{ record() }

// UserRecord is what the engine keeps of a user, made at first sight. Key: User.
type UserRecord struct {
	User     string
	Sealed   []byte
	Revision int64
}

// AuthenticatorRecord is one enrolled authenticator. Key: ID. Unique: Kind and Lookup where Lookup is not
// empty; User and LabelKey where LabelKey is not empty.
type AuthenticatorRecord struct {
	ID         string
	User       string
	Kind       factor.Kind
	Label      string
	LabelKey   string // Label as it is compared
	Sealed     []byte
	Lookup     string
	Preferred  bool
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time // zero: never
	Allows     factor.Allows
	Revision   int64
}

// Holding is that a user holds an authenticator of a kind, without what is in it.
type Holding struct {
	User      string
	Kind      factor.Kind
	Allows    factor.Allows
	ExpiresAt time.Time // zero: never
}

// SignInRecord is an unfinished sign-in. Key: ID. Unique: Token.
type SignInRecord struct {
	ID        string
	Token     string // the hash of the token
	User      string
	Data      []byte
	CreatedAt time.Time
	ExpiresAt time.Time
	Revision  int64
}

// SessionRecord is a finished sign-in. Key: ID. Unique: Token.
type SessionRecord struct {
	ID         string
	Token      string // the hash of the token; it changes at every step up, the ID does not
	User       string
	Data       []byte
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
	Revision   int64
}

// PendingRecord is an enrollment or a challenge that waits for its response. Key: ID.
type PendingRecord struct {
	ID        string
	Owner     string // the ID of the sign-in or session that it belongs to
	User      string
	Kind      factor.Kind
	Purpose   factor.Purpose
	Sealed    []byte
	CreatedAt time.Time
	ExpiresAt time.Time
	Revision  int64
}

// ThrottleRecord counts the wrong tries of one subject (a user, an unknown name, an address) with one kind.
// Key: Subject and Kind. The Subject of a user is "user:" and the id, and goes with the UserRecord.
type ThrottleRecord struct {
	Subject   string
	Kind      factor.Kind
	Data      []byte
	ExpiresAt time.Time
	Revision  int64
}

// EventRecord is a line of a user's trail. Key: User and Seq, which counts from 1 without a gap.
type EventRecord struct {
	User string
	Seq  int64
	At   time.Time
	Name string
	Data []byte // JSON
	MAC  []byte // over this event and the MAC of the one before
}

// MessageRecord is a mail to an owner that is still to be sent. Key: ID.
type MessageRecord struct {
	ID        string
	User      string
	Sealed    []byte
	DueAt     time.Time // when to try next
	ExpiresAt time.Time
	Revision  int64
}

// DeviceRecord is a remembered browser. Key: ID. Unique: Token.
type DeviceRecord struct {
	ID         string
	Token      string // the hash of the part of the token that stays
	User       string
	Sealed     []byte
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
	Revision   int64
}

// LinkRecord is the link of a mail. Key: Token.
type LinkRecord struct {
	Token     string // the hash of the token
	User      string
	Purpose   string
	Sealed    []byte
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero: not yet
	Revision  int64
}

// EventQuery chooses events among those of all users. The zero EventQuery chooses all.
type EventQuery struct {
	User, Name string // "" = any
	// What an earlier answer ended with, to page on: its At, User and Seq. A zero Before begins with the newest,
	// whatever the others say.
	Before     time.Time
	BeforeUser string
	BeforeSeq  int64
}

func (UserRecord) record()          {}
func (AuthenticatorRecord) record() {}
func (SignInRecord) record()        {}
func (SessionRecord) record()       {}
func (PendingRecord) record()       {}
func (ThrottleRecord) record()      {}
func (EventRecord) record()         {}
func (MessageRecord) record()       {}
func (DeviceRecord) record()        {}
func (LinkRecord) record()          {}
