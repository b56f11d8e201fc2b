// An application with Better Auth and its organization plugin, rows in Postgres, and the hooks of docs/better-auth.md.
// The test puts the hooks beside this file.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { organization } from "better-auth/plugins";
import pg from "pg";
import { usersSync, usersSyncMemberships, usersSyncOrganizations } from "./users-sync.ts";

const port = Number(process.env.PORT);
const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: "the secret of an application that lives for one test",
  database: new pg.Pool({ connectionString: process.env.DATABASE_URL }),
  emailAndPassword: { enabled: true },
  user: {
    changeEmail: { enabled: true, updateEmailWithoutVerification: true },
    deleteUser: { enabled: true },
  },
  databaseHooks: usersSync,
  plugins: [organization({ teams: { enabled: true }, organizationHooks: usersSyncOrganizations }), usersSyncMemberships],
});
await (await getMigrations(auth.options)).runMigrations();
const handler = toNodeHandler(auth);
createServer(async (request, response) => {
  if (request.url !== "/add-member") return handler(request, response);
  // What an application does in its own code, without a request to Better Auth.
  let body = "";
  for await (const part of request) body += part;
  response.end(JSON.stringify(await auth.api.addMember({ body: JSON.parse(body) })));
}).listen(port, "127.0.0.1");
// Ends with the test, even if the test is killed.
process.stdin.on("end", () => process.exit()).resume();
