package server

import (
	_ "embed"
	"strings"
)

//go:embed openapi.json
var openAPI string

// OpenAPI returns the OpenAPI 3.1 document of the server's API.
func OpenAPI() []byte { return []byte(openAPI) }

// openAPIAt is the document for a server whose pages and API are below a prefix.
func openAPIAt(prefix string) []byte {
	return []byte(strings.ReplaceAll(openAPI, `"servers": [{"url": "`, `"servers": [{"url": "`+prefix))
}
