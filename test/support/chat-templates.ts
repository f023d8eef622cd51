import { byteLevel, type TokenizerFiles } from './tokenizers.ts'

/** A chat template of a public style, its control tokens, and the same format in TypeScript. */
export interface ChatStyle {
  readonly name: string
  readonly files: TokenizerFiles
  readonly controls: readonly string[]
  /** Whether the template trims the contents. */
  readonly trims: boolean
  readonly takesSystem: boolean
  render(messages: readonly { readonly role: string; readonly content: string }[]): string
}

const BEGIN = '<|endoftext|>'

function style(
  name: string,
  template: string,
  controls: readonly string[],
  traits: { readonly trims: boolean; readonly takesSystem: boolean },
  render: ChatStyle['render']
): ChatStyle {
  const files = byteLevel(
    {},
    controls.map((content) => ({ content })),
    template
  )
  return { name, files, controls: [BEGIN, ...controls], ...traits, render }
}

export const CHAT_STYLES: readonly ChatStyle[] = [
  style(
    'ChatML',
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    ['<|im_start|>', '<|im_end|>'],
    { trims: false, takesSystem: true },
    (messages) => `${messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('')}<|im_start|>assistant\n`
  ),
  style(
    'Llama 3',
    "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}" +
      '{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}' +
      "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
    ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
    { trims: true, takesSystem: true },
    (messages) =>
      `${BEGIN}${messages.map(({ role, content }) => `<|start_header_id|>${role}<|end_header_id|>\n\n${content.trim()}<|eot_id|>`).join('')}<|start_header_id|>assistant<|end_header_id|>\n\n`
  ),
  style(
    'Gemma',
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
      "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}" +
      "{% if message['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}" +
      "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
    ['<start_of_turn>', '<end_of_turn>'],
    { trims: true, takesSystem: false },
    (messages) =>
      `${BEGIN}${messages.map(({ role, content }) => `<start_of_turn>${role === 'assistant' ? 'model' : role}\n${content.trim()}<end_of_turn>\n`).join('')}<start_of_turn>model\n`
  ),
  style(
    'Mistral',
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] | trim + ' [/INST]' }}" +
      "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] | trim + eos_token }}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}",
    ['[INST]', '[/INST]'],
    { trims: true, takesSystem: false },
    (messages) =>
      `${BEGIN}${messages.map(({ role, content }) => (role === 'user' ? `[INST] ${content.trim()} [/INST]` : ` ${content.trim()}${BEGIN}`)).join('')}`
  )
]
