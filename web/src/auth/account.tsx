import { App, Button, Tag } from "antd";
import { useState } from "react";
import { useI18n } from "../shared/i18n";
import { ROLES } from "../shared/roles";
import { useSession } from "../shared/session";
import { Panel } from "../shared/ui";
import { NewPasswordStep } from "./gate";

/** One's own account. */
export function AccountPage() {
  const { t } = useI18n();
  const { message } = App.useApp();
  const { me, refresh } = useSession();
  const [permission, setPermission] = useState(() => ("Notification" in globalThis ? Notification.permission : "denied"));
  return (
    <div className="grid">
      <Panel title={me.name} className="w6">
        <p className="mono">{me.account}</p>
        {me.roles.map((role) => (
          <Tag key={role}>{t(ROLES[role])}</Tag>
        ))}
        <p>{t("account.notify")}</p>
        <Button disabled={permission !== "default"} onClick={() => void Notification.requestPermission().then(setPermission)}>
          {permission === "granted" ? t("account.notifyOn") : permission === "denied" ? t("account.notifyDenied") : t("account.notifyAsk")}
        </Button>
      </Panel>
      <Panel title={t("auth.changePassword")} className="w6">
        <NewPasswordStep
          onStep={async () => {
            await refresh();
            void message.success(t("auth.passwordChanged"));
          }}
        />
      </Panel>
    </div>
  );
}
