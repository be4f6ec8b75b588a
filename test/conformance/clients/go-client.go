// Publishes, streams and polls with Go's own HTTP client, and exits with 0 once it saw what it published.
// go run go-client.go <url> <ticket> <publish key> <channel>

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"strings"
)

var base = os.Args[1]

func post(path, bearer string, body io.Reader) *http.Response {
	request, err := http.NewRequest("POST", base+path, body)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	if answer.StatusCode != 200 {
		panic(path + " " + answer.Status)
	}
	return answer
}

func until(lines *bufio.Scanner, text string) {
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	panic("the stream ended before " + text)
}

func main() {
	ticket, key, channel := os.Args[2], os.Args[3], os.Args[4]
	stream := post("/v1/stream", ticket, strings.NewReader(`{"channels":{"`+channel+`":"now"}}`))
	lines := bufio.NewScanner(stream.Body)
	until(lines, `"type":"subscribed"`)
	post("/v1/publish", key, strings.NewReader(`{"channel":"`+channel+`","data":1}`)).Body.Close()
	until(lines, `"data":1}`)
	// Of a length that it does not know: it goes in chunks.
	post("/v1/publish", key, io.MultiReader(strings.NewReader(`{"channel":"`+channel+`","data":2}`))).Body.Close()
	until(lines, `"data":2}`)
	polled, err := io.ReadAll(post("/v1/poll", ticket, strings.NewReader(`{"channels":{"`+channel+`":"-1"},"waitMs":0}`)).Body)
	if err != nil || !strings.Contains(string(polled), `"data":1}`) || !strings.Contains(string(polled), `"data":2}`) {
		panic(string(polled))
	}
}
