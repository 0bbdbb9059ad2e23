// Speaks WebSocket as Go programs do, by gorilla's Dialer, and lives for one connection. What happens is told on stdout, what to do comes on
// stdin, both by a JSON array a line:
//
//	["open", subprotocol, extensions]    ["refused", status, body]
//	["text", "…"], with -brief ["text", its beginning, length]    ["binary", hex]  ["ping", "…"]  ["pong", "…"]
//	["close", code, text]: a close frame, or 1006 for a FIN without one     ["end", error]: all else; a reset is "RST"
//
//	["text", "…"]  ["binary", hex]  ["ping", "…"]  ["close", code, text]    ["cut", "FIN" | "RST"]
//	["read"]: reads no message before this, with -wait
//
// It exits when the connection is over or its stdin closes, so it cannot outlive the test that started it.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	header := http.Header{}
	flag.Func("header", "`name: value` of the handshake; may come more than once", func(field string) error {
		name, value, found := strings.Cut(field, ":")
		if !found {
			return errors.New("has no colon")
		}
		header.Add(name, strings.TrimSpace(value))
		return nil
	})
	protocols := flag.String("protocols", "", "subprotocols to offer, by comma")
	deflate := flag.Bool("deflate", false, "offer permessage-deflate")
	wait := flag.Bool("wait", false, "read when told to")
	brief := flag.Bool("brief", false, "tell the beginning of a text, 20 bytes, and its length")
	flag.Parse()

	dialer := websocket.Dialer{EnableCompression: *deflate}
	if *protocols != "" {
		dialer.Subprotocols = strings.Split(*protocols, ",")
	}
	connection, response, err := dialer.Dial(flag.Arg(0), header)
	if err == websocket.ErrBadHandshake {
		// gorilla keeps the first KiB of it.
		body, _ := io.ReadAll(response.Body)
		tell("refused", response.StatusCode, string(body))
		return
	}
	if err != nil {
		tellEnd(err)
		return
	}
	tell("open", connection.Subprotocol(), response.Header.Get("Sec-Websocket-Extensions"))
	reading := make(chan bool, 1)
	if !*wait {
		reading <- true
	}
	go obey(connection, reading)
	<-reading
	read(connection, *brief)
}

func read(connection *websocket.Conn, brief bool) {
	answer := connection.PingHandler()
	connection.SetPingHandler(func(data string) error {
		tell("ping", data)
		return answer(data)
	})
	connection.SetPongHandler(func(data string) error {
		tell("pong", data)
		return nil
	})
	for {
		kind, message, err := connection.ReadMessage()
		if err != nil {
			tellEnd(err)
			return
		}
		switch {
		case kind == websocket.BinaryMessage:
			tell("binary", hex.EncodeToString(message))
		case brief && len(message) > 20:
			tell("text", string(message[:20]), len(message))
		default:
			tell("text", string(message))
		}
	}
}

// obey does what stdin says. A write that fails is told by the read that fails with it.
func obey(connection *websocket.Conn, reading chan bool) {
	lines := bufio.NewReader(os.Stdin)
	soon := func() time.Time { return time.Now().Add(5 * time.Second) }
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			os.Exit(0)
		}
		var words []interface{}
		if err := json.Unmarshal(line, &words); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		word := func(n int) string { return words[n].(string) }
		switch word(0) {
		case "text":
			connection.WriteMessage(websocket.TextMessage, []byte(word(1)))
		case "binary":
			message, _ := hex.DecodeString(word(1))
			connection.WriteMessage(websocket.BinaryMessage, message)
		case "ping":
			connection.WriteControl(websocket.PingMessage, []byte(word(1)), soon())
		case "close":
			frame := websocket.FormatCloseMessage(int(words[1].(float64)), word(2))
			connection.WriteControl(websocket.CloseMessage, frame, soon())
		case "cut":
			if word(1) == "RST" {
				connection.UnderlyingConn().(*net.TCPConn).SetLinger(0)
			}
			connection.Close()
		case "read":
			reading <- true
		}
	}
}

func tellEnd(err error) {
	var closed *websocket.CloseError
	switch {
	case errors.As(err, &closed):
		tell("close", closed.Code, closed.Text)
	case errors.Is(err, syscall.ECONNRESET):
		tell("end", "RST")
	default:
		tell("end", err.Error())
	}
}

var out = json.NewEncoder(os.Stdout)

func tell(words ...interface{}) {
	out.Encode(words)
}
