package db

import (
	"encoding/base64"
	"maps"
	"strings"

	"kaquan/campaigns"
)

// sealedMark begins an answer that is stored encrypted. Nobody can type it: control
// characters never reach an answer.
const sealedMark = "\x01sealed:"

// unreadable stands for an answer that does not open with this key file.
const unreadable = "******"

// answerPurpose ties a sealed answer to its claim and question.
func answerPurpose(claim campaigns.ClaimID, key string) string {
	return "answer " + claim.String() + " " + key
}

// sealAnswers are the answers of a claim as they are stored.
func (d *DB) sealAnswers(c *campaigns.Claim) campaigns.Answers {
	stored := maps.Clone(c.Answers)
	for _, key := range c.Private {
		if text := stored[key]; text != "" {
			stored[key] = sealedMark + base64.RawStdEncoding.EncodeToString(d.seal.seal(answerPurpose(c.ID, key), text))
		}
	}
	return stored
}

// openAnswers makes the sealed answers of a claim readable, for those who may see them: the
// lists and pages that mask them. What only moves claims on leaves them sealed.
func (d *DB) openAnswers(c *campaigns.Claim) {
	for key, text := range c.Answers {
		sealed, ok := strings.CutPrefix(text, sealedMark)
		if !ok {
			continue
		}
		c.Answers[key] = unreadable
		b, err := base64.RawStdEncoding.DecodeString(sealed)
		if err != nil {
			continue
		}
		if plain, err := d.seal.open(answerPurpose(c.ID, key), b); err == nil {
			c.Answers[key] = plain
		}
	}
}

func (d *DB) opened(c *campaigns.Claim, err error) (*campaigns.Claim, error) {
	if err == nil {
		d.openAnswers(c)
	}
	return c, err
}
