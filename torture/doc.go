// Package torture kills the program, and its database, at random while clients sign in, enroll, use codes and change
// factors. Each client writes down what was acknowledged and what it cannot know, and holds the program to it: nothing
// acknowledged is lost, nothing single-use is good twice, nobody is locked out.
//
// It holds tests alone: "make torture" runs the long size, "make test" a short one. It knows nothing of the program but its
// command line and its API.
package torture
