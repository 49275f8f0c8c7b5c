// Go's net/http: two requests on one connection where it can. See driver.ts for what is read and written.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

type got struct {
	Status int    `json:"status"`
	Body   []byte `json:"body"`
	Whole  bool   `json:"whole"`
}

func ask(transport *http.Transport, method, url string) got {
	var body io.Reader
	if method == "POST" {
		body = strings.NewReader("hello")
	}
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		panic(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return got{Body: []byte{}}
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return got{response.StatusCode, read, err == nil}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var id, port int
		var method string
		if _, err := fmt.Sscan(lines.Text(), &id, &method, &port); err != nil {
			panic(err)
		}
		transport := &http.Transport{DisableCompression: true, ResponseHeaderTimeout: 60 * time.Second}
		base := fmt.Sprintf("http://127.0.0.1:%d", port)
		first := ask(transport, method, fmt.Sprintf("%s/r%d", base, id))
		next := ask(transport, "GET", fmt.Sprintf("%s/n%d", base, id))
		transport.CloseIdleConnections()
		_ = out.Encode(map[string]any{"id": id, "first": first, "next": next})
	}
}
