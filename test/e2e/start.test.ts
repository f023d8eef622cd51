import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { onTerminal, WITH_TERMINAL } from '../support/run-logpr.ts'
import { endOfStart, startService } from '../support/running-service.ts'

const ESCAPE = '\x1b'

describe('logpr serve on a terminal', WITH_TERMINAL, () => {
  test('logs lines for people, ends the start with the summary, and stops on Ctrl-C', async () => {
    const { output, code } = await onTerminal('logpr serve --port 0', [['Stop', '\x03']])
    assert.equal(code, 0, output)
    assert.match(output, /INFO.*engine ready/)
    assert.match(
      output,
      /is ready\r\n\r\n {2}Open +http:\/\/127\.0\.0\.1:\d+\/ .*\r\n {2}Model +logpr-tiny-en, .*\r\n {2}Self-test +pass: .*\r\n {2}Stop +press Ctrl-C/
    )
    assert.match(output, /draining[\s\S]*stopped/)
  })

  test('shows the address below a base path', async () => {
    const { output } = await onTerminal('logpr serve --port 0 --base-path /ml/logpr', [['Stop', '\x03']])
    assert.match(output, /Open +http:\/\/127\.0\.0\.1:\d+\/ml\/logpr\/ \(API reference: http:\/\/127\.0\.0\.1:\d+\/ml\/logpr\/docs\)/)
  })

  test('has colors only where the terminal takes them', async () => {
    // Node finds no colors where CI is set, and others of these would decide instead of the case.
    const clean = 'unset CI TF_BUILD TEAMCITY_VERSION TMUX NO_COLOR NODE_DISABLE_COLORS FORCE_COLOR COLORTERM; TERM=xterm'
    const logs = ['', 'NO_COLOR=1 ', 'TERM=dumb '].map((variable) => onTerminal(`${clean} ${variable}logpr serve --port 0`, [['Stop', '\x03']]))
    assert.deepEqual(
      (await Promise.all(logs)).map(({ output }) => output.includes(ESCAPE)),
      [true, false, false]
    )
  })

  test('writes JSON if asked to', async () => {
    const { output } = await onTerminal('logpr serve --port 0 --log-format json', [['"ready"', '\x03']])
    const lines = output.split('\r\n').filter((line) => line.startsWith('{'))
    assert.ok(lines.length >= 5, output)
    for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), line)
    assert.doesNotMatch(output, /Self-test/)
  })
})

describe('logpr serve in a pipe', () => {
  test('writes JSON and nothing else', async () => {
    const service = await startService()
    await service.stop()
    assert.deepEqual(
      service.log.filter((line) => !line.startsWith('{"level":')),
      []
    )
  })

  test('writes lines for people, without colors, if asked to', async () => {
    const { code, output } = await endOfStart({ LOGPR_LOG_FORMAT: 'pretty', LOGPR_MODEL: '/nowhere' })
    assert.equal(code, 2, output)
    assert.match(output, /^\[\d\d:\d\d:\d\d\] INFO: execution provider \{/m)
    assert.ok(!output.includes(ESCAPE))
  })
})
