/**
 * `node dist/scripts/structure.js [SRC]`: how large the code is and how it is layered, from its imports alone.
 *
 * A room is a folder with TypeScript files, or a file directly in SRC. A room stands one floor above the highest room
 * that it imports; rooms that import each other share a floor.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const IMPORT = /^(?:import|export) (?:[^'"]*? from )?'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gms
const SMALL_LINES = 40

interface Structure {
  readonly files: number
  readonly lines: number
  readonly medianLines: number
  readonly largest: { readonly file: string; readonly lines: number }
  readonly smallFiles: number
  readonly rooms: number
  readonly floors: number
  /** Pairs of rooms of which the first imports the second. */
  readonly arrows: number
  /** Groups of rooms that import each other. */
  readonly loops: readonly (readonly string[])[]
}

export function structureOf(root: string): Structure {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
  const files = paths.map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
  const sizes = files.map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 })).sort((a, b) => a.lines - b.lines)
  const imports = new Map<string, Set<string>>(paths.map((file) => [roomOf(file), new Set()]))
  for (const { file, text } of files) {
    for (const [, stated, dynamic] of text.matchAll(IMPORT)) {
      const target = roomOf(normalize(join(dirname(file), stated ?? dynamic ?? '')))
      if (target !== roomOf(file)) imports.get(roomOf(file))?.add(target)
    }
  }
  const groups = loopsOf(imports)
  return {
    files: files.length,
    lines: sizes.reduce((sum, { lines }) => sum + lines, 0),
    medianLines: sizes[Math.floor(sizes.length / 2)]?.lines ?? 0,
    largest: sizes.at(-1) ?? { file: '', lines: 0 },
    smallFiles: sizes.filter(({ lines }) => lines < SMALL_LINES).length,
    rooms: imports.size,
    floors: Math.max(0, ...floorsOf(groups, imports)),
    arrows: [...imports.values()].reduce((sum, { size }) => sum + size, 0),
    loops: groups.filter(({ length }) => length > 1)
  }
}

function roomOf(file: string): string {
  const folder = dirname(file)
  return folder === '.' ? file : folder
}

/** Rooms that reach each other are one group; the groups partition the rooms. */
function loopsOf(imports: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const reach = new Map([...imports.keys()].map((room) => [room, reachable(room, imports)]))
  const groups: string[][] = []
  for (const room of imports.keys()) {
    const group = groups.find(([first]) => first !== undefined && reach.get(first)?.has(room) === true && reach.get(room)?.has(first) === true)
    if (group === undefined) groups.push([room])
    else group.push(room)
  }
  return groups
}

function reachable(from: string, imports: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const found = new Set<string>()
  const open = [from]
  for (let room = open.pop(); room !== undefined; room = open.pop())
    for (const next of imports.get(room) ?? []) {
      if (found.has(next)) continue
      found.add(next)
      open.push(next)
    }
  return found
}

/** The floor of each group, from 1. */
function floorsOf(groups: readonly (readonly string[])[], imports: ReadonlyMap<string, ReadonlySet<string>>): number[] {
  const groupOf = new Map(groups.flatMap((group) => group.map((room) => [room, group] as const)))
  const floors = new Map<readonly string[], number>()
  const floorOf = (group: readonly string[]): number => {
    const imported = group.flatMap((room) => [...(imports.get(room) ?? [])])
    const below = new Set(imported.flatMap((room) => (groupOf.get(room) === group ? [] : [groupOf.get(room) ?? []])))
    const known = floors.get(group)
    if (known !== undefined) return known
    const floor = 1 + Math.max(0, ...[...below].map(floorOf))
    floors.set(group, floor)
    return floor
  }
  return groups.map(floorOf)
}

if (import.meta.filename === process.argv[1]) {
  const { largest, loops, ...rest } = structureOf(process.argv[2] ?? join(import.meta.dirname, '..', '..', 'src'))
  for (const [name, value] of Object.entries(rest)) process.stdout.write(`${name}: ${value}\n`)
  process.stdout.write(`largest: ${largest.file}, ${largest.lines} lines\n`)
  process.stdout.write(`loops: ${loops.length === 0 ? 'none' : loops.map((rooms) => rooms.join(' <-> ')).join('; ')}\n`)
}
