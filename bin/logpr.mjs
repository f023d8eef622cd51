#!/usr/bin/env node
/** Starts logpr. A clone of the repository is built first if its sources have changed; the package has no sources. */
import { existsSync } from 'node:fs'

const build = new URL('../scripts/build.mjs', import.meta.url)
if (existsSync(build)) {
  const { buildIfStale } = await import(build.href)
  const fault = buildIfStale()
  if (fault !== null) {
    process.stderr.write(`logpr: ${fault}\n`)
    process.exit(1)
  }
}
await import('../dist/src/main.js')
