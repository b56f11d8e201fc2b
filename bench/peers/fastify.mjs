// The best code that a Node user writes: Fastify, standardwebhooks, and one prepared statement an event with a guard
// against old events.
import Fastify from 'fastify'
import pg from 'pg'
import { Webhook } from 'standardwebhooks'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 })
const webhook = new Webhook(process.env.CLERK_WEBHOOK_SECRET)
const app = Fastify({ logger: false, bodyLimit: 1048576 })
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => done(null, body))

const upsert = {
  name: 'upsert',
  text: `INSERT INTO neon_auth.users_sync AS u (id, raw_json, name, email, created_at, updated_at)
         VALUES ($1, $2, $3, $4, to_timestamp($5::bigint / 1e3), to_timestamp($6::bigint / 1e3))
         ON CONFLICT (id) DO UPDATE SET raw_json = excluded.raw_json, name = excluded.name, email = excluded.email,
           created_at = coalesce(excluded.created_at, u.created_at), updated_at = excluded.updated_at,
           deleted_at = CASE WHEN excluded.updated_at > u.deleted_at THEN NULL ELSE u.deleted_at END
         WHERE u.updated_at IS NULL OR u.updated_at <= excluded.updated_at`
}
const remove = {
  name: 'remove',
  text: `INSERT INTO neon_auth.users_sync AS u (id, raw_json, deleted_at) VALUES ($1, jsonb_build_object('id', $1::text), to_timestamp($2::bigint / 1e3))
         ON CONFLICT (id) DO UPDATE SET deleted_at = greatest(u.deleted_at, excluded.deleted_at)
         WHERE u.updated_at IS NULL OR u.updated_at <= excluded.deleted_at`
}

app.post('/webhooks/clerk', async (request, reply) => {
  let event
  try {
    event = webhook.verify(request.body, request.headers) // also checks the tolerance of five minutes
  } catch {
    return reply.code(401).send()
  }
  const user = event.data
  try {
    switch (event.type) {
      case 'user.created':
      case 'user.updated': {
        const email = user.email_addresses.find(address => address.id === user.primary_email_address_id)?.email_address ?? null
        const name = [user.first_name, user.last_name].filter(Boolean).join(' ') || user.username || email
        await pool.query({ ...upsert, values: [user.id, JSON.stringify(user), name, email, user.created_at, user.updated_at ?? event.timestamp] })
        break
      }
      case 'user.deleted':
        await pool.query({ ...remove, values: [user.id, event.timestamp] })
    }
    return reply.code(204).send()
  } catch (error) {
    console.error(error.message)
    return reply.code(503).header('Retry-After', '30').send()
  }
})

await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
