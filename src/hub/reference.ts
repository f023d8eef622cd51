import { ServiceError } from '../errors.ts'

/** A folder of a hub repository at a revision. */
export interface HubReference {
  readonly kind: 'hub'
  /** `organisation/name` */
  readonly repository: string
  /** Branch, tag or commit. */
  readonly revision: string
  /** Folder inside the repository, empty for all of it. */
  readonly subfolder: string
  /** As it was given. */
  readonly text: string
}

export interface FolderReference {
  readonly kind: 'folder'
  readonly path: string
}

const HUB_ID = /^(?<repository>[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?<subfolder>(?:\/[\w.-]+)*)(?:@(?<revision>\w[\w./-]*))?$/
export const COMMIT = /^[0-9a-f]{40}$/

/**
 * What a user means by `--model`: a folder when it is written as a path or when there is one of that name, else
 * `organisation/name[/folder][@revision]` of the hub, revision `main`. Throws `configuration_invalid` when it can be neither.
 */
export function parseReference(text: string, isFolder: (path: string) => boolean): HubReference | FolderReference {
  if (/^(?:\/|~|\.\.?(?:\/|$))/.test(text) || isFolder(text)) return { kind: 'folder', path: text }
  const { repository, subfolder = '', revision = 'main' } = HUB_ID.exec(text)?.groups ?? {}
  const climbs = [...subfolder.split('/'), ...revision.split('/')].some((part) => part === '.' || part === '..')
  if (repository === undefined || climbs || /\.\.|--/.test(repository)) {
    throw new ServiceError(
      'configuration_invalid',
      `there is no folder ${JSON.stringify(text)}, and it is no hub id either: those look like organisation/name, organisation/name@revision or organisation/name/folder@revision`
    )
  }
  return { kind: 'hub', repository, revision, subfolder: subfolder.slice(1), text }
}
