// The handler from providers' documentation: Express, svix, look up the user, then insert or update.
// The documentation omits the guard against old events. It is added to the write here; without it the rows would be
// wrong.
import express from 'express'
import pg from 'pg'
import { Webhook } from 'svix'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 })
const webhook = new Webhook(process.env.CLERK_WEBHOOK_SECRET)
const app = express()
app.disable('x-powered-by')
app.disable('etag')

app.post('/webhooks/clerk', express.raw({ type: 'application/json', limit: '1mb' }), async (request, response) => {
  let event
  try {
    webhook.verify(request.body, request.headers)
    event = JSON.parse(request.body)
  } catch {
    return response.sendStatus(401)
  }
  for (let attempt = 0; ; attempt++) {
    try {
      await apply(event)
      return response.status(204).end()
    } catch (error) {
      if (error.code !== '23505' || attempt === 3) { // another request inserted the user between select and insert
        console.error(error.message)
        return response.status(503).set('Retry-After', '30').end()
      }
    }
  }
})

async function apply (event) {
  const user = event.data
  const found = await pool.query('SELECT id FROM neon_auth.users_sync WHERE id = $1', [user.id])
  if (event.type === 'user.deleted') {
    const at = new Date(event.timestamp)
    if (found.rowCount === 0) {
      await pool.query('INSERT INTO neon_auth.users_sync (id, raw_json, deleted_at) VALUES ($1, $2, $3)', [user.id, { id: user.id }, at])
    } else {
      await pool.query(`UPDATE neon_auth.users_sync SET deleted_at = greatest(deleted_at, $2)
                         WHERE id = $1 AND (updated_at IS NULL OR updated_at <= $2)`, [user.id, at])
    }
  } else if (event.type === 'user.created' || event.type === 'user.updated') {
    const email = user.email_addresses.find(address => address.id === user.primary_email_address_id)?.email_address ?? null
    const name = [user.first_name, user.last_name].filter(Boolean).join(' ') || user.username || email
    const values = [user.id, user, name, email, new Date(user.created_at), new Date(user.updated_at ?? event.timestamp)]
    if (found.rowCount === 0) {
      await pool.query('INSERT INTO neon_auth.users_sync (id, raw_json, name, email, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)', values)
    } else {
      await pool.query(`UPDATE neon_auth.users_sync SET raw_json = $2, name = $3, email = $4, created_at = $5, updated_at = $6,
                               deleted_at = CASE WHEN $6 > deleted_at THEN NULL ELSE deleted_at END
                         WHERE id = $1 AND (updated_at IS NULL OR updated_at <= $6)`, values)
    }
  }
}

app.listen(Number(process.env.PORT), '127.0.0.1')
