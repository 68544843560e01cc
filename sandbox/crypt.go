package sandbox

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// crypt seals and opens the messages of an account (protocol 6.3).
type crypt struct {
	appID string
	block cipher.Block
	iv    []byte
}

const (
	padBlock  = 32
	aesKeyLen = 43
)

var errSealed = errors.New("the Encrypt text cannot be opened with this EncodingAESKey and AppID")

// newCrypt reads an EncodingAESKey, which is 43 characters of base64 without the "=".
func newCrypt(appID, encodingKey string) (*crypt, error) {
	key, err := base64.StdEncoding.DecodeString(encodingKey + "=")
	if err != nil || len(encodingKey) != aesKeyLen || len(key) != 32 {
		return nil, errors.New("the EncodingAESKey must be 43 letters and digits")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &crypt{appID: appID, block: block, iv: key[:aes.BlockSize]}, nil
}

// seal makes the Encrypt text of a message; salt is 16 random bytes.
func (c *crypt) seal(salt string, msg []byte) string {
	text := append([]byte(salt), binary.BigEndian.AppendUint32(nil, uint32(len(msg)))...)
	text = append(append(text, msg...), c.appID...)
	n := padBlock - len(text)%padBlock
	text = append(text, bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(c.block, c.iv).CryptBlocks(text, text)
	return base64.StdEncoding.EncodeToString(text)
}

// open reads an Encrypt text back. Every fault is the same error, as the protocol asks.
func (c *crypt) open(encrypted string) ([]byte, error) {
	text, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(text) == 0 || len(text)%padBlock != 0 {
		return nil, errSealed
	}
	cipher.NewCBCDecrypter(c.block, c.iv).CryptBlocks(text, text)
	n := int(text[len(text)-1])
	if n < 1 || n > padBlock || !bytes.Equal(text[len(text)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errSealed
	}
	text = text[:len(text)-n]
	const head = 16 + 4
	if len(text) < head {
		return nil, errSealed
	}
	length := int64(binary.BigEndian.Uint32(text[16:head]))
	if length > int64(len(text)-head) || string(text[head+length:]) != c.appID {
		return nil, errSealed
	}
	return text[head : head+length], nil
}

// pushSignature is the SHA-1 over the token and the other values, sorted as bytes: with
// timestamp and nonce the signature of a push, with the Encrypt text besides msg_signature.
func pushSignature(values ...string) string {
	slices.Sort(values)
	return sha1Hex(strings.Join(values, ""))
}
