package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	_ "modernc.org/sqlite"
)

func main() { os.Exit(run()) }

func run() int {
	dir := flag.String("dir", "second-factor-only-data", "where Nightlatch keeps its data")
	listen := flag.String("listen", "localhost:3000", "the address to listen on")
	flag.Parse()
	a, stop, err := open(context.Background(), *dir, "http://"+*listen, time.Now)
	if err == nil {
		defer stop()
		a.payments["1"] = &payment{id: "1", payer: "ada", payee: "ACME", amount: "100.00 EUR"}
		server := &http.Server{Addr: *listen, Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second}
		_, _ = fmt.Fprintf(os.Stderr, "listening on http://%s: log in as ada\n", *listen)
		err = server.ListenAndServe()
	}
	_, _ = fmt.Fprintln(os.Stderr, err)
	return 1
}
