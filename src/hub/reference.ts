import { ServiceError } from '../errors.ts'
import { type HubId, parseHubId } from '../model/hub-id.ts'

/** A folder of a hub repository at a revision. */
export interface HubReference extends HubId {
  readonly kind: 'hub'
  /** As it was given. */
  readonly text: string
}

export interface FolderReference {
  readonly kind: 'folder'
  readonly path: string
}

export const COMMIT = /^[0-9a-f]{40}$/

/**
 * What a user means by `--model`: a path when it is written as one or when there is something of that name, else
 * `organisation/name[/folder][@revision]` of the hub, revision `main`. Throws `configuration_invalid` when it can be neither.
 */
export function parseReference(text: string, isThere: (path: string) => boolean): HubReference | FolderReference {
  if (/^(?:\/|~|\.\.?(?:\/|$))/.test(text) || isThere(text)) return { kind: 'folder', path: text }
  const id = parseHubId(text)
  if (id === null) {
    throw new ServiceError(
      'configuration_invalid',
      `there is no folder ${JSON.stringify(text)}, and it is no hub id either: those look like organisation/name, organisation/name@revision or organisation/name/folder@revision`
    )
  }
  return { kind: 'hub', ...id, text }
}
