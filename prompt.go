package nightlatch

import (
	"fmt"

	"github.com/nightlatch/nightlatch/factor"
)

// sealedPrompt keeps the prompt of an enrollment, so that a page that is opened again shows the same.
type sealedPrompt struct {
	Code      *factor.Code      `json:"code,omitempty"`
	Scan      *factor.Scan      `json:"scan,omitempty"`
	PublicKey *factor.PublicKey `json:"public_key,omitempty"`
	Password  *factor.Password  `json:"password,omitempty"`
}

func sealPrompt(p factor.Prompt) (*sealedPrompt, error) {
	switch p := p.(type) {
	case nil:
		return nil, nil
	case factor.Code:
		p.Message = nil // it holds the code and is sent once
		return &sealedPrompt{Code: &p}, nil
	case factor.Scan:
		return &sealedPrompt{Scan: &p}, nil
	case factor.PublicKey:
		return &sealedPrompt{PublicKey: &p}, nil
	case factor.Password:
		return &sealedPrompt{Password: &p}, nil
	}
	return nil, fmt.Errorf("an enrollment cannot show %T", p)
}

func (p *sealedPrompt) prompt() factor.Prompt {
	switch {
	case p == nil:
		return nil
	case p.Code != nil:
		return *p.Code
	case p.Scan != nil:
		return *p.Scan
	case p.PublicKey != nil:
		return *p.PublicKey
	case p.Password != nil:
		return *p.Password
	}
	return nil
}
