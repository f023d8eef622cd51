import { PROBLEM } from './error.ts'
import { RERANK_RESPONSE, TEI_PROBLEM } from './rerank-response.ts'

/** Schemas that several routes refer to by name; they are the components of the API description. */
export const NAMED_SCHEMAS = { Problem: PROBLEM, RerankResponse: RERANK_RESPONSE, TeiProblem: TEI_PROBLEM } as const
