/** The playground: sends one request to POST /v1/logprob and shows sums, checks, coloured tokens and a comparison. */

/** Surprise, in nats, at which a token gets the full colour of an unlikely one. */
const FULL_SURPRISE_NATS = 10
const TOP_SHOWN = 5

const at = (id) => document.getElementById(id)
const tooltip = at('tooltip')
let running = null
/** The served models, from GET /v1/models. */
let models = []

at('form').addEventListener('submit', (event) => {
  event.preventDefault()
  void score()
})
for (const id of ['x', 'y']) {
  at(id).addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) at('form').requestSubmit()
  })
}
at('key').addEventListener('change', () => void showModels())
at('model').addEventListener('change', showModel)
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') tooltip.hidden = true
})
document.addEventListener('scroll', () => (tooltip.hidden = true), { passive: true, capture: true })
void showModels()

async function score() {
  running?.abort()
  const controller = new AbortController()
  running = controller
  if (models.length === 0) await showModels()
  const body = requestBody()
  tooltip.hidden = true
  at('status').textContent = 'Scoring…'
  const began = performance.now()
  try {
    const response = await fetch('v1/logprob', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...keyHeader() },
      body: JSON.stringify(body),
      signal: controller.signal
    })
    const answer = await response.json()
    const elapsed = `${Math.round(performance.now() - began)} ms`
    if (running !== controller) return
    at('status').textContent = response.ok ? `Done in ${elapsed}.` : `Rejected: ${answer.title ?? response.status}.`
    show(response.ok ? answerView(answer, body) : [problemView(answer, response)])
  } catch (error) {
    if (running !== controller) return
    at('status').textContent = 'No response.'
    show([element('div', { class: 'problem', role: 'alert' }, element('h2', {}, 'The service did not respond'), element('p', {}, String(error.message)))])
  }
}

function requestBody() {
  // Lines are not trimmed: a leading space is part of y.
  const outputs = at('y').value.split('\n').filter((line) => line !== '')
  return {
    ...(models.length === 0 ? {} : { model: at('model').value }),
    x: at('x').value,
    y: outputs.length > 1 ? outputs : (outputs[0] ?? ''),
    detail: 'tokens',
    top_logprobs: TOP_SHOWN,
    boundary: at('boundary').value,
    prefix_token: at('prefix').value,
    eos: at('eos').checked ? 'score' : 'none',
    verify: at('deep').checked ? 'deep' : 'standard'
  }
}

function keyHeader() {
  const key = at('key').value
  return key === '' ? {} : { authorization: `Bearer ${key}` }
}

/** Fills the choice of models, which is visible only if there are several, and keeps the current selection. */
async function showModels() {
  try {
    const response = await fetch('v1/models', { headers: keyHeader() })
    const answer = await response.json()
    models = response.ok ? answer.data : []
    const chosen = at('model').value
    at('model').replaceChildren(...models.map(({ id }) => element('option', { value: id }, id)))
    if (models.some(({ id }) => id === chosen)) at('model').value = chosen
    at('models').hidden = models.length < 2
    if (response.ok) showModel()
    else at('facts').textContent = answer.detail ?? `status ${response.status}`
  } catch {
    at('facts').textContent = 'The service is not responding.'
  }
}

function showModel() {
  const model = models.find(({ id }) => id === at('model').value)
  at('facts').textContent = model === undefined ? '' : `${model.id}: ${model.architecture}, ${model.dtype}, context ${model.max_model_len} tokens`
}

function show(children) {
  const output = at('output')
  output.replaceChildren(...children)
  output.hidden = false
  output.focus({ preventScroll: true })
}

function answerView(answer, body) {
  const scored = answer.results.filter((result) => result.error === undefined)
  const outputOf = ({ candidate }) => (Array.isArray(body.y) ? body.y[candidate] : body.y)
  return [
    ...(scored.length > 1 ? [comparisonView(scored, outputOf)] : []),
    ...answer.results.map((result) => resultView(result, outputOf(result))),
    element(
      'details',
      {},
      element('summary', {}, 'Request and response as JSON'),
      element('pre', { tabindex: '0' }, `POST /v1/logprob\n${JSON.stringify(body, null, 2)}\n\n${JSON.stringify(answer, null, 2)}`)
    )
  ]
}

/**
 * Pr(y | x) of each output as a share of their sum: compares outputs with each other, not with every possible
 * continuation.
 */
