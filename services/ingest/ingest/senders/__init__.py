"""The senders that Baton understands: `vendors` has a module for each, `kit` what they share.

How a delivery goes: the edge makes a `Delivery` of the request (`delivery`), asks its source's
`Sender` (`sender`) for a handshake, verifies it by the sender's schemes (`signing`, over the
`places` of a delivery), has it read into `Item`s (`items`), takes each in by itself, and answers.

To add a sender:

1. A source's model in `ingest.policy`, with its `kind`; where nothing of its fields differs
   from one deployment to another, a word more in the `kind` of a model that is there.
2. A module in `vendors`. Its docstring says how the vendor signs, greets and repeats itself, and
   what its delivery id is, made of several fields where its own is not unique. `SENDER` is its last
   name:
   - `signing`: `signed_by(...)` with a `Signature` or `Token` each; `SHOWN` for who can't sign;
   - `reading`: bytes to items. `formats` reads the body, `payloads` takes things out of it,
     `mapping` goes by a bundle's mapping. Raise NotUnderstoodError for what can't be read; of a
     batch, let `items.each` do so one by one. Nothing raises anything else, whatever is sent;
   - `read_headers`, if it reads any header but the media type; of an address, which may hold a
     secret, nothing is read: it is not kept with what is to be read again;
   - `handshake`, if the vendor asks something first; `answer`, if it must be told anything but 202;
   - `guide` and `example`, from which docs/senders.md and the API's description are made.
3. A line in `catalogue`.
4. Tests: the vendor's own vectors in the table of the samples, how it signs in that of the ways
   (`ingest_tests.signers`), its greeting if it has a handshake (`test_ingest_greetings`: what is
   answered must sign no delivery), and a rule a sentence.

An item's `draft` (`drafts`) has what was said, field by field: values may be as the vendor has
them, and what has no field is kept under `answers`. A table that places the vendor's fields names
ours by `LeadField` (`draft_fields`): a misspelt one is a type error. `delivery_id` must be the same
for each attempt, and for nothing else that the same person did. `fetch` says that the vendor must
be asked for the rest, which `completing` puts into the draft. That several records are one person's
is said by a follow-up's `records`.
"""
