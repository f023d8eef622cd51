/**
 * The guides, followed from an empty folder in the order of the page: files are written, programs are run as they stand
 * there, and what they print is what the page says. Steps whose Python modules are missing are skipped.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readPage } from '../support/page-blocks.ts'
import { present } from '../support/present.ts'
import { type RunningService, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { type GuideStep, guideSteps, isPrinted, runStep, writeCommands, writeStepFile } from './support/guide-steps.ts'
import { needing } from './support/python.ts'

/** In the order in which they are followed: the second of a group continues in the folder of the first. */
const GUIDES = [['lm-eval.md'], ['rag.md'], ['own-model.md', 'training-batch.md'], ['many-pairs.md'], ['faq.md']] as const
/** Packages whose versions the environment of the tests pins; httpx comes with the client of OpenAI. */
const PINNED = ['httpx==', 'scripts/models/requirements.txt', 'test/interop/requirements.txt']
  .map((file) => (file.endsWith('.txt') ? readPage(file) : file))
  .join('\n')

for (const pages of GUIDES) {
  describe(`docs/guides/${pages.join(', ')}`, () => {
    const folder = tempFolder({ after })
    let service: RunningService
    before(async () => {
      writeCommands(folder)
      service = await startService()
    })
    after(() => service.stop())

    async function follow(step: GuideStep): Promise<void> {
      if (step.kind === 'file') return writeStepFile(folder, step)
      if (step.kind === 'serve') {
        await service.stop()
        const [, model] = present(/^npx logpr serve --model (\S+)$/.exec(step.code.trim()))
        service = await startService({ LOGPR_MODEL: join(folder, present(model)) })
        return
      }
      const { code, stdout, stderr } = await runStep(folder, step, service.url)
      assert.equal(code, 0, `${stdout}\n${stderr}`)
      assert.ok(step.output === null || isPrinted(step.output, `${stdout}\n${stderr}`), `the page says\n${step.output}\nprinted was\n${stdout}\n${stderr}`)
    }

    for (const page of pages) {
      const text = readPage(`docs/guides/${page}`)
      const steps = guideSteps(text)
      for (const step of steps) {
        const options = step.needs.length === 0 ? {} : needing(...step.needs)
        test(`${page}: ${step.kind} ${step.name}`, options, () => follow(step))
      }

      test(`${page}: every program and every output is checked`, () => {
        assert.equal(text.match(/^```(?:bash|python|ts)$/gm)?.length, steps.filter(({ language }) => ['bash', 'python', 'ts'].includes(language)).length)
        assert.equal(text.match(/^<!-- output -->$/gm)?.length ?? 0, steps.filter(({ output }) => output !== null).length)
      })

      test(`${page}: installs packages that the tests pin`, () => {
        const packages = [...text.matchAll(/^pip install (.*)$/gm)].flatMap(([, names = '']) => names.replaceAll("'", '').split(' '))
        const unknown = packages.filter((name) => !name.startsWith('-') && !name.startsWith('http') && !PINNED.includes(`${name}==`))
        assert.deepEqual(unknown, [])
      })
    }
  })
}

test('an output of a page that differs from what is printed is noticed', () => {
  assert.ok(isPrinted('a 1.50 ...\nb', 'x\na 1.51 and more\nb\n'))
  assert.ok(!isPrinted('a 1.50', 'a 1.52'))
  assert.ok(!isPrinted('a 2', 'a 3'))
  assert.ok(!isPrinted('a\nb', 'a\nc\nb'))
})
