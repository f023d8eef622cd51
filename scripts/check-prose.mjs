/**
 * Part of `npm run check`: fails on prose and comment lines over 120 characters, and on the wordings below. Tables, code
 * blocks and lines with a link are exempt from the length.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const MAX_LINE_LENGTH = 120

/** Wordings that read as translated, each with what to write. */
const HABITS = [
  [/not as (?:it|they) (?:has|have) to\b/, 'mismatch'],
  [
    /\b(?:one|an entry|a row|one row|one line|one result|one file|one check|a check|an item|a model|an output) a (?:line|row|check|token|sequence|model|key|result|request|item|file)\b/,
    'per'
  ],
  [/\bstands? in (?:the|its|a|this) /, 'is in'],
  [/\bare (?:another|other ones)\b/, 'differ'],
  [/\bat the moment\b/, 'currently'],
  [/\bcome by separately\b/, 'arrive separately'],
  [/\b(?:is|are|was|were) had from\b/, 'comes from'],
  [/\bturn(?:ed|s)? (?:it |them )?round\b(?! by)/, 'reverse'],
  [/\bin hand\b/, 'in reserve, or pending'],
  [/\bof its own right\b/, 'its own'],
  [/\bnothing is had\b/, 'there is none'],
  [/\b(?:is|are) gone on with\b/, 'continue'],
  [/\bas it is had\b/, 'as it is'],
  [/\blooks after\b/, 'monitors'],
  [/\bhub asked again\b/, 'retrying'],
  [/\bnats a token\b/, 'nats per token'],
  [/\btokens a second\b/, 'tokens per second'],
  [/\bC(?:0[1-9]|[12]\d|3[01])\b(?=.*check)/, 'the id of the check']
]

const PROSE = /^(?:README|CHANGELOG|CONTRIBUTING|SECURITY)\.md$|^docs\/.*\.md$|^bench\/.*\.md$|^models\/.*\.md$|^scripts\/.*\.md$/
const CODE = /^(?:bin|src|test|bench|scripts)\/.*\.(?:ts|mjs)$|^web\/.*\.js$/
const WORDED = /^deploy\/|^web\/|^openapi\.yaml$|^\.ci\/|^Dockerfile$|^docker-compose\.yml$/

const faults = []
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' }).split('\n')
for (const file of files) {
  const isProse = PROSE.test(file)
  const isCode = CODE.test(file)
  if ((!isProse && !isCode && !WORDED.test(file)) || file === 'scripts/check-prose.mjs') continue
  let isInBlock = false
  for (const [index, line] of readLines(file).entries()) {
    const fault = (what) => faults.push(`${file}:${index + 1}: ${what}`)
    if (isProse && /^\s*(?:```|<!--)/.test(line)) isInBlock = line.includes('```') ? !isInBlock : isInBlock
    const isLong = line.length > MAX_LINE_LENGTH
    if (isLong && isProse && !isInBlock && !/^\s*\||\]\(|https?:/.test(line)) fault(`${line.length} characters of prose`)
    if (isLong && isCode && /^\s*(?:\/\*\*|\*|\/\/)/.test(line) && !/https?:|biome-ignore/.test(line)) fault(`${line.length} characters of comment`)
    for (const [habit, instead] of HABITS) if (habit.test(line)) fault(`"${habit.exec(line)[0]}": write "${instead}"`)
  }
}
if (faults.length > 0) {
  process.stderr.write(`${faults.join('\n')}\n${faults.length} lines to reword or to wrap\n`)
  process.exit(1)
}

function readLines(file) {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch (error) {
    // Deleted, but not yet committed.
    if (error.code === 'ENOENT') return []
    throw error
  }
}
