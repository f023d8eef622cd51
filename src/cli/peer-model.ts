import { ServiceError } from '../errors.ts'
import type { PeerClient } from '../peer/peer-client.ts'
import { PeerError } from '../peer/peer-error.ts'

interface ListedModel {
  /** Sent as `model`; null when the server lists none, and needs none. */
  readonly id: string | null
  readonly maxModelLen: number | null
}

interface NamedModel {
  /** As given; null for the only one. */
  readonly name: string | null
  /** The flag that names one. */
  readonly flag: string
}

/** The model to ask for: the only one that the server lists, or the named one. */
export async function listedModel(client: PeerClient, { name, flag }: NamedModel, signal: AbortSignal): Promise<ListedModel> {
  const models = await client.models(signal).catch((error: unknown) => {
    const isMissing = error instanceof PeerError && (error.kind === 'invalid' || error.status === 404 || error.status === 405)
    if (isMissing) return []
    throw error
  })
  const [only] = models
  if (name !== null) return models.find(({ id }) => id === name) ?? { id: name, maxModelLen: null }
  if (models.length > 1) throw invalid(`the server has ${models.length} models: name one with --${flag} (${models.map(({ id }) => id).join(', ')})`)
  return only ?? { id: null, maxModelLen: null }
}

/** The API key in an environment variable. Throws `configuration_invalid`, naming the flag, when there is none. */
export function keyIn(env: NodeJS.ProcessEnv, variable: string, flag: string): string {
  if (!/^[A-Za-z_]\w*$/.test(variable)) throw invalid(`--${flag} takes the name of an environment variable, not the key itself`)
  const key = env[variable]?.trim() ?? ''
  if (key === '') throw invalid(`--${flag} names ${variable}, and this environment variable is not set`)
  return key
}

function invalid(message: string): ServiceError {
  return new ServiceError('configuration_invalid', message)
}
