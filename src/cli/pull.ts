import { SingleBar } from 'cli-progress'
import { ServiceError } from '../errors.ts'
import { pullReference } from '../hub/locate-hub-model.ts'
import { describePullEvent, type OnPullEvent } from '../hub/pull-progress.ts'
import { hubSettingsFrom } from '../hub/settings.ts'
import { hubReference } from '../model/model-reference.ts'
import { mebibytes } from '../process/mebibytes.ts'
import { COMMANDS } from './commands.ts'
import { EXIT_INTERRUPTED } from './exit-codes.ts'
import { modelOf, readArguments } from './read-arguments.ts'

/**
 * `logpr pull ID[@REVISION]`: downloads the files that one dtype of a model needs and verifies those already present.
 * Prints the folder on standard output and progress on standard error. After SIGINT the next pull resumes.
 */
export async function pull(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = readArguments(COMMANDS.pull, argv, env)
  const { config } = loaded
  const id = modelOf(loaded, argv)
  if (id === '') throw new ServiceError('configuration_invalid', 'pull takes one hub id: logpr pull organisation/name[/folder][@revision] [--dtype DTYPE]')
  const progress = createPullProgress(process.stderr)
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  process.once('SIGINT', interrupt)
  try {
    const settings = hubSettingsFrom(env, { isOffline: config.HUB_OFFLINE, dtype: config.DTYPE })
    const { folder } = await pullReference(hubReference(id), settings, progress.show, interrupted.signal)
    progress.done()
    process.stdout.write(`${folder}\n`)
    return 0
  } catch (error) {
    progress.done()
    if (!interrupted.signal.aborted) throw error
    process.stderr.write('interrupted; run the same command again to resume\n')
    return EXIT_INTERRUPTED
  } finally {
    process.off('SIGINT', interrupt)
  }
}

interface PullProgress {
  readonly show: OnPullEvent
  done(): void
}

/** Without a terminal, one line is printed each time this share of the total has arrived. */
const LINE_SHARE = 0.1

/** Shows a progress bar on a terminal and plain lines elsewhere. The first line tells how much there is to download. */
export function createPullProgress(stream: NodeJS.WriteStream): PullProgress {
  let total = 0
  let arrived = 0
  let shown = 0
  let bar: SingleBar | null = null
  const endBar = (): void => {
    bar?.stop()
    bar = null
  }
  const startBar = (): void => {
    if (!stream.isTTY || arrived >= total) return
    bar = new SingleBar({
      stream,
      format: '{bar} {percentage} % of {size}, {speed}/s, {eta_formatted} left',
      // Otherwise Ctrl-C would leave a terminal without cursor and line wrapping.
      hideCursor: false,
      linewrap: true,
      clearOnComplete: true,
      etaBuffer: 50
    })
    bar.start(total, arrived, { size: mebibytes(total), speed: mebibytes(0) })
  }
  const startedAt = performance.now()
  let downloaded = 0

  return {
    show(event) {
      if (event.kind === 'received') {
        arrived += event.bytes
        downloaded += Math.max(event.bytes, 0)
        bar?.update(Math.max(arrived, 0), { speed: mebibytes((downloaded / (performance.now() - startedAt)) * 1000) })
        if (!stream.isTTY && arrived - shown > total * LINE_SHARE && arrived < total) {
          stream.write(`${mebibytes(arrived)} of ${mebibytes(total)} downloaded\n`)
          shown = arrived
        }
        return
      }
      endBar()
      if (event.kind === 'plan') {
        total = event.totalBytes
        arrived = event.presentBytes
        shown = arrived
      }
      const line = describePullEvent(event)
      if (line !== null) stream.write(`${line}\n`)
      startBar()
    },
    done: endBar
  }
}
