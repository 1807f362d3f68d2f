// A file like this lets the compiler take functions without a body: linked.go says where they are.
