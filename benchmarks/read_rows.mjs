// Reads all deals with @bitrix24/b24jssdk; the ids go to stdout as JSON. It is called with `defaults` or `lifted`, the
// webhook, and the folder that has the package among its modules. Lifted means a limiter so wide that it never waits.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [way, webhook, folder] = process.argv.slice(2)
const { B24Hook } = await import(pathToFileURL(createRequire(folder + '/').resolve('@bitrix24/b24jssdk')))

const wide = { rateLimit: { burstLimit: 1e6, drainRate: 1e6, adaptiveEnabled: false } }
const b24 = B24Hook.fromWebhookUrl(webhook, way === 'lifted' ? { restrictionParams: wide } : {})
const rows = b24.actions.v2.fetchList.make({ method: 'crm.deal.list', params: { select: ['*', 'UF_*'] }, idKey: 'ID' })
const ids = []
for await (const page of rows) for (const row of page) ids.push(Number(row.ID))
process.stdout.write(JSON.stringify(ids))
