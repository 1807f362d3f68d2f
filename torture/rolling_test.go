//go:build rolling

package torture

import (
	"flag"
	"testing"
)

// It needs a program that was released before, which nothing here can build:
//
//	go test -tags rolling ./torture -run RollingUpdate -old PROGRAM
var oldFlag = flag.String("old", "", "an older program, with which TestTortureRollingUpdate begins")

// TestTortureRollingUpdate: an older program serves a database, and goes on while a newer one brings it up to date and
// serves it too, and is killed. Both have one SQLite file, since that is what every program has.
func TestTortureRollingUpdate(t *testing.T) {
	if *oldFlag == "" {
		t.Fatal("-old PROGRAM is not given")
	}
	w := newWorld(t, seed(t), "", *oldFlag, build(t))
	defer w.report()
	w.torture(*killsFlag, []victim{ofNode(w.nodes[1], 1)})
	if w.failed() {
		return
	}
	w.audit(t.Context())
	w.nodes[0], w.nodes[1] = w.nodes[1], w.nodes[0]
	w.trails(t.Context())
	w.enough("kill of node 2", "sign-in by", "proof by", "one code at once by", "enrollment of", "rename", "new recovery codes")
}
