import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COMMANDS, type CommandName } from '../../src/cli/commands.ts'
import { renderCommandHelp, renderUsage } from '../../src/cli/usage.ts'
import { type CommandForm, loadConfig } from '../../src/config/load-config.ts'

const NAMES = Object.keys(COMMANDS) as CommandName[]

/** The words of a command line, with its quotes removed and without redirection. */
function wordsOf(command: string): string[] {
  return [...command.replace(/ > .*/, '').matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

describe('COMMANDS', () => {
  for (const name of NAMES) {
    it(`has two examples of ${name} that its parser accepts`, () => {
      const { examples } = COMMANDS[name]
      assert.equal(examples.length, 2)
      for (const [example] of examples) {
        const [program, command, ...argv] = wordsOf(example)
        assert.deepEqual([program, command], ['logpr', name])
        assert.doesNotThrow(() => loadConfig(argv, {}, COMMANDS[name] as CommandForm<Record<never, never>>))
      }
    })

    it(`gives the help of ${name} lines of at most 120 columns`, () => {
      const long = renderCommandHelp(name)
        .split('\n')
        .filter((line) => line.length > 120)
      assert.deepEqual(long, [])
    })
  }

  it('are all in the general help, which fits on a screen', () => {
    const help = renderUsage()
    for (const name of NAMES) assert.match(help, new RegExp(`^ {2}logpr ${name} `, 'm'))
    assert.ok(help.split('\n').length <= 24)
  })
})
