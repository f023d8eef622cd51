/** A request of a generated page as a command, followed by its response. */
export function askedExample(path: string, body: object, answer: string): string {
  return `\`\`\`bash
curl -s http://127.0.0.1:8080${path} -H 'content-type: application/json' -d '${JSON.stringify(body)}'
\`\`\`

\`\`\`json
${answer}
\`\`\``
}
