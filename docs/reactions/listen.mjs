// Reads the change feed with a cursor of its own, woken by NOTIFY. npm install pg; DATABASE_URL=... node listen.mjs
import pg from 'pg'

const client = new pg.Client({ connectionString: process.env.DATABASE_URL }) // not through a pooler in transaction mode
await client.connect()
await client.query('CREATE TABLE IF NOT EXISTS feed_cursor (name TEXT PRIMARY KEY, seq BIGINT NOT NULL)')
await client.query(`INSERT INTO feed_cursor SELECT 'mine', coalesce(max(seq), 0) FROM neon_auth.user_changes ON CONFLICT DO NOTHING`)

async function readOn() {
  for (;;) {
    await client.query('BEGIN')
    const cursor = await client.query(`SELECT seq FROM feed_cursor WHERE name = 'mine' FOR UPDATE`)
    const changes = await client.query('SELECT * FROM neon_auth.user_changes WHERE seq > $1 ORDER BY seq LIMIT 100', [cursor.rows[0].seq])
    for (const change of changes.rows) {
      console.log(change.seq, change.entity, change.id, change.kind) // what your application does, in this transaction
      await client.query(`UPDATE feed_cursor SET seq = $1 WHERE name = 'mine'`, [change.seq])
    }
    await client.query('COMMIT')
    if (changes.rows.length < 100) return
  }
}

let reading = Promise.resolve()
const wake = () => (reading = reading.then(readOn).catch((error) => { console.error(error); process.exit(1) }))
client.on('notification', wake)
await client.query('LISTEN users_sync')
wake() // what changed before this process listened
setInterval(wake, 60_000) // a notification can be lost with the connection
