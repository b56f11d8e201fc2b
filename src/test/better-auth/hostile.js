// Calls the hooks of docs/better-auth.md with values that Better Auth and its plugins may pass.
// Ends when every delivery is sent.
import { usersSync, usersSyncOrganizations } from "./users-sync.ts";

const circle = { id: "circle", name: "Circle", friends: [{ name: "Friend" }], createdAt: new Date() };
circle.self = circle;
circle.friends[0].of = circle.friends;
const shared = { theme: "dark" };
const users = [
  null,
  undefined,
  circle,
  { id: "big", name: "Big", credits: 9007199254740993n, limits: [1n], createdAt: new Date() },
  { id: "twice", name: "Twice", first: shared, second: shared, nothing: undefined, work: () => 1, sign: Symbol("s"), never: new Date(NaN), createdAt: new Date() },
  { id: "getter", get name() { throw new Error("not loaded"); } },
  { id: "json", settings: { toJSON() { throw new Error("not loaded"); } } },
];
process.on("unhandledRejection", (reason) => {
  console.error("unhandled", reason);
  process.exit(3);
});
for (const user of users) {
  await usersSync.user.create.after(user);
}
await usersSync.user.update.after(null);
await usersSync.user.delete.after(undefined);
await usersSyncOrganizations.afterUpdateOrganization({ organization: null });
await usersSyncOrganizations.afterAddMember({});
