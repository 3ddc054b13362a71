import { Input, Modal } from "antd";
import { useState, type ReactNode } from "react";
import { useI18n } from "./i18n";

/** A dialog that asks before it acts: what stands in it, then why. It shuts once it is done. */
export function Dialog(props: {
  title: string;
  ok: string;
  /** Shown or not, for who keeps it while it is shut. */
  open?: boolean;
  danger?: boolean;
  /** Whether what stands in it is filled. */
  ready?: boolean;
  reason?: "needed" | "optional" | "none";
  preset?: string;
  send: (reason: string) => Promise<boolean>;
  close: () => void;
  children?: ReactNode;
}) {
  const { t } = useI18n();
  const [reason, setReason] = useState(props.preset ?? "");
  const [busy, setBusy] = useState(false);
  const asks = props.reason ?? "needed";
  const send = async () => {
    setBusy(true);
    const done = await props.send(reason.trim());
    setBusy(false);
    if (done) props.close();
  };
  const filled = props.ready !== false && (asks !== "needed" || reason.trim() !== "");
  return (
    <Modal
      open={props.open ?? true}
      title={props.title}
      okText={props.ok}
      cancelText={t("ui.cancel")}
      okButtonProps={{ loading: busy, disabled: !filled, danger: props.danger }}
      onOk={() => void send()}
      onCancel={props.close}
      destroyOnHidden
    >
      {props.children}
      {asks !== "none" && (
        <Input.TextArea
          autoFocus={!props.children}
          rows={3}
          maxLength={500}
          showCount
          value={reason}
          style={{ margin: "12px 0 24px" }}
          aria-label={t("ui.reason")}
          placeholder={t("ui.reason")}
          onChange={(event) => setReason(event.target.value)}
        />
      )}
    </Modal>
  );
}
