// What a channel holds, for a page that goes on from there: go run history.go <URL of a node> <channel> <last>
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"
)

var client = http.Client{Timeout: 10 * time.Second}

type page struct {
	Messages []json.RawMessage `json:"messages"`
	After    string            `json:"after"`
}

// history is the last messages, and the offset behind them: what a browser subscribes after. The key has the right to read.
func history(base, channel, last string) (page, error) {
	var found page
	request, err := http.NewRequest("GET", base+"/v1/channels/"+url.PathEscape(channel)+"?last="+last, nil)
	if err != nil {
		return found, err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("FANFARE_PUBLISH_KEY"))
	answer, err := client.Do(request)
	if err != nil {
		return found, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return found, fmt.Errorf("%s: %s", channel, answer.Status)
	}
	found.After = answer.Header.Get("Stream-Next-Offset")
	return found, json.NewDecoder(answer.Body).Decode(&found.Messages)
}

func main() {
	found, err := history(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
