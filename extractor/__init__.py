"""b24x reads everything a Bitrix24 portal will show, as fast as it allows, each row exactly once.

How a row travels; the files are named for the stages:

1. `cli` turns arguments, environment and TOML into frozen values (`config`); `dump` wires the parts of one run.
2. `catalog` says how an entity is listed: a row of a table, never a class per entity. A `question` is an entity
   with the caller's wishes; `preflight` refuses those that the portal would drop in silence (`conditions`).
3. `planner` asks for the last id and the first page of every entity and cuts each into spans of ids;
   `checkpoint` knows the spans that an earlier run left.
4. `scheduler` starts a pager from `paging` for each span and hands out the calls that are ready.
5. `batch` packs up to 50 calls into one request; `limits` admits it: rate, operating budget, window.
6. `client` sends it through `transport`, as whom `auth` says; `session` renews tokens that have aged (`tokenfile`). Bytes come back.
7. `decoder` turns bytes into pages or errors (`refusals` knows the portal's codes); `retry` decides what an error means.
8. `sinks` append the rows as NDJSON lines; a commit syncs the files, and only then records spans and lengths
   in the `checkpoint`.
9. `scheduler` sends each page to its pager, which asks for the next one or ends; wide spans are split meanwhile.
10. `engine` runs 4 to 9 until nothing is left; `progress` shows it, `manifest` and `report` say what happened.

A `sync` takes the same way every night: its `lanes` are questions for what is new, changed or gone, since a moment that two `clocks` agree
on; `known` remembers each row by a mark, so that only `changes` are written; what is shown and not known is `late`, and fetched; what
seems to be `gone` is asked for once more; a `reflection` moves one entity on when its lanes are through, and `mirror` is the record of all.
What a killed run has left is told from somebody else's files by `leftovers`.
An application's `feed` takes the portal's events before the night (`offline` reads them): what they name is a lane, and it clears them behind it.

A `verify` reads a folder back (`claims`, `ondisk`), keeps ids and marks of both sides in a `ledger`, and lets each entity's `comparison`
look at the portal twice before anything is named in its `findings`; `repair` fetches what a mirror lacks.

`sandbox` is a simulated portal, shipped: its model shares no code with the rest.
"""
