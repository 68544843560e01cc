package db

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// sealer encrypts secrets at rest with AES-256-GCM under the key file. What a value is
// for is authenticated with it, so a sealed secret cannot be moved to another place.
type sealer struct {
	aead cipher.AEAD
	root []byte
}

func openSealer(file string) (*sealer, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(file)
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("key file %s: %d bytes, want 32", file, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead: aead, root: key}, nil
}

// makeKey writes a new key; it never replaces one, or every secret would be lost.
func makeKey(file string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return os.ReadFile(file)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Write(key)
	return key, errors.Join(err, f.Sync(), f.Close())
}

func (s *sealer) seal(purpose, plain string) []byte {
	if plain == "" {
		return []byte{}
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce)
	return s.aead.Seal(nonce, nonce, []byte(plain), []byte(purpose))
}

func (s *sealer) open(purpose string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", errors.New("sealed value is too short")
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(purpose))
	if err != nil {
		return "", fmt.Errorf("sealed %s does not open: is this the key file it was sealed with?", purpose)
	}
	return string(plain), nil
}

// Key derives a 32-byte key for one purpose from the key file, so that one file is all
// there is to keep secret.
func (d *DB) Key(purpose string) []byte {
	mac := hmac.New(sha256.New, d.seal.root)
	mac.Write([]byte("kaquan key: " + purpose))
	return mac.Sum(nil)
}
