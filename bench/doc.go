// Package bench compares Nightlatch with others, in the same run, because no number means much by itself. It is a module
// of its own, so that who imports the library never compiles what it is compared with.
package bench
