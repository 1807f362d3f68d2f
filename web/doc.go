// Package web puts the engine before people and programs: pages, a JSON API, and a gate for any net/http application.
//
// It owns what goes over HTTP: paths, forms, cookies, headers, and which error is said in which words. It decides
// nothing: every page and every answer follows from what the engine says comes next. It knows no database, and no
// factor but by the shape of its prompts, so a new factor needs no page.
//
// A page is page/NAME.html around the blocks of page/layout.html, a view in view.go for what it shows, and a call
// of render. All sentences pass through package locale, all links through path, since the pages may be mounted
// anywhere. An application may replace any file of page/ and asset/, or put its own pages into the layout.
package web
