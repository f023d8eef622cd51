/** What the hub calls a model: a repository, a folder in it, and a revision. */
export interface HubId {
  /** `organisation/name` */
  readonly repository: string
  /** Folder inside the repository, empty for all of it. */
  readonly subfolder: string
  /** Branch, tag or commit. */
  readonly revision: string
}

const HUB_ID = /^(?<repository>[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?<subfolder>(?:\/[\w.-]+)*)(?:@(?<revision>\w[\w./-]*))?$/

/** Reads `organisation/name[/folder][@revision]`, revision `main` when it names none; null when it is not of that form. */
export function parseHubId(text: string): HubId | null {
  const { repository, subfolder = '', revision = 'main' } = HUB_ID.exec(text)?.groups ?? {}
  const climbs = [...subfolder.split('/'), ...revision.split('/')].some((part) => part === '.' || part === '..')
  if (repository === undefined || climbs || /\.\.|--/.test(repository)) return null
  return { repository, subfolder: subfolder.slice(1), revision }
}

/** What requests call a model of the hub: its id without the revision. */
export function servedIdOf({ repository, subfolder }: Pick<HubId, 'repository' | 'subfolder'>): string {
  return subfolder === '' ? repository : `${repository}/${subfolder}`
}
