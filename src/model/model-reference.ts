import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { ServiceError } from '../errors.ts'
import { expandHome } from '../process/expand-home.ts'
import { PACKAGE_FOLDER } from '../process/package-info.ts'

/** A model that `--model` names. `id` is the name by which requests call it. */
export type ModelReference = FolderReference | HubReference

export interface FolderReference {
  readonly kind: 'folder'
  readonly id: string
  /** Absolute path of a folder or an .onnx file, which need not exist. */
  readonly path: string
}

/** A repository of the hub, or a folder in it, at a revision. */
export interface HubReference {
  readonly kind: 'hub'
  readonly id: string
  /** `organisation/name` */
  readonly repository: string
  /** Folder inside the repository; empty for the whole repository. */
  readonly subfolder: string
  /** Branch, tag or commit. */
  readonly revision: string
  /** The hub id as the user wrote it. */
  readonly text: string
}

/** A revision that is a commit. */
export const COMMIT = /^[0-9a-f]{40}$/

const EMBEDDED_MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/**
 * Segments of letters, digits, `.`, `_` and `-`, joined by `/`; a segment of dots alone is refused, because URLs
 * resolve it away.
 */
const NAME = /^(?!\.+(?:\/|$))[A-Za-z0-9._-]+(?:\/(?!\.+(?:\/|$))[A-Za-z0-9._-]+)*$/
const PATH = /^(?:\/|~|\.\.?(?:\/|$))/
const HUB_ID = /^(?<repository>[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?<subfolder>(?:\/[\w.-]+)*)(?:@(?<revision>\w[\w./-]*))?$/

/**
 * The models that `--model` names, in order. The value is one of:
 *
 *     (empty)            the embedded model
 *     MODEL              a path or a hub id, organisation/name[/folder][@revision]
 *     NAME=MODEL         the same under another id
 *     several, joined by commas
 *
 * A whole value that exists as a path is that path, and `NAME=PATH` is one model when PATH exists, so paths may contain
 * `,` and `=`. Throws `configuration_invalid` naming the entry or the id at fault.
 */
export function modelReferences(value: string): readonly ModelReference[] {
  if (value === '') return [folderReference(EMBEDDED_MODEL)]
  if (existsSync(value)) return [folderReference(value)]
  const { name, model } = splitName(value)
  const references = name !== null && model !== '' && existsSync(model) ? [named(name, model)] : value.split(',').map((entry) => referenceOf(entry.trim()))
  const ids = references.map(({ id }) => id)
  const repeated = ids.find((id, i) => ids.indexOf(id) !== i)
  if (repeated !== undefined) throw invalid(`two models would have the id ${repeated}: give each its own name, as in --model NAME=PATH,NAME2=PATH2`)
  return references
}

/** The one model that `--model` names. Throws `configuration_invalid` when it names several. */
export function onlyReference(value: string): ModelReference {
  const [first, ...others] = modelReferences(value)
  if (first === undefined || others.length > 0)
    throw invalid(`it names ${others.length + 1} models, but this command takes one: only logpr serve takes several`)
  return first
}

/**
 * The hub id that `logpr pull` names, even if a folder of that name exists. Throws `configuration_invalid` for a path
 * and for anything else.
 */
export function hubReference(text: string): HubReference {
  if (PATH.test(text))
    throw new ServiceError('configuration_invalid', `pull takes a hub id such as organisation/name or organisation/name@revision, not the path ${text}`)
  const { repository, subfolder = '', revision = 'main' } = HUB_ID.exec(text)?.groups ?? {}
  const climbs = [...subfolder.split('/'), ...revision.split('/')].some((part) => part === '.' || part === '..')
  if (repository === undefined || climbs || /\.\.|--/.test(repository))
    throw new ServiceError(
      'configuration_invalid',
      `there is no folder ${JSON.stringify(text)}, and it is no hub id either: a hub id is organisation/name, organisation/name@revision or organisation/name/folder@revision`
    )
  return { kind: 'hub', id: `${repository}${subfolder}`, repository, subfolder: subfolder.slice(1), revision, text }
}

function referenceOf(entry: string): ModelReference {
  if (existsSync(entry)) return folderReference(entry)
  const { name, model } = splitName(entry)
  if (name !== null) return named(name, model)
  if (entry === '') throw invalid('it has an empty entry between commas or at an end: write MODEL or NAME=MODEL')
  return unnamed(entry)
}

function named(name: string, model: string): ModelReference {
  if (!NAME.test(name)) throw invalid(`${JSON.stringify(name)} is no name for a model: use letters, digits and . _ - with / between them`)
  if (model === '') throw invalid(`${name}= has no path after it`)
  return { ...unnamed(model), id: name }
}

function unnamed(model: string): ModelReference {
  return PATH.test(model) || existsSync(model) ? folderReference(model) : hubReference(model)
}

function folderReference(path: string): FolderReference {
  const absolute = resolve(expandHome(path))
  return { kind: 'folder', id: basename(absolute), path: absolute }
}

/** At the first `=`; the name is null without one. */
function splitName(entry: string): { readonly name: string | null; readonly model: string } {
  const at = entry.indexOf('=')
  return at === -1 ? { name: null, model: entry } : { name: entry.slice(0, at), model: entry.slice(at + 1) }
}

function invalid(what: string): ServiceError {
  return new ServiceError('configuration_invalid', `--model (LOGPR_MODEL): ${what}`)
}
