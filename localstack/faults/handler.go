package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Status is the answer of GET /_local/faults.
type Status struct {
	Rules  []Rule  `json:"rules"`
	Counts []Count `json:"counts"`
}

// Path is where Handler expects to be mounted.
const Path = "/_local/faults"

// maxRules bounds a POST's body, in bytes.
const maxRules = 1 << 20

// Handler serves the rules:
//
//	GET    /_local/faults               Status
//	POST   /_local/faults               adds a rule, or a list of them (all or none); 201 with what was added
//	DELETE /_local/faults               removes all rules; with ?counts=true resets the totals too
//	DELETE /_local/faults/{id}          removes one rule; 404 if there is none
func (in *Injector) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, Status{in.Rules(), in.Counts()})
	})
	mux.HandleFunc("POST "+Path, in.post)
	mux.HandleFunc("DELETE "+Path, func(w http.ResponseWriter, r *http.Request) {
		in.Clear()
		if r.URL.Query().Get("counts") == "true" {
			in.ResetCounts()
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE "+Path+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !in.Remove(r.PathValue("id")) {
			http.Error(w, "no such rule", http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func (in *Injector) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRules))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	rules, single, err := decode(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	added, err := in.addAll(rules)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case single:
		answer(w, http.StatusCreated, added[0])
	default:
		answer(w, http.StatusCreated, added)
	}
}

// addAll adds all rules or none.
func (in *Injector) addAll(rules []Rule) ([]Rule, error) {
	added := []Rule{}
	for _, r := range rules {
		a, err := in.Add(r)
		if err != nil {
			for _, a := range added {
				in.Remove(a.ID)
			}
			return nil, err
		}
		added = append(added, a)
	}
	return added, nil
}

// decode reads a rule or a list of rules. Unknown fields are errors: a misspelled pattern would match everything.
func decode(body []byte) (rules []Rule, single bool, err error) {
	var one json.RawMessage
	if err := json.Unmarshal(body, &one); err != nil {
		return nil, false, err
	}
	var list []json.RawMessage
	if json.Unmarshal(one, &list) != nil {
		list, single = []json.RawMessage{one}, true
	}
	for _, raw := range list {
		r, err := decodeRule(raw)
		if err != nil {
			return nil, false, err
		}
		rules = append(rules, r)
	}
	if len(rules) == 0 {
		return nil, false, errors.New("no rules")
	}
	return rules, single, nil
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone: nobody to tell
}

func decodeRule(raw json.RawMessage) (Rule, error) {
	var r Rule
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(&r)
	return r, err
}
