package nightlatchtest

import (
	"context"
	"sync"

	"github.com/nightlatch/nightlatch"
)

// Users are users in memory, for tests without an application's own. They may be used by many goroutines at once.
type Users struct {
	mutex sync.Mutex
	byID  map[string]nightlatch.User
}

var _ nightlatch.Users = (*Users)(nil)

// NewUsers makes them.
func NewUsers(users ...nightlatch.User) *Users {
	all := &Users{byID: map[string]nightlatch.User{}}
	for _, u := range users {
		all.Put(u)
	}
	return all
}

// Put adds a user, or puts it in the place of the one with the same id.
func (u *Users) Put(user nightlatch.User) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.byID[user.ID] = user
}

// FindUser returns the user with that id, or nightlatch.ErrNotFound.
func (u *Users) FindUser(_ context.Context, id string) (nightlatch.User, error) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	user, ok := u.byID[id]
	if !ok {
		return nightlatch.User{}, nightlatch.ErrNotFound
	}
	return user, nil
}
