import { mebibytes } from '../process/mebibytes.ts'

/** What happens while a model is fetched. */
export type PullEvent =
  /** What is to be fetched; repeated when the .onnx file names other files than the repository's listing suggests. */
  | {
      readonly kind: 'plan'
      readonly repository: string
      readonly revision: string
      readonly commit: string
      readonly dtype: string
      readonly files: number
      readonly totalBytes: number
      /** Of these, the bytes that are on disk already. */
      readonly presentBytes: number
    }
  /** Bytes that arrived; negative when they have to be fetched again. */
  | { readonly kind: 'received'; readonly bytes: number }
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number; readonly wasPresent: boolean }
  | { readonly kind: 'retry'; readonly subject: string; readonly reason: string; readonly pauseMs: number }
  /** Another process is fetching this file. */
  | { readonly kind: 'wait'; readonly path: string }
  /** The hub did not answer or refused, so the cached files are used. */
  | { readonly kind: 'cached'; readonly commit: string; readonly reason: string }

export type OnPullEvent = (event: PullEvent) => void

/** An event as a line for a person; null when there is nothing to say. */
export function describePullEvent(event: Exclude<PullEvent, { readonly kind: 'received' }>): string | null {
  if (event.kind === 'plan') {
    const { repository, revision, commit, files, totalBytes, presentBytes, dtype } = event
    const rest = presentBytes >= totalBytes ? 'all present' : `${mebibytes(totalBytes - presentBytes)} to fetch`
    return `${repository}@${revision} (commit ${commit.slice(0, 12)}), dtype ${dtype}: ${files} files, ${mebibytes(totalBytes)}, ${rest}`
  }
  if (event.kind === 'file') return event.wasPresent ? null : `${event.path}: ${mebibytes(event.sizeBytes)}, checked`
  if (event.kind === 'wait') return `${event.path}: waiting for another process that is fetching it`
  if (event.kind === 'cached') return `${event.reason}\nusing commit ${event.commit.slice(0, 12)} from the cache`
  return `${event.subject}: ${event.reason}; retrying in ${(event.pauseMs / 1000).toFixed(1)} s`
}

const MIB = 1 << 20

/** Tells how far a pull is, in words such as `fetching org/name: 120 of 954 MiB`, whenever they change. */
export function tellPullState(tell: (words: string) => void): OnPullEvent {
  let arrived = 0
  let total = 0
  let name = ''
  let last = ''
  return (event) => {
    if (event.kind === 'plan') {
      name = event.repository
      total = event.totalBytes
      arrived = event.presentBytes
    } else if (event.kind === 'received') arrived += event.bytes
    else if (event.kind === 'retry') last = ''
    const words = event.kind === 'retry' ? describePullEvent(event) : `fetching ${name}: ${Math.floor(arrived / MIB)} of ${Math.ceil(total / MIB)} MiB`
    if (words === null || words === last) return
    last = words
    tell(words)
  }
}
