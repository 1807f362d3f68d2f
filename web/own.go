package web

import "net/http"

// Page writes a page of the application's own: page/NAME.html of Options.Overlay, which fills the blocks "title" and
// "main" of our layout. view is what its blocks get; one that embeds Frame puts messages and the user into the layout.
// A page that is missing or cannot be made is a plain 500, and the log says why.
func (g *Gate) Page(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	g.pages.render(w, r, status, name, view)
}
