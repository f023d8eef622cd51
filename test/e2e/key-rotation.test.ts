import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pause, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const OLD = 'an-old-key-of-24-letters'
const NEW = 'a-new-key-of-24-letters-'

test('SIGHUP reads the key file again and does not stop the service', async (t) => {
  const file = join(tempFolder(t), 'keys')
  writeFileSync(file, `${OLD}\n`)
  const service = await startService({ LOGPR_API_KEYS_FILE: file })
  t.after(() => service.stop())
  const statusWith = async (key: string): Promise<number> => (await fetch(`${service.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status

  writeFileSync(file, `${NEW}\n`)
  service.process.kill('SIGHUP')
  for (let tries = 0; tries < 100 && (await statusWith(NEW)) !== 200; tries++) await pause(50)

  assert.deepEqual([await statusWith(NEW), await statusWith(OLD)], [200, 401])
  assert.equal((await service.get('/readyz')).status, 200)
  assert.ok(!service.log.some((line) => line.includes('"draining"')))
})
