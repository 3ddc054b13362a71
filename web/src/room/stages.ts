import type { Schemas } from "../shared/api";

export type StageId = Schemas["Stage"];

/** `on`: done so far as it goes; `wait`: a person is waited for; empty: not reached. */
export function stageState(room: Schemas["WarRoom"], stage: StageId): "on" | "wait" | "" {
  const waits = room.run?.steps.some((step) => step.stage === stage && step.state === "waiting");
  if (waits) return "wait";
  switch (stage) {
    case "monitor":
      return room.incident.evidence.length > 0 ? "on" : "";
    case "respond":
      if (!room.run) return "wait";
      return room.run.state === "waiting" || room.run.state === "failed" ? "wait" : "on";
    case "contain":
      if (room.containment.some((restriction) => restriction.approval?.state === "waiting")) return "wait";
      return room.containment.length > 0 ? "on" : "";
    case "analyze":
      return room.scope && room.duties ? "on" : "";
    case "repair":
      if (room.repair.verdict === "pass") return "on";
      return room.patches.length > 0 ? "wait" : "";
    case "inform":
      if (room.notices.length === 0) return "";
      return room.notices.every((notice) => notice.state === "sent") ? "on" : "wait";
    case "prevent":
      return room.retrospective ? "on" : "";
  }
}
