// Package scale measures whether what people wait for takes longer when there are more accounts: `make scale`.
//
// It fills databases of several sizes with accounts that have a password, an authenticator app and recovery codes, each
// made by the server as an import makes it, and asks the same of all of them in turn, in one process.
package scale
