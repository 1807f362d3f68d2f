package sqlstore

import (
	"context"
	"fmt"
)

// longLog is how long the write-ahead log of a SQLite database may be before Tidy cuts it off, in bytes, and tidyWithin how
// many milliseconds it waits for those who still read from it.
const (
	longLog    = 16 << 20
	tidyWithin = 200
)

// Tidy keeps the write-ahead log of a SQLite database short. SQLite begins it anew by itself when nobody reads from it at
// the end of a commit; where somebody always does, it would grow without end. Call it once in a while. Nobody waits for it
// longer than a fifth of a second. For PostgreSQL, which does so by itself, there is nothing to do.
func (s *Store) Tidy(ctx context.Context) error {
	if s.dialect != SQLite {
		return nil
	}
	c, err := s.write.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	defer func() { _ = c.Close() }() // it goes back to its pool
	var page, patience int64
	if err := c.QueryRowContext(ctx, "PRAGMA page_size").Scan(&page); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	var busy, pages, done int64
	if err := c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &done); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	if pages*page < longLog {
		return nil
	}
	if err := c.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&patience); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	if _, err := c.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", tidyWithin)); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	// Who goes on reading is the reason to try again later, and no fault.
	err = c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done)
	if _, put := c.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", patience)); put != nil && err == nil {
		err = put
	}
	if err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}
