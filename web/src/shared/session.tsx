import { createContext, useContext } from "react";
import type { Role, Schemas } from "./api";

export type Me = Schemas["Me"];

interface Session {
  me: Me;
  signOut: () => Promise<void>;
  refresh: () => Promise<void>;
}

const Context = createContext<Session | undefined>(undefined);

export const SessionProvider = Context.Provider;

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("useSession stands outside SessionProvider");
  return session;
}

/** Whether the person holds one of the roles. The server decides anyway; this only spares a vain click. */
export function useMay(...roles: Role[]): boolean {
  const { me } = useSession();
  return roles.some((role) => me.roles.includes(role));
}
