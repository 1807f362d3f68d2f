package migrate

import (
	"context"
	"database/sql"
	"fmt"
)

// Missing returns how many migrations of the sets a database lacks, and changes nothing. Its errors are those of Up,
// and one where the database is none of ours.
func Missing(ctx context.Context, db *sql.DB, d Dialect, sets ...Set) (int, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	defer func() { _ = conn.Close() }()
	missing := 0
	for _, set := range sets {
		known, err := set.load()
		if err != nil {
			return 0, err
		}
		applied, err := appliedOf(ctx, conn, d, set.Name)
		if err != nil {
			return 0, fmt.Errorf("migrations: %w", err)
		}
		if err := set.fits(applied, known); err != nil {
			return 0, err
		}
		missing += len(known) - len(applied)
	}
	return missing, nil
}
