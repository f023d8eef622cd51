import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { ServiceError } from '../errors.ts'
import { PACKAGE_FOLDER } from '../process/package-info.ts'

const EMBEDDED_MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** Segments of letters, digits, `.`, `_` and `-`, joined by `/`; none consists of dots, which URLs would resolve away. */
const NAME = /^(?!\.+(?:\/|$))[A-Za-z0-9._-]+(?:\/(?!\.+(?:\/|$))[A-Za-z0-9._-]+)*$/

/** A model to be served: what requests call it, and where it is. */
export interface ModelReference {
  readonly id: string
  /** A folder, or what the hub calls a model: `organisation/name[/folder][@revision]`. */
  readonly reference: string
}

/**
 * The models that `--model` names, in its order. Its forms are: empty, for the embedded model; `PATH`; `NAME=PATH`; and
 * several of the last two, joined by commas. The whole value counts as a path when it exists as one, and as one
 * `NAME=PATH` when that path exists, so that paths with `,` or `=` can be used.
 *
 * Throws `configuration_invalid` naming the entry or the id at fault.
 */
export function modelReferences(value: string): readonly ModelReference[] {
  if (value === '') return [unnamed(EMBEDDED_MODEL)]
  if (existsSync(value)) return [unnamed(value)]
  const [name, path] = splitName(value)
  const references = path !== '' && existsSync(path) ? [named(name, path)] : value.split(',').map((entry) => referenceOf(entry.trim()))
  const ids = references.map(({ id }) => id)
  const repeated = ids.find((id, i) => ids.indexOf(id) !== i)
  if (repeated !== undefined) throw invalid(`two models would have the id ${repeated}; give each a name of its own: --model NAME=PATH,NAME2=PATH2`)
  return references
}

/** The one model that `--model` names. Throws `configuration_invalid` when it names several. */
export function onlyReference(value: string): ModelReference {
  const [first, ...others] = modelReferences(value)
  if (first === undefined || others.length > 0)
    throw invalid(`it names ${others.length + 1} models, and this command takes one; only logpr serve takes several`)
  return first
}

function referenceOf(entry: string): ModelReference {
  if (existsSync(entry)) return unnamed(entry)
  const [name, path] = splitName(entry)
  if (entry.includes('=')) return named(name, path)
  if (entry === '') throw invalid('it has an empty entry between commas or at an end; expected PATH or NAME=PATH')
  return unnamed(entry)
}

function named(name: string, path: string): ModelReference {
  if (!NAME.test(name)) throw invalid(`${JSON.stringify(name)} is no name for a model: letters, digits and . _ - with / between them are taken`)
  if (path === '') throw invalid(`${name}= has no path behind it`)
  return { id: name, reference: path }
}

function unnamed(reference: string): ModelReference {
  const hubId = existsSync(reference) ? null : parseHubId(reference)
  return { id: hubId === null ? basename(resolve(reference)) : servedIdOf(hubId), reference }
}

/** At the first `=`; the name is empty without one. */
function splitName(entry: string): readonly [name: string, path: string] {
  const at = entry.indexOf('=')
  return at === -1 ? ['', ''] : [entry.slice(0, at), entry.slice(at + 1)]
}

function invalid(what: string): ServiceError {
  return new ServiceError('configuration_invalid', `--model (LOGPR_MODEL): ${what}`)
}

/** What the hub calls a model: a repository, a folder in it, and a revision. */
interface HubId {
  /** `organisation/name` */
  readonly repository: string
  /** Folder inside the repository, empty for all of it. */
  readonly subfolder: string
  /** Branch, tag or commit. */
  readonly revision: string
}

const HUB_ID = /^(?<repository>[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?<subfolder>(?:\/[\w.-]+)*)(?:@(?<revision>\w[\w./-]*))?$/

/** Reads `organisation/name[/folder][@revision]`, revision `main` when it names none; null when it is not of that form. */
function parseHubId(text: string): HubId | null {
  const { repository, subfolder = '', revision = 'main' } = HUB_ID.exec(text)?.groups ?? {}
  const climbs = [...subfolder.split('/'), ...revision.split('/')].some((part) => part === '.' || part === '..')
  if (repository === undefined || climbs || /\.\.|--/.test(repository)) return null
  return { repository, subfolder: subfolder.slice(1), revision }
}

/** What requests call a model of the hub: its id without the revision. */
export function servedIdOf({ repository, subfolder }: Pick<HubId, 'repository' | 'subfolder'>): string {
  return subfolder === '' ? repository : `${repository}/${subfolder}`
}

/** A folder of a hub repository at a revision. */
export interface HubReference extends HubId {
  readonly kind: 'hub'
  /** As it was given. */
  readonly text: string
}

interface FolderReference {
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
