import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load-config.ts'
import { withProviderDefaults } from '../../src/config/provider-defaults.ts'

describe('withProviderDefaults', () => {
  const budgetsOf = (argv: readonly string[], env: Record<string, string>, provider: 'cpu' | 'cuda'): number[] => {
    const { config, given } = loadConfig(argv, env)
    const { MAX_BATCH_TOKENS, LONG_TEXT_TOKENS } = withProviderDefaults(config, given, provider)
    return [MAX_BATCH_TOKENS, LONG_TEXT_TOKENS]
  }

  it('replaces the defaults on CUDA only', () => {
    assert.deepEqual(
      [budgetsOf([], {}, 'cpu'), budgetsOf([], {}, 'cuda')],
      [
        [2048, 128],
        [8192, 1024]
      ]
    )
  })

  it('keeps a setting from a flag or variable, even if it equals the default', () => {
    assert.deepEqual(budgetsOf(['--max-batch-tokens', '2048'], {}, 'cuda'), [2048, 1024])
    assert.deepEqual(budgetsOf([], { LOGPR_LONG_TEXT_TOKENS: '64' }, 'cuda'), [8192, 64])
  })
})
