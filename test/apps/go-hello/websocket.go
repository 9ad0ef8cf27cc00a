package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
)

// webSocketGUID is fixed by RFC 6455, section 1.3.
const webSocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Opcodes of RFC 6455, section 5.2.
const (
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// echoWebSocket sends every message back. A message is one frame of at most 64 KB.
func echoWebSocket(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" {
		http.Error(w, "a websocket is wanted here", http.StatusUpgradeRequired)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(key + webSocketGUID))
	_, err = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n")
	for err == nil {
		if err = buffered.Flush(); err == nil {
			err = echoFrame(buffered)
		}
	}
	if !errors.Is(err, io.EOF) {
		log.Print("websocket: ", err)
	}
}

// echoFrame answers one frame; io.EOF once a close frame was answered.
func echoFrame(rw *bufio.ReadWriter) error {
	opcode, payload, err := readFrame(rw.Reader)
	if err != nil {
		return err
	}
	switch opcode {
	case opPong:
		return nil
	case opPing:
		return writeFrame(rw.Writer, opPong, payload)
	case opClose:
		if err := writeFrame(rw.Writer, opClose, payload); err != nil {
			return err
		}
		return errors.Join(rw.Flush(), io.EOF)
	}
	return writeFrame(rw.Writer, opcode, payload)
}

func readFrame(r *bufio.Reader) (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := int(head[1] & 0x7f)
	if length == 127 {
		return 0, nil, errors.New("frame over 64 KB")
	}
	if length == 126 {
		var long [2]byte
		if _, err := io.ReadFull(r, long[:]); err != nil {
			return 0, nil, err
		}
		length = int(binary.BigEndian.Uint16(long[:]))
	}
	var mask [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(r, mask[:]); err != nil {
			return 0, nil, err
		}
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(r, payload)
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0] & 0x0f, payload, err
}

func writeFrame(w *bufio.Writer, opcode byte, payload []byte) error {
	head := []byte{0x80 | opcode, byte(len(payload))}
	if len(payload) > 125 {
		head[1] = 126
		head = binary.BigEndian.AppendUint16(head, uint16(len(payload)))
	}
	_, err := w.Write(append(head, payload...))
	return err
}
