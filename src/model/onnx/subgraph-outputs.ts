import { type ByteSource, fieldsOf, sourceOfBytes, textOf } from './wire.ts'

/** The names of what the graph in an encoded attribute gives; none for an attribute of another kind. AttributeProto { g 6 }, GraphProto { output 12 }. */
export function subgraphOutputs(attribute: Uint8Array): string[] {
  const source = sourceOfBytes(attribute)
  return [...children(source, 0, source.sizeBytes, 6)]
    .flatMap((graph) => [...children(source, graph.start, graph.end, 12)])
    .flatMap((info) => [...children(source, info.start, info.end, 1)].map((name) => textOf(source, name)))
}

function* children(source: ByteSource, start: number, end: number, number: number) {
  for (const field of fieldsOf(source, start, end)) if (field.number === number) yield field
}
