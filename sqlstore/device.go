package sqlstore

import (
	"context"

	"github.com/nightlatch/nightlatch"
)

const selectDevices = `SELECT id, token, user_id, sealed, created_at, last_used_at, expires_at, revision FROM nl_devices `

// FindDevice is as in nightlatch.Reader.
func (r reader) FindDevice(ctx context.Context, token string) (nightlatch.DeviceRecord, error) {
	return findOwned(ctx, r, func(d nightlatch.DeviceRecord) string { return d.User }, func() (nightlatch.DeviceRecord, error) {
		return find(ctx, r, scanDevice, selectDevices+`WHERE token = $1`, token)
	})
}

// DevicesOf is as in nightlatch.Reader.
func (r reader) DevicesOf(ctx context.Context, user string) ([]nightlatch.DeviceRecord, error) {
	if err := r.lockUser(ctx, user); err != nil {
		return nil, err
	}
	return list(ctx, r, scanDevice, selectDevices+`WHERE user_id = $1 ORDER BY last_used_at DESC, id`, user)
}

func scanDevice(row scanner) (d nightlatch.DeviceRecord, err error) {
	err = row.Scan(&d.ID, &d.Token, &d.User, &d.Sealed,
		moment{&d.CreatedAt}, moment{&d.LastUsedAt}, moment{&d.ExpiresAt}, &d.Revision)
	return d, err
}

func (t txn) putDevice(ctx context.Context, d nightlatch.DeviceRecord) error {
	return t.put(ctx, d.Revision,
		`INSERT INTO nl_devices (token, user_id, sealed, created_at, last_used_at, expires_at, id, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_devices SET token = $1, user_id = $2, sealed = $3, created_at = $4, last_used_at = $5, expires_at = $6,
			revision = revision + 1
		WHERE id = $7 AND revision = $8`,
		d.Token, d.User, blob(d.Sealed), stamp(d.CreatedAt), stamp(d.LastUsedAt), stamp(d.ExpiresAt), d.ID)
}
