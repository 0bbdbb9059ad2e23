// A WebSocket server as Go services are written, on gorilla: an echo, a hub, a feed that resumes, deadlines for pongs and for slow
// readers, and the ways such a server ends. Every path takes the parameters of upgrade.
//
// It prints {"port":N} as its first line and exits when its stdin closes, so it cannot outlive the test that started it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	port := flag.Int("port", 0, "port to listen on; 0 takes a free one")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()

	mux := http.NewServeMux()
	mux.HandleFunc("/echo", socket(echo))
	mux.HandleFunc("/hub", socket((&hub{members: map[*member]bool{}}).join))
	mux.HandleFunc("/ping", socket(ping))
	mux.HandleFunc("/close", socket(closeWith))
	mux.HandleFunc("/abort", socket(abort))
	mux.HandleFunc("/mute", socket(mute))
	mux.HandleFunc("/flood", socket(flood))
	mux.HandleFunc("/counter", socket(counter))
	mux.HandleFunc("/handshake", socket(handshake))
	mux.HandleFunc("/refuse", refuse)
	mux.HandleFunc("/counts", counts)
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, mux)
}

// socket upgrades a request and hands the connection to a handler, which is closed when that returns.
//
//	protocols    subprotocols that the server speaks, by comma, the best first
//	deflate=1    permessage-deflate, when the client offers it
//	password=1   a handshake without the user ada and her password is refused
func socket(handle func(*websocket.Conn, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); r.FormValue("password") == "1" && (!ok || user != "ada" || password != "lovelace") {
			w.Header().Set("WWW-Authenticate", `Basic realm="sockets"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		upgrader := websocket.Upgrader{
			EnableCompression: r.FormValue("deflate") == "1",
			// Pages of any origin.
			CheckOrigin: func(*http.Request) bool { return true },
		}
		if protocols := r.FormValue("protocols"); protocols != "" {
			upgrader.Subprotocols = strings.Split(protocols, ",")
		}
		connection, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		atomic.AddInt64(&upgraded, 1)
		atomic.AddInt64(&open, 1)
		defer atomic.AddInt64(&open, -1)
		defer connection.Close()
		handle(connection, r)
	}
}

// echo sends each message back as it came. Pings are answered, and a close is.
func echo(connection *websocket.Conn, r *http.Request) {
	for {
		kind, message, err := connection.ReadMessage()
		if err != nil {
			noteClose(err)
			return
		}
		if connection.WriteMessage(kind, message) != nil {
			return
		}
	}
}

// hub gives each message of a member to all members. A member whose queue is full is closed with 1013, as the others do not wait for it.
//
//	queue  messages that wait for one member (256)
type hub struct {
	sync.Mutex
	members map[*member]bool
}

type member struct{ queue chan []byte }

func (h *hub) join(connection *websocket.Conn, r *http.Request) {
	m := &member{make(chan []byte, number(r, "queue", 256))}
	m.queue <- []byte("welcome")
	h.Lock()
	h.members[m] = true
	h.Unlock()
	written := make(chan bool)
	go func() {
		defer close(written)
		for message := range m.queue {
			if connection.WriteMessage(websocket.TextMessage, message) != nil {
				connection.Close()
				return
			}
		}
		sendClose(connection, websocket.CloseTryAgainLater, "too slow")
		connection.Close()
	}()
	for {
		_, message, err := connection.ReadMessage()
		if err != nil {
			noteClose(err)
			break
		}
		h.Lock()
		for each := range h.members {
			select {
			case each.queue <- message:
			default:
				h.drop(each)
			}
		}
		h.Unlock()
	}
	h.Lock()
	h.drop(m)
	h.Unlock()
	<-written
}

func (h *hub) drop(m *member) {
	if h.members[m] {
		delete(h.members, m)
		close(m.queue)
	}
}

// ping pings and cuts who does not pong in time. Each pong is told by a message: "pong 1", "pong 2", ...
//
//	period  milliseconds between two pings (20)
//	wait    milliseconds that a pong may take (200)
func ping(connection *websocket.Conn, r *http.Request) {
	wait := milliseconds(r, "wait", 200)
	extend := func() { connection.SetReadDeadline(time.Now().Add(wait)) }
	extend()
	pongs := make(chan int, 1_000)
	ponged := 0
	connection.SetPongHandler(func(string) error {
		extend()
		ponged++
		pongs <- ponged
		return nil
	})
	go func() {
		ticker := time.NewTicker(milliseconds(r, "period", 20))
		defer ticker.Stop()
		for {
			var err error
			select {
			case n, open := <-pongs:
				if !open {
					return
				}
				err = connection.WriteMessage(websocket.TextMessage, []byte(fmt.Sprintf("pong %d", n)))
			case <-ticker.C:
				err = connection.WriteMessage(websocket.PingMessage, nil)
			}
			if err != nil {
				return
			}
		}
	}()
	defer close(pongs)
	for {
		if _, _, err := connection.ReadMessage(); err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				atomic.AddInt64(&pongsMissed, 1)
			} else {
				noteClose(err)
			}
			return
		}
	}
}

// closeWith sends `after` messages, then a close with `code` and `reason`, and waits for the answer to it.
func closeWith(connection *websocket.Conn, r *http.Request) {
	sendNumbered(connection, number(r, "after", 0))
	var payload []byte
	if code := number(r, "code", 1000); code != websocket.CloseNoStatusReceived {
		payload = websocket.FormatCloseMessage(code, r.FormValue("reason"))
	}
	connection.WriteControl(websocket.CloseMessage, payload, time.Now().Add(time.Second))
	awaitClose(connection)
}

// abort sends `after` messages, and half of another one with `half=1`, and ends without a close.
//
//	how  `fin`, or `reset` (RST)
func abort(connection *websocket.Conn, r *http.Request) {
	sendNumbered(connection, number(r, "after", 0))
	if r.FormValue("half") == "1" {
		// A text of 100 bytes, of which 4 come.
		connection.UnderlyingConn().Write([]byte{0x81, 100, 'h', 'a', 'l', 'f'})
	}
	if r.FormValue("how") == "reset" {
		connection.UnderlyingConn().(*net.TCPConn).SetLinger(0)
	}
}

// mute never answers a close and never ends the connection: the client must. With `code` it sends a close itself first.
func mute(connection *websocket.Conn, r *http.Request) {
	connection.SetCloseHandler(func(int, string) error { return nil })
	if code := number(r, "code", 0); code != 0 {
		sendClose(connection, code, "")
	}
	awaitClose(connection)
	io.Copy(io.Discard, connection.UnderlyingConn())
	atomic.AddInt64(&mutesLeft, 1)
}

// flood sends `count` messages of `size` bytes as fast as they are taken. A write that waits longer than `wait` milliseconds (0: for
// ever) ends it: gorilla then closes without a word, for the stream is broken in mid-frame.
func flood(connection *websocket.Conn, r *http.Request) {
	gone := readToClose(connection)
	message := []byte(strings.Repeat("x", number(r, "size", 1_000)))
	wait := milliseconds(r, "wait", 0)
	for n := 0; n < number(r, "count", 1_000); n++ {
		if wait > 0 {
			connection.SetWriteDeadline(time.Now().Add(wait))
		}
		if connection.WriteMessage(websocket.TextMessage, message) != nil {
			atomic.AddInt64(&writesTimedOut, 1)
			return
		}
		atomic.AddInt64(&flooded, int64(len(message)))
	}
	sendClose(connection, websocket.CloseNormalClosure, "")
	<-gone
}

// counter sends {"seq":N} from the one after `since` up to `count`, then closes with 1000.
//
//	ask=1        a first message of the client, {"since":N}, says where to begin
//	abort_after  after so many messages of one connection it is cut ...
//	abort        ... with `fin`, `reset`, or a close code, or stays as it is with `hold`, for the test to kill the server
func counter(connection *websocket.Conn, r *http.Request) {
	since := number(r, "since", 0)
	if r.FormValue("ask") == "1" {
		var asked struct{ Since int }
		if connection.ReadJSON(&asked) != nil {
			return
		}
		since = asked.Since
	}
	gone := readToClose(connection)
	for sent, seq := 0, since+1; seq <= number(r, "count", 10); sent, seq = sent+1, seq+1 {
		if sent == number(r, "abort_after", -1) {
			if code := number(r, "abort", 0); code != 0 {
				sendClose(connection, code, "")
				<-gone
			} else if r.FormValue("abort") == "hold" {
				<-gone
			} else if r.FormValue("abort") == "reset" {
				connection.UnderlyingConn().(*net.TCPConn).SetLinger(0)
			}
			return
		}
		if connection.WriteJSON(map[string]int{"seq": seq}) != nil {
			return
		}
	}
	sendClose(connection, websocket.CloseNormalClosure, "")
	<-gone
}

// handshake tells what the handshake said, and is an echo then.
func handshake(connection *websocket.Conn, r *http.Request) {
	connection.WriteJSON(map[string]interface{}{
		"authorization": r.Header.Get("Authorization"),
		"cookie":        r.Header.Get("Cookie"),
		"team":          r.Header.Get("X-Team"),
		"query":         r.URL.RawQuery,
		"offered":       websocket.Subprotocols(r),
		"chosen":        connection.Subprotocol(),
		"extensions":    r.Header.Get("Sec-WebSocket-Extensions"),
		"upgraded":      atomic.LoadInt64(&upgraded),
	})
	echo(connection, r)
}

// refuse answers a handshake with `status` (403), and Retry-After with `after`, for the first `times` handshakes (all); then it echoes.
func refuse(w http.ResponseWriter, r *http.Request) {
	if times := int64(number(r, "times", 1<<30)); atomic.AddInt64(&refused, 1) > times {
		socket(echo)(w, r)
		return
	}
	if after := r.FormValue("after"); after != "" {
		w.Header().Set("Retry-After", after)
	}
	http.Error(w, "not you", number(r, "status", http.StatusForbidden))
}

// counts tells of the whole life of the server.
func counts(w http.ResponseWriter, r *http.Request) {
	closesMutex.Lock()
	defer closesMutex.Unlock()
	w.Header().Set("Access-Control-Allow-Origin", "*")
	json.NewEncoder(w).Encode(map[string]interface{}{
		"open":           atomic.LoadInt64(&open),
		"upgraded":       atomic.LoadInt64(&upgraded),
		"refused":        atomic.LoadInt64(&refused),
		"flooded":        atomic.LoadInt64(&flooded),
		"writesTimedOut": atomic.LoadInt64(&writesTimedOut),
		"pongsMissed":    atomic.LoadInt64(&pongsMissed),
		"mutesLeft":      atomic.LoadInt64(&mutesLeft),
		"closes":         closes,
	})
}

var open, upgraded, refused, flooded, writesTimedOut, pongsMissed, mutesLeft int64

// closes are the codes that clients closed with or answered with, in order; 1006 is a connection that ended without a close.
var closes = []int{}
var closesMutex sync.Mutex

func noteClose(err error) {
	code := websocket.CloseAbnormalClosure
	if closed, ok := err.(*websocket.CloseError); ok {
		code = closed.Code
	}
	closesMutex.Lock()
	closes = append(closes, code)
	closesMutex.Unlock()
}

// readToClose reads, and so answers pings, until the client closes or is gone; the channel is closed then.
func readToClose(connection *websocket.Conn) chan bool {
	gone := make(chan bool)
	go func() {
		awaitClose(connection)
		close(gone)
	}()
	return gone
}

// awaitClose does so itself.
func awaitClose(connection *websocket.Conn) {
	for {
		if _, _, err := connection.ReadMessage(); err != nil {
			noteClose(err)
			return
		}
	}
}

func sendClose(connection *websocket.Conn, code int, reason string) {
	connection.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
}

func sendNumbered(connection *websocket.Conn, count int) {
	for n := 1; n <= count; n++ {
		connection.WriteMessage(websocket.TextMessage, []byte(fmt.Sprintf("message %d", n)))
	}
}

func milliseconds(r *http.Request, name string, otherwise int) time.Duration {
	return time.Duration(number(r, name, otherwise)) * time.Millisecond
}

func number(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.FormValue(name)); err == nil {
		return n
	}
	return otherwise
}
