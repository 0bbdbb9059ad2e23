// Reads a stream as Go programs do: http.Client and a loop over its lines. Prints each line as it comes, and how the body ended:
// "end: EOF" for a clean end, "end: " and the error for all else.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {
	request, err := http.NewRequest("GET", os.Args[1], nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if len(os.Args) > 2 {
		request.Header.Set("Last-Event-ID", os.Args[2])
	}
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer response.Body.Close()
	fmt.Println("status:", response.StatusCode)
	reader := bufio.NewReader(response.Body)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			fmt.Println("end:", err)
			return
		}
		if text := strings.TrimRight(line, "\r\n"); text != "" {
			fmt.Println(text)
		}
	}
}
