import { Button, Input, Modal } from "antd";
import { useState } from "react";
import { useI18n } from "./i18n";

/** A button that asks why before it acts. */
export function AskReason(props: {
  label: string;
  title: string;
  hint?: string;
  danger?: boolean;
  disabled?: boolean;
  preset?: string;
  optional?: boolean;
  testid?: string;
  send: (reason: string) => Promise<boolean>;
}) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState(props.preset ?? "");
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    const done = await props.send(reason.trim());
    setBusy(false);
    if (done) setOpen(false);
  };
  return (
    <>
      <Button danger={props.danger ?? false} disabled={props.disabled ?? false} data-testid={props.testid} onClick={() => setOpen(true)}>
        {props.label}
      </Button>
      <Modal
        open={open}
        title={props.title}
        okText={props.label}
        cancelText={t("ui.cancel")}
        okButtonProps={{ loading: busy, disabled: !props.optional && reason.trim() === "", danger: props.danger ?? false }}
        onOk={() => void send()}
        onCancel={() => setOpen(false)}
        destroyOnHidden
      >
        {props.hint && <p>{props.hint}</p>}
        <Input.TextArea
          autoFocus
          rows={3}
          maxLength={500}
          showCount
          value={reason}
          aria-label={t("ui.reason")}
          placeholder={t("ui.reason")}
          onChange={(event) => setReason(event.target.value)}
        />
      </Modal>
    </>
  );
}
