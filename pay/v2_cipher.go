package pay

import (
	"crypto/aes"
	"crypto/md5" //nolint:gosec // the protocol says MD5
	"encoding/base64"
	"encoding/hex"
	"errors"
)

var errCipher = errors.New("pay: does not decrypt")

// openECB opens req_info of a v2 refund notification: AES-256-ECB with PKCS#7; the key is
// the lower-case hex MD5 of the API key (A7). It gives no integrity.
func openECB(text, apiKey string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 || len(raw)%aes.BlockSize != 0 {
		return nil, errCipher
	}
	sum := md5.Sum([]byte(apiKey)) //nolint:gosec // the protocol says MD5
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	if err != nil {
		return nil, errCipher
	}
	for i := 0; i < len(raw); i += aes.BlockSize {
		block.Decrypt(raw[i:i+aes.BlockSize], raw[i:i+aes.BlockSize])
	}
	pad := int(raw[len(raw)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, errCipher
	}
	for _, b := range raw[len(raw)-pad:] {
		if int(b) != pad {
			return nil, errCipher
		}
	}
	return raw[:len(raw)-pad], nil
}
