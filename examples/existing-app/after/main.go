package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stderr)) }

func run(ctx context.Context, args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("orders", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "orders-data", "where the application keeps its data")
	name := flags.String("add", "", "add a user of this name, with the password in PASSWORD, and stop")
	listen := flags.String("listen", "localhost:3000", "the address to listen on")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	a := open(*dir, "http://"+*listen, time.Now, bcrypt.DefaultCost)
	if *name != "" {
		if err := a.addUser(ctx, *name, os.Getenv("PASSWORD")); err != nil {
			_, _ = fmt.Fprintln(stderr, err)
			return 1
		}
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "listening on http://%s\n", *listen)
	server := &http.Server{Addr: *listen, Handler: a.handler(*dir), ReadHeaderTimeout: 10 * time.Second}
	_, _ = fmt.Fprintln(stderr, server.ListenAndServe())
	return 1
}
