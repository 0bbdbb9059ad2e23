// Command client reads two URLs in turn and prints, as JSON, what the second one cost it.
//
//	client sse  WARMUP URL   net/http and bufio.Scanner; counts the characters of the data lines
//	client body WARMUP URL   net/http and a loop of 32 KiB reads
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

func main() {
	read := map[string]func(io.Reader) (items, bytes int, err error){"sse": events, "body": pieces}[os.Args[1]]
	get(os.Args[2], read)
	cpu, wall := cpuTime(), time.Now()
	items, bytes := get(os.Args[3], read)
	json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"cpuUs":  float64((cpuTime() - cpu).Nanoseconds()) / 1e3,
		"wallUs": float64(time.Since(wall).Nanoseconds()) / 1e3,
		"items":  float64(items),
		"bytes":  float64(bytes),
	})
}

func get(url string, read func(io.Reader) (int, int, error)) (items, bytes int) {
	response, err := http.Get(url)
	if err == nil {
		defer response.Body.Close()
		items, bytes, err = read(response.Body)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return items, bytes
}

func events(body io.Reader) (items, bytes int, err error) {
	scanner := bufio.NewScanner(body)
	scanner.Buffer(make([]byte, 64*1024), 16*1024*1024)
	data := ""
	for scanner.Scan() {
		if line := scanner.Text(); strings.HasPrefix(line, "data: ") {
			data = line[len("data: "):]
		} else if line == "" {
			items++
			bytes += len(data)
		}
	}
	return items, bytes, scanner.Err()
}

func pieces(body io.Reader) (items, bytes int, err error) {
	buffer := make([]byte, 32*1024)
	for {
		n, err := body.Read(buffer)
		items++
		bytes += n
		if err == io.EOF {
			return items, bytes, nil
		}
		if err != nil {
			return items, bytes, err
		}
	}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
