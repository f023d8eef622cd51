import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { ServiceError } from '../errors.ts'
import { PACKAGE_FOLDER } from '../package-info.ts'
import { parseHubId, servedIdOf } from './hub-id.ts'

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
