"""A simulated Bitrix24 portal, shipped with the extractor: what is promised is proven on it.

1. `server` (HTTP on loopback) or `transport` (in memory) turns bytes into a `Request`
   and drives the portal's generator on the loop's clock; `clock` has one that jumps.
2. `portal` admits the request by `meter`, finds its method and its parameters
   (`parameters`, `wire`) and its caller (`credentials`; `authority` makes tokens); `faults` may get in the way.
3. `calls` runs one call, `batch` up to fifty of them: scope, operating limit, method.
4. `methods` and `system` answer from the `world`, in the portal's own words (`answer`); what happens to it waits in the `queue` of events.
5. `timing` adds the `time` object, `wire` encodes as PHP does, and the account is settled.
"""
