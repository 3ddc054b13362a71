import { Button } from "antd";
import { useState } from "react";
import { Dialog } from "./dialog";

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
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button danger={props.danger} disabled={props.disabled} data-testid={props.testid} onClick={() => setOpen(true)}>
        {props.label}
      </Button>
      <Dialog
        open={open}
        title={props.title}
        ok={props.label}
        danger={props.danger}
        reason={props.optional ? "optional" : "needed"}
        preset={props.preset}
        send={props.send}
        close={() => setOpen(false)}
      >
        {props.hint && <p>{props.hint}</p>}
      </Dialog>
    </>
  );
}