function comparisonView(results, outputOf) {
  const best = Math.max(...results.map(({ log_prob }) => log_prob.conditional))
  const weights = results.map(({ log_prob }) => Math.exp(log_prob.conditional - best))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const rows = results
    .map((result, i) => ({ result, share: weights[i] / sum }))
    .sort((a, b) => b.share - a.share)
    .map(({ result, share }) => {
      const bar = element('div', {})
      bar.style.width = `${100 * share}%`
      return element(
        'tr',
        {},
        element('th', { scope: 'row', class: 'y-text' }, visible(outputOf(result))),
        element('td', { class: 'number' }, nats(result.log_prob.conditional)),
        element('td', { class: 'number' }, nats(result.normalized?.per_token)),
        element('td', { class: 'number' }, nats(result.normalized?.per_byte)),
        element('td', { class: 'number' }, `${(100 * share).toFixed(2)} %`),
        element('td', { class: 'bar', 'aria-hidden': 'true' }, bar)
      )
    })
  const heads = ['log Pr(y|x)', 'per token', 'per byte', 'share']
  return element(
    'section',
    { class: 'comparison' },
    element('h2', {}, 'Comparison of outputs'),
    element('p', { class: 'small' }, 'Share is Pr(y|x) divided by its sum over these outputs. Longer outputs get lower shares: compare them per token or per byte.'),
    element(
      'div',
      { class: 'scroll' },
      element(
        'table',
        {},
        element(
          'thead',
          {},
          element('tr', {}, element('th', { scope: 'col' }, 'y'), ...heads.map((head) => element('th', { scope: 'col', class: 'number' }, head)), element('td', {}))
        ),
        element('tbody', {}, ...rows)
      )
    )
  )
}

