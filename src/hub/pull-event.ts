/** What a person or a log can be told while a model is fetched. */
export type PullEvent =
  /** What is to be done; comes again when the .onnx file names other files than its repository suggests. */
  | {
      readonly kind: 'plan'
      readonly repository: string
      readonly revision: string
      readonly commit: string
      readonly dtype: string
      readonly files: number
      readonly totalBytes: number
      /** Of these, what is on disk already. */
      readonly presentBytes: number
    }
  /** Bytes that arrived; negative when they have to be fetched again. */
  | { readonly kind: 'received'; readonly bytes: number }
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number; readonly wasPresent: boolean }
  | { readonly kind: 'retry'; readonly subject: string; readonly reason: string; readonly pauseMs: number }
  /** Another process fetches this file. */
  | { readonly kind: 'wait'; readonly path: string }
  /** The hub could not be asked, so what the cache has is used. */
  | { readonly kind: 'cached'; readonly commit: string; readonly reason: string }

export type OnPullEvent = (event: PullEvent) => void
