import { REDIRECT_FAULTS, REFUSAL_FAULTS } from './answers.ts'
import { CONNECTION_FAULTS } from './connection.ts'
import { CONTENT_FAULTS } from './content.ts'
import { DISK_FAULTS } from './disk.ts'
import type { HubFault } from './fault.ts'

/** In the order of the table in docs/guides/hub.md. */
export const HUB_FAULTS: readonly HubFault[] = [...CONNECTION_FAULTS, ...REDIRECT_FAULTS, ...CONTENT_FAULTS, ...REFUSAL_FAULTS, ...DISK_FAULTS]
