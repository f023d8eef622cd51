import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'
import { LOGPR_VERSION } from '../process/package-info.ts'
import type { Tracing } from './spans.ts'

let active: Tracing | null = null

/** The tracing of this process; null unless `startTracing` found it configured. */
export function activeTracing(): Tracing | null {
  return active
}

export interface TracingExport {
  /** Sends the spans that wait, and traces nothing more. */
  stop(): Promise<void>
}

/** Whether the standard variables of OpenTelemetry ask for traces. Throws `configuration_invalid`. */
export function isTracingConfigured(env: Readonly<Record<string, string | undefined>>): boolean {
  const isDisabled = env.OTEL_SDK_DISABLED?.toLowerCase() === 'true'
  const exporter = env.OTEL_TRACES_EXPORTER ?? ''
  if (isDisabled || exporter === 'none') return false
  const hasEndpoint = Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
  if (exporter === '' && !hasEndpoint) return false
  if (exporter !== '' && exporter !== 'otlp')
    throw new ServiceError('configuration_invalid', 'OTEL_TRACES_EXPORTER must be otlp or none: logpr sends traces by OTLP over HTTP only')
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL
  if (protocol === 'grpc')
    throw new ServiceError('configuration_invalid', 'OTEL_EXPORTER_OTLP_PROTOCOL must not be grpc: use the HTTP endpoint of the collector, on port 4318')
  return true
}

/**
 * Starts to send traces if the environment asks for it, and loads the libraries only then. They read the endpoint, its
 * headers, the sampler and the batch sizes from the OTEL_* variables themselves. Null: traces are off.
 */
export async function startTracing(env: Readonly<Record<string, string | undefined>>, log: Pick<Logger, 'warn' | 'info'>): Promise<TracingExport | null> {
  if (!isTracingConfigured(env)) return null
  const [{ diag, DiagLogLevel }, { BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, resources, { Tracing }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('./spans.ts')
  ])
  const warn = (message: string): void => log.warn({ reason: message.slice(0, 200) }, 'traces cannot be sent')
  diag.setLogger({ error: warn, warn, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN)
  const named = resources.resourceFromAttributes({ 'service.name': 'logpr', 'service.version': LOGPR_VERSION })
  const given = resources.detectResources({ detectors: [resources.envDetector] })
  const provider = new BasicTracerProvider({ resource: named.merge(given), spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] })
  active = new Tracing(provider.getTracer('logpr', LOGPR_VERSION))
  log.info({}, 'traces are sent')
  return {
    async stop() {
      active = null
      // A collector that cannot be reached must not turn a normal stop into a failed one.
      await provider.shutdown().catch((error: unknown) => warn(String(error)))
      diag.disable()
    }
  }
}
