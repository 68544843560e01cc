package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCrypt marks an encrypted message that cannot be opened. It does not say which step
// failed: that would help whoever tries out messages.
var ErrCrypt = errors.New("wechat: the encrypted message cannot be opened")

const (
	cryptBlock  = 32 // of the padding; AES itself has 16
	cryptRandom = 16
	cryptHead   = cryptRandom + 4
)

// Crypt opens and seals the messages of the safe mode (protocol 6.3). It is safe for
// concurrent use, and printing it shows nothing.
type Crypt struct {
	token string
	app   AppID
	key   []byte
}

// NewCrypt takes the push token, the 43 characters of the EncodingAESKey and the AppID.
func NewCrypt(token, aesKey string, app AppID) (*Crypt, error) {
	// The last character may carry bits beyond the 32 bytes, so the decoding is not strict.
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if len(aesKey) != 43 || err != nil || len(key) != 32 || token == "" || app == "" {
		return nil, errors.New("wechat: the EncodingAESKey must have 43 characters, beside a push token and an AppID")
	}
	return &Crypt{token: token, app: app, key: key}, nil
}

// Format shows the AppID alone.
func (c *Crypt) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "crypt of %s", c.app) }

// Signature is the msg_signature of an encrypted text.
func (c *Crypt) Signature(timestamp, nonce, encrypted string) string {
	return sortedSHA1(c.token, timestamp, nonce, encrypted)
}

// Encrypt seals a message for this AppID.
func (c *Crypt) Encrypt(message []byte) string {
	random := make([]byte, cryptRandom)
	_, _ = rand.Read(random) // never fails; it ends the program instead
	return c.encrypt(random, message)
}

func (c *Crypt) encrypt(random, message []byte) string {
	plain := append(make([]byte, 0, cryptHead+len(message)+len(c.app)+cryptBlock), random...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(message)))
	plain = append(append(plain, message...), c.app...)
	pad := cryptBlock - len(plain)%cryptBlock
	for range pad {
		plain = append(plain, byte(pad))
	}
	block, _ := aes.NewCipher(c.key) // the key has 32 bytes
	cipher.NewCBCEncrypter(block, c.key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain)
}

// Decrypt opens a message that was sealed for this AppID, or answers ErrCrypt. Check the
// msg_signature before.
func (c *Crypt) Decrypt(encrypted string) ([]byte, error) {
	if len(encrypted) > 2*MaxEvent {
		return nil, ErrCrypt
	}
	plain, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(plain) == 0 || len(plain)%cryptBlock != 0 {
		return nil, ErrCrypt
	}
	block, err := aes.NewCipher(c.key)
	if err != nil {
		return nil, ErrCrypt
	}
	cipher.NewCBCDecrypter(block, c.key[:aes.BlockSize]).CryptBlocks(plain, plain)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > cryptBlock {
		return nil, ErrCrypt
	}
	wrong := byte(0)
	for _, b := range plain[len(plain)-pad:] {
		wrong |= b ^ byte(pad)
	}
	plain = plain[:len(plain)-pad]
	if wrong != 0 || len(plain) < cryptHead {
		return nil, ErrCrypt
	}
	size := uint64(binary.BigEndian.Uint32(plain[cryptRandom:cryptHead]))
	if size > uint64(len(plain)-cryptHead) {
		return nil, ErrCrypt
	}
	message, app := plain[cryptHead:cryptHead+int(size)], plain[cryptHead+int(size):]
	if subtle.ConstantTimeCompare(app, []byte(c.app)) != 1 {
		return nil, ErrCrypt
	}
	return message, nil
}
