import { createHash } from 'node:crypto'
import type { ErrorCode } from '../../../src/errors.ts'
import type { HubSettings } from '../../../src/hub/settings.ts'
import { WEIGHTS } from '../../support/hub/model-files.ts'
import type { HubServer } from '../../support/hub/server.ts'

/** A fault during a pull, and its expected outcome. */
export interface HubFault {
  readonly name: string
  readonly end: 'right bytes' | ErrorCode
  /** Requests for the file of weights, and whether one of them resumed the download. */
  readonly requests: number
  readonly resumes: boolean
  /** Plants the fault; may run a pull first. */
  readonly plant?: (hub: HubServer, settings: HubSettings) => unknown
  /** Settings that differ from the usual ones. */
  readonly settings?: (usual: HubSettings) => Partial<HubSettings>
}

export const ID = 'org/tiny'
export const WEIGHTS_ETAG = createHash('sha256').update(WEIGHTS).digest('hex')
export const ALWAYS = Number.POSITIVE_INFINITY
export const DATA = new RegExp(WEIGHTS_ETAG)
export const DATA_ON_HUB = /resolve\/.*model\.onnx_data/
export const fine = { end: 'right bytes', requests: 1, resumes: false } as const
export const again = { end: 'right bytes', requests: 2, resumes: false } as const
export const resumed = { end: 'right bytes', requests: 2, resumes: true } as const
export const none = { requests: 0, resumes: false } as const
export const answer = (status: number, headers: Record<string, string> = {}, body = '') => ({ kind: 'answer', status, headers, body }) as const
