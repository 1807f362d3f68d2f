package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	_ "modernc.org/sqlite"
)

const listen = "localhost:3000"

func main() { os.Exit(run()) }

func run() int {
	a, stop, err := open(context.Background(), "second-factor-only-data", "http://"+listen, time.Now)
	if err == nil {
		defer stop()
		a.payments["1"] = &payment{id: "1", payer: "ada", payee: "ACME", amount: "100.00 EUR"}
		server := &http.Server{Addr: listen, Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second}
		err = server.ListenAndServe()
	}
	_, _ = fmt.Fprintln(os.Stderr, err)
	return 1
}
