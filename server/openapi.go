package server

import _ "embed"

//go:embed openapi.json
var openAPI string

// OpenAPI returns the OpenAPI 3.1 document of the server's API.
func OpenAPI() []byte { return []byte(openAPI) }
