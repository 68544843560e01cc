package orders

import (
	"context"
	"errors"
	"sync"
	"time"

	"kaquan/campaigns"
	"kaquan/pay"
)

// Merchant is the WeChat Pay account of an official account.
type Merchant struct {
	Account campaigns.AccountID
	pay.Merchant
	UpdatedAt time.Time
}

// gateways keeps one gateway for each merchant: it holds keys that were read from PEM.
type gateways struct {
	mu    sync.Mutex
	known map[campaigns.AccountID]madeGateway
}

type madeGateway struct {
	pay.Gateway
	of time.Time
}

// merchant is the account's merchant with its gateway; ErrNoMerchant.
func (s *Service) merchant(ctx context.Context, account campaigns.AccountID) (Merchant, pay.Gateway, error) {
	m, err := s.store.Merchant(ctx, account)
	if err != nil {
		return m, nil, err
	}
	s.made.mu.Lock()
	defer s.made.mu.Unlock()
	if known, ok := s.made.known[account]; ok && known.of.Equal(m.UpdatedAt) {
		return m, known.Gateway, nil
	}
	if m.BaseURL == "" {
		m.BaseURL = s.payURL
	}
	gateway, err := pay.New(pay.Options{Merchant: m.Merchant, Now: s.now})
	if err != nil {
		return m, nil, ErrGateway.Because(err)
	}
	s.made.known[account] = madeGateway{gateway, m.UpdatedAt}
	return m, gateway, nil
}

// gatewayOf is the gateway for an order. Another merchant than the order's does not know it,
// so nothing that one says may end it: then it is ErrGateway (protocol D1).
func (s *Service) gatewayOf(ctx context.Context, o Order) (pay.Gateway, error) {
	_, gateway, err := s.merchant(ctx, o.Account)
	if err == nil && gateway.MerchantID() != o.MerchantID {
		err = ErrGateway.Because(errOtherMerchant)
	}
	return gateway, err
}

var errOtherMerchant = errors.New("orders: the account has another merchant now")

// Merchant finds the account's; ErrNoMerchant.
func (s *Service) Merchant(ctx context.Context, account campaigns.AccountID) (Merchant, error) {
	return s.store.Merchant(ctx, account)
}

// SaveMerchant stores the account's merchant. Keys that are left empty keep their value. A
// setting that cannot work comes back as *pay.KeyError and nothing is stored.
func (s *Service) SaveMerchant(ctx context.Context, actor campaigns.Actor, m Merchant) error {
	old, err := s.store.Merchant(ctx, m.Account)
	if err != nil && !errors.Is(err, ErrNoMerchant) {
		return err
	}
	keep := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	keep(&m.V2Key, old.V2Key)
	keep(&m.V3Key, old.V3Key)
	keep(&m.PrivateKeyPEM, old.PrivateKeyPEM)
	keep(&m.CertificatePEM, old.CertificatePEM)
	now := s.now().UTC()
	m.UpdatedAt = now
	checked := m.Merchant
	if checked.BaseURL == "" {
		checked.BaseURL = s.payURL
	}
	if _, err := pay.New(pay.Options{Merchant: checked, Now: s.now}); err != nil {
		return err
	}
	return s.store.SaveMerchant(ctx, m, campaigns.Audit{Actor: actor, Action: "orders.merchant.save", Detail: "{}", At: now})
}

// CheckMerchant examines the stored keys and asks WeChat once, changing nothing.
func (s *Service) CheckMerchant(ctx context.Context, account campaigns.AccountID) ([]pay.Finding, error) {
	_, gateway, err := s.merchant(ctx, account)
	if err != nil {
		return nil, err
	}
	return gateway.Check(ctx), nil
}
