import type { ChatMessage, Conversation } from '../../src/tokenizer/tokenizer.ts'

/** A conversation without tools and other options, unless they are given. */
export function chatOf(messages: readonly ChatMessage[], options: Partial<Conversation> = {}): Conversation {
  return { messages, addGenerationPrompt: false, continuedField: null, tools: null, documents: null, variables: {}, ...options }
}
