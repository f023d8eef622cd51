import { PeerError } from '../../peer/peer-error.ts'
import { promptForm } from '../../peer/read-answer.ts'
import { lengthFaults, promptTokensOf, valueFaults } from '../../peer/score-prompts.ts'
import { compareScores } from '../compare-scores.ts'
import type { Session } from '../session.ts'

/**
 * What other clients send: `max_tokens: 0`, and `prompt_logprobs` in place of echo. Servers that do not have the second
 * one ignore it.
 */
export async function checkForms(session: Session, text: string): Promise<void> {
  await checkNoGeneration(session, text)
  await checkPromptLogprobs(session, text)
}

async function checkPromptLogprobs(session: Session, text: string): Promise<void> {
  const { client, abilities, tolerance, signal } = session.options
  const tally = session.tally('lists_agree')
  const scored = await session.scoreOne(text)
  if (abilities.form !== 'echo' || scored === null) return
  const request = { ...abilities, form: 'prompt_logprobs', prompts: [text], maxTokens: 1 } as const
  const body = client.bodyOf(request)
  try {
    const list = (await client.complete(request, signal)).choices[0]?.promptLogprobs ?? null
    if (list === null) return tally.note('the server has no prompt_logprobs')
    const names = ['in prompt_logprobs', 'with echo'] as const
    const { compared, largest, fault } = compareScores(list, scored.positions, { tolerance, names })
    tally.examined(compared, largest)
    for (const { text: valueFault } of valueFaults(list)) tally.find(`prompt_logprobs has ${valueFault}`, [body])
    if (list.length !== scored.positions.length) tally.find(`prompt_logprobs has ${list.length} entries for ${scored.positions.length} prompt tokens`, [body])
    else if (fault !== null) tally.find(fault, [body, scored.body])
  } catch (error) {
    if (!(error instanceof PeerError)) throw error
    tally.note(`prompt_logprobs: ${error.message}`)
  }
}

/** HELM and old versions of lm-eval send `max_tokens: 0`: P entries, with the values of other requests. */
async function checkNoGeneration(session: Session, text: string): Promise<void> {
  const { client, abilities, tolerance, signal } = session.options
  const zero = session.tally('max_tokens_zero')
  if (abilities.form !== 'echo') return
  const request = { ...abilities, prompts: [text], maxTokens: 0 } as const
  const body = client.bodyOf(request)
  try {
    const answer = await client.complete(request, signal)
    const [choice] = answer.choices
    if (choice === undefined) return
    const faults = lengthFaults(choice, { prompt: text, promptTokens: promptTokensOf(answer, text), maxTokens: 0 })
    zero.examined(1)
    for (const fault of faults) zero.find(`${fault}`, [body])
    const scored = await session.scoreOne(text)
    if (faults.length > 0 || scored === null) return
    const positions = promptForm(choice)?.positions ?? []
    const names = ['with max_tokens 0', 'with max_tokens 1'] as const
    const difference = compareScores(positions, scored.positions, { tolerance, names })
    if (positions.length !== scored.positions.length)
      zero.find(`${positions.length} entries, and ${scored.positions.length} of the prompt with max_tokens 1`, [body, scored.body])
    zero.examined(difference.compared, difference.largest)
    if (difference.fault !== null) zero.find(difference.fault, [body, scored.body])
  } catch (error) {
    if (!(error instanceof PeerError)) throw error
    if (error.kind === 'refused' && error.status !== null && error.status < 500) zero.note(`the server refuses max_tokens 0: ${error.message}`)
    else session.tally('response').find(`max_tokens 0: ${error.message}`, [body])
  }
}