function resultView(result, output) {
  const heading = element('h2', {}, 'y = ', element('code', {}, visible(output)))
  if (result.error !== undefined) {
    const { code, message, param } = result.error
    return element(
      'section',
      { class: 'problem' },
      heading,
      element('p', {}, element('strong', {}, 'This output was not scored: '), message),
      element('p', { class: 'small' }, `code ${code}${param ? `, field ${param}` : ''}`)
    )
  }
  const { log_prob: logProb, normalized, counts } = result
  const terms = [
    ['joint, log Pr([x, y])', logProb.joint],
    ['marginal, log Pr(x)', logProb.marginal],
    ['conditional, log Pr(y|x)', logProb.conditional],
    ...(result.log_prob_eos === undefined ? [] : [['end token, log Pr(end|x, y)', result.log_prob_eos]])
  ]
  const facts = [
    `x ${counts.x.tokens} tokens, y ${counts.y.tokens} tokens, ${counts.y.bytes} bytes`,
    normalized ? `perplexity of y ${normalized.perplexity.toPrecision(5)}` : '',
    normalized?.bits_per_byte == null ? '' : `${normalized.bits_per_byte.toFixed(4)} bits per byte`,
    result.is_greedy ? 'y is the greedy completion' : 'y is not the greedy completion',
    `boundary ${result.boundary.policy}`
  ]
  return element(
    'section',
    { class: 'result' },
    heading,
    element('dl', { class: 'numbers' }, ...terms.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', { title: String(value) }, `${nats(value)}`)))),
    element('p', { class: 'small' }, `Nats. ${facts.filter((fact) => fact !== '').join(' · ')}`),
    checksView(result.checks),
    // A check that does not pass says the same in more detail.
    ...(result.checks.verdict === 'pass' ? result.warnings.map(({ message }) => element('p', { class: 'warn' }, `Warning: ${message}`)) : []),
    ...tokensView(result.tokens)
  )
}

function checksView({ verdict, items }) {
  const line = ({ id, status, message, value }) =>
    element('li', {}, element('strong', { class: status }, status), ' ', element('code', {}, id), `: ${message}`, value === null ? '' : ` (value ${value})`)
  const notable = items.filter(({ status }) => status === 'warn' || status === 'fail')
  return element(
    'div',
    { class: 'verdict' },
    element('span', { class: `badge ${verdict}` }, `checks: ${verdict}`),
    ...(notable.length === 0 ? [] : [element('ul', { class: 'checks' }, ...notable.map(line))]),
    element(
      'details',
      {},
      element('summary', {}, `All ${items.length} checks`),
      element('ul', { class: 'checks small' }, ...items.map(line))
    )
  )
}

/** One tab stop; the arrow keys, Home and End move between tokens. */
function tokensView(tokens) {
  const buttons = tokens.map(tokenButton)
  const list = element('ol', { class: 'tokens', 'aria-label': 'Tokens; use the arrow keys to move between them' }, ...buttons.map((button) => element('li', {}, button)))
  const moveTo = (index) => {
    for (const button of buttons) button.tabIndex = -1
    const target = buttons[Math.min(buttons.length - 1, Math.max(0, index))]
    target.tabIndex = 0
    target.focus()
  }
  if (buttons.length > 0) buttons[0].tabIndex = 0
  list.addEventListener('keydown', (event) => {
    const current = buttons.indexOf(event.target)
    const next = { ArrowRight: current + 1, ArrowDown: current + 1, ArrowLeft: current - 1, ArrowUp: current - 1, Home: 0, End: buttons.length - 1 }[event.key]
    if (current === -1 || next === undefined) return
    event.preventDefault()
    moveTo(next)
  })
  const legend = element(
    'p',
    { class: 'legend small' },
    'likely',
    element('span', { class: 'scale', 'aria-hidden': 'true' }),
    `unlikely (${FULL_SURPRISE_NATS} nats or more). y is underlined. Dashed tokens have no log-probability. · is a space, ↵ a line break.`
  )
  return [list, legend]
}

function tokenButton(token) {
  const isScored = token.log_prob !== null
  const facts = [
    ['part', token.part],
    ['id', String(token.id)],
    ['log-prob', isScored ? nats(token.log_prob) : 'none'],
    ['probability', isScored ? percent(token.log_prob) : 'none'],
    ['rank', token.rank === null ? 'none' : String(token.rank)],
    ['entropy', token.entropy === null ? 'none' : nats(token.entropy)]
  ]
  const label = `${JSON.stringify(token.text)}, ${facts.map(([name, value]) => `${name} ${value}`).join(', ')}`
  const button = element('button', { type: 'button', tabindex: '-1', 'aria-label': label, class: `token ${token.part}${isScored ? '' : ' unscored'}` }, visible(token.text) || '∅')
  if (isScored) button.style.setProperty('--surprise', `${(100 * Math.min(1, Math.max(0, -token.log_prob / FULL_SURPRISE_NATS))).toFixed(1)}%`)
  const open = () => showTooltip(button, [...facts, ...(token.top ?? []).map((top, i) => [`top ${i + 1}`, `${visible(top.text) || '∅'} ${nats(top.log_prob)}`])])
  const close = () => (tooltip.hidden = true)
  for (const type of ['mouseenter', 'focus', 'click']) button.addEventListener(type, open)
  for (const type of ['mouseleave', 'blur']) button.addEventListener(type, close)
  return button
}

function showTooltip(target, facts) {
  tooltip.replaceChildren(element('dl', {}, ...facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)])))
  tooltip.hidden = false
  const box = target.getBoundingClientRect()
  const fitsBelow = box.bottom + tooltip.offsetHeight + 8 < window.innerHeight
  tooltip.style.left = `${Math.max(4, Math.min(box.left, window.innerWidth - tooltip.offsetWidth - 4))}px`
  tooltip.style.top = `${fitsBelow ? box.bottom + 6 : Math.max(4, box.top - tooltip.offsetHeight - 6)}px`
}

function problemView(problem, response) {
  const retryAfter = response.headers.get('retry-after')
  const facts = [
    `status ${response.status}`,
    problem.code ? `code ${problem.code}` : '',
    problem.error?.param ? `field ${problem.error.param}` : '',
    retryAfter ? `retry after ${retryAfter} s` : '',
    problem.request_id ? `request ${problem.request_id}` : ''
  ]
  return element(
    'section',
    { class: 'problem', role: 'alert' },
    element('h2', {}, problem.title ?? 'The request failed'),
    element('p', {}, problem.detail ?? ''),
    element('p', { class: 'small' }, facts.filter((fact) => fact !== '').join(' · '))
  )
}

function nats(value) {
  return value === null || value === undefined ? 'none' : value.toFixed(4)
}

function percent(logProb) {
  const probability = Math.exp(logProb)
  return probability >= 0.001 ? `${(100 * probability).toFixed(2)} %` : probability.toExponential(2)
}

/** Makes white space visible. For display only. */
function visible(text) {
  return text.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '→')
}

/** Creates an element. Children that are strings become text and are never parsed as HTML. */
function element(name, attributes, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}
