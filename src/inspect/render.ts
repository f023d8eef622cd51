import type { Section } from './section.ts'

const LABEL_WIDTH = 14

/** One line a fact, labels in a column of their own. */
export function renderText(sections: readonly Section[]): string {
  const lines = sections.flatMap((section) => section.lines)
  return `${lines.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)} ${text}`).join('\n')}\n`
}

/** One JSON object with a key for each section. */
export function renderJson(sections: readonly Section[]): string {
  return `${JSON.stringify(Object.fromEntries(sections.map(({ name, json }) => [name, json])), null, 2)}\n`
}
