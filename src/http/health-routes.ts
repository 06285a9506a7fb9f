import type { Hono } from 'hono'
import { jsonAnswer } from './api-error.ts'
import type { HealthView } from './api-types.ts'
import type { HttpEnv } from './http-env.ts'

export interface HealthSource {
  health(): Promise<HealthView>
  /** Prometheus text, and the content type that goes with it. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** `/health` for supervisors (200 or 503) and `/metrics` for Prometheus. */
export function addHealthRoutes(app: Hono<HttpEnv>, health: HealthSource): void {
  app.get('/health', async () => {
    const view = await health.health()
    return jsonAnswer(view, view.ok ? 200 : 503)
  })
  app.get('/metrics', async () => {
    const { contentType, text } = await health.metrics()
    return new Response(text, { headers: { 'content-type': contentType, 'cache-control': 'no-store' } })
  })
}
