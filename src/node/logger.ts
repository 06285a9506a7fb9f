import { pino } from 'pino'
import type { Log } from '../core/ports.ts'

/** One JSON object a line on standard error; a person reads them with `jq` or journalctl. */
export function createLogger(level: string): Log {
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2))
  return {
    debug: (message, facts = {}) => {
      logger.debug(facts, message)
    },
    info: (message, facts = {}) => {
      logger.info(facts, message)
    },
    warn: (message, facts = {}) => {
      logger.warn(facts, message)
    },
    error: (message, facts = {}) => {
      logger.error(facts, message)
    }
  }
}
