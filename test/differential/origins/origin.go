// Go's net/http as an origin.
// usage: origin ADDRESS SEEN_FILE
package main

import (
	"io"
	"net/http"
	"os"
)

func main() {
	seen, err := os.OpenFile(os.Args[2], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	server := http.Server{
		Addr: os.Args[1],
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = seen.WriteString(r.Method + " " + r.RequestURI + "\n")
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, "ok")
		}),
	}
	panic(server.ListenAndServe())
}
