import type { Role, Schemas } from "./api";
import type { Key } from "./words.zh";

export const ROLES = {
  commander: "role.commander",
  security: "role.security",
  it: "role.it",
  legal: "role.legal",
  pr: "role.pr",
  business: "role.business",
  auditor: "role.auditor",
  admin: "role.admin",
} as const satisfies Record<Role, Key>;

export const ALL_ROLES = Object.keys(ROLES) as Role[];

export const DEPARTMENTS = {
  it: "role.it",
  security: "role.security",
  legal: "role.legal",
  pr: "role.pr",
  business: "role.business",
} as const satisfies Record<Schemas["Department"], Key>;
