// Go's net/http as an origin: /ok, /size/..., and everything else is echoed.
// usage: echo-server ADDRESS DOCUMENTS
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
)

func main() {
	files := http.FileServer(http.Dir(os.Args[2]))
	http.Handle("/ok", files)
	http.Handle("/size/", files)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		bytes, err := io.Copy(hash, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"method":  r.Method,
			"url":     r.RequestURI,
			"headers": r.Header,
			"sha256":  hex.EncodeToString(hash.Sum(nil)),
			"bytes":   bytes,
		})
	})
	panic(http.ListenAndServe(os.Args[1], nil))
}
