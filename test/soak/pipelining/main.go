// Go's net/http as an origin that answers as asks.ts says.
// usage: main PORT SEEN_FILE FILLER_FILE...   (one file of filler for each size, in order)
package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type seenLog struct {
	lock sync.Mutex
	to   *bufio.Writer
}

func (log *seenLog) note(method, id string) {
	log.lock.Lock()
	defer log.lock.Unlock()
	fmt.Fprintf(log.to, "%s %s\n", method, id)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	file, err := os.Create(os.Args[2])
	must(err)
	seen := &seenLog{to: bufio.NewWriter(file)}
	var fillers []string
	for _, path := range os.Args[3:] {
		text, err := os.ReadFile(path)
		must(err)
		fillers = append(fillers, string(text))
	}

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		seen.lock.Lock()
		must(seen.to.Flush())
		os.Exit(0)
	}()

	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Id")
		seen.note(r.Method, id)
		w.Header().Set("X-Id", id)
		parts := strings.Split(r.URL.Path, "/")
		if len(parts) != 4 {
			http.NotFound(w, r)
			return
		}
		kind, pathID := parts[1], parts[3]
		size, err := strconv.Atoi(parts[2])
		if err != nil || size >= len(fillers) {
			http.NotFound(w, r)
			return
		}
		body := pathID + "." + fillers[size] + "." + pathID
		switch kind {
		case "post":
			sent, err := io.ReadAll(r.Body)
			if err != nil {
				// The client went away in the middle of it.
				return
			}
			body = string(sent)
		case "none":
			w.WriteHeader(http.StatusNoContent)
			return
		case "same":
			w.WriteHeader(http.StatusNotModified)
			return
		case "slow":
			time.Sleep(time.Duration(30+rand.Intn(200)) * time.Millisecond)
		case "chunk":
			// Without a length, and flushed: in chunks.
			cut := rand.Intn(len(body))
			_, _ = io.WriteString(w, body[:cut])
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, body[cut:])
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = io.WriteString(w, body)
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
