package web_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/web"
)

// TestDocumentNamesEveryRoute: the document has all requests of the API and no other.
func TestDocumentNamesEveryRoute(t *testing.T) {
	t.Parallel()
	want := []string{"GET /healthz", "GET /readyz"} // the server's own, at the root
	for _, r := range web.Routes() {
		if r.API {
			want = append(want, r.Method+" "+r.Path)
		}
	}
	doc := document(t)
	var got, ids []string
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			got = append(got, method+" "+pathOf(item, path))
			ids = append(ids, op.OperationID)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the routes, and what the document has (-routes +document):\n%s", diff)
	}
	slices.Sort(ids)
	if all := len(ids); len(slices.Compact(ids)) != all || slices.Contains(ids, "") {
		t.Error("operation ids are missing or doubled")
	}
}

// TestDocumentSaysWhoMayAsk: the security of an operation is the audience of its route.
func TestDocumentSaysWhoMayAsk(t *testing.T) {
	t.Parallel()
	schemes := map[string][]string{
		"anyone":     nil,
		"unfinished": {"bearer", "signInCookie"},
		"step":       {"bearer", "sessionCookie", "signInCookie"},
		"start":      {"bearer", "challengeCookie", "sessionCookie", "signInCookie"},
		"enrolling":  {"bearer", "sessionCookie", "signInCookie"},
		"session":    {"bearer", "sessionCookie"},

		"administrator": {"bearer", "sessionCookie"},
	}
	doc := document(t)
	for _, r := range web.Routes() {
		if !r.API {
			continue
		}
		op := doc.Paths.Find(r.Path[len("/api/v1"):]).GetOperation(r.Method)
		var got []string
		for _, requirement := range *op.Security {
			for name := range requirement {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(schemes[r.Who], got); diff != "" {
			t.Errorf("%s %s (-route +document):\n%s", r.Method, r.Path, diff)
		}
	}
}
