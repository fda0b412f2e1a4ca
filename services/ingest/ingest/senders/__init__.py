"""The senders that Baton understands: `vendors` has a module for each, `kit` their common parts.

The way of a delivery:

1. The edge makes a `Delivery` of the HTTP request (`kit.delivery`).
2. The source's `Sender` (`kit.sender`) answers a handshake, if the request is one.
3. `kit.signing` verifies the delivery with the sender's schemes. `kit.places` finds the signatures.
4. The sender reads the delivery into `Item`s (`kit.items`).
5. Capture takes each item by itself, and the edge answers the sender.

To add a sender:

1. Add a model of its source to `ingest.policy`, with its `kind`. If the sender needs no field of
   its own, add the kind to the `kind` of an existing model.
2. Add a module to `vendors`. Its docstring describes the vendor's signature, handshake, retries and
   delivery id. If the vendor's id is not unique, make the id of several fields. The module's last
   name is `SENDER`:
   - `signing`: `signed_by(...)` with a `Signature` or `Token` each; `SHOWN` if the vendor can't
     sign.
   - `reading`: from bytes to items. `formats` reads the body, `payloads` finds values in it, and
     `mapping` applies a bundle's mapping. Raise NotUnderstoodError for an unreadable delivery, and
     nothing else, whatever the sender sends. For a batch let `items.read_each` read each part, so
     that an unreadable part does not affect the others.
   - `read_headers`: the headers that `reading` uses, except the media type. `reading` cannot use
     the address. The address may contain a secret, so Baton does not store it for a replay.
   - `handshake`, if the vendor sends one; `answer`, if the vendor needs another answer than 202.
   - `guide` and `example`: the sources of docs/senders.md and of the API's description.
3. Add a line to `catalogue`.
4. Add tests: the vendor's own examples to `ingest_tests.samples`, the signature to
   `ingest_tests.signers`, a handshake to `test_ingest_greetings` (its answer must not sign a
   delivery), and one test for each rule.

An item's `draft` (`kit.drafts`) has the values by field, as the vendor sent them. A value without a
field goes into `answers`. A table that maps the vendor's fields uses `LeadField`
(`kit.draft_fields`), so mypy finds a misspelt field. `delivery_id` must be the same for each
attempt, and different for all other events of the same person. If the delivery has ids only,
`fetch` names the record; `completing` puts the fetched details into the draft. If several records
belong to one person, a follow-up's `records` has them all.
"""
