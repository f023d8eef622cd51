import type { OnPullEvent, PullEvent } from './pull-event.ts'

const MIB = 1 << 20

/** An event as a line for a person; null for what is no news. */
export function describePullEvent(event: Exclude<PullEvent, { readonly kind: 'received' }>): string | null {
  if (event.kind === 'plan') {
    const { repository, revision, commit, files, totalBytes, presentBytes, dtype } = event
    const rest = presentBytes >= totalBytes ? 'all there' : `${mebibytes(totalBytes - presentBytes)} to fetch`
    return `${repository}@${revision} (commit ${commit.slice(0, 12)}), dtype ${dtype}: ${files} files, ${mebibytes(totalBytes)}, ${rest}`
  }
  if (event.kind === 'file') return event.wasPresent ? null : `${event.path}: ${mebibytes(event.sizeBytes)}, checked`
  if (event.kind === 'wait') return `${event.path}: another process fetches it; waiting`
  if (event.kind === 'cached') return `${event.reason}\nusing commit ${event.commit.slice(0, 12)} of the cache`
  return `${event.subject}: ${event.reason}; again in ${(event.pauseMs / 1000).toFixed(1)} s`
}

/** How far a fetch is, in words such as `fetching org/name: 120 of 954 MiB`, told whenever they change. */
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

export function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}
